/** The cars beside the picture, in the order on the track: colour, name, lap, speed; each can be hidden. */

import { element, setText } from "../dom";
import { lapTime } from "../format";
import { poseAt, type Drive } from "./trace";

const EVERY_MS = 250;

export class Legend {
  readonly list = element("ol", { class: "replay-cars", "aria-label": "Cars, in the order on the track" });
  private readonly items = new Map<Drive, HTMLLIElement>();
  private drawnAt = -Infinity;

  constructor(private readonly laps: number, private readonly onToggle: () => void) {}

  add(drive: Drive): void {
    const button = element(
      "button",
      { type: "button", class: "replay-car", "aria-pressed": "true", title: `Show or hide ${drive.car.name}` },
      element("span", { class: "swatch" }),
      element("span", { class: "name" }, drive.car.name),
      element("span", { class: "official" }, lapTime(drive.car.official_ms)),
      element("span", { class: "now" }),
    );
    button.style.setProperty("--car", drive.colour);
    button.addEventListener("click", () => {
      drive.isHidden = !drive.isHidden;
      button.setAttribute("aria-pressed", String(!drive.isHidden));
      this.onToggle();
    });
    const item = element("li", {}, button);
    this.items.set(drive, item);
    this.list.append(item);
  }

  remove(drive: Drive): void {
    this.items.get(drive)?.remove();
    this.items.delete(drive);
  }

  /** A few times a second is enough to read, and keeps the page's layout out of the animation. */
  draw(t: number, isForced: boolean): void {
    const now = performance.now();
    if (!isForced && now - this.drawnAt < EVERY_MS) return;
    this.drawnAt = now;
    const order = [...this.items.keys()]
      .map((drive) => ({ drive, pose: poseAt(drive.trace, t) }))
      .sort((a, b) => b.pose.distance - a.pose.distance);
    order.forEach(({ drive, pose }, index) => {
      const item = this.items.get(drive);
      if (!item) return;
      const text = pose.isOver
        ? drive.car.official_ms === null ? "did not finish" : "finished"
        : `lap ${pose.lap}/${this.laps} · ${pose.speed.toFixed(1)} m/s`;
      setText(item.querySelector(".now"), text);
      // Moving a focused item would take the focus away from its button.
      if (this.list.children[index] !== item && !this.list.contains(document.activeElement)) {
        this.list.insertBefore(item, this.list.children[index] ?? null);
      }
    });
  }
}
