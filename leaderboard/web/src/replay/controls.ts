/** Buttons, slider and keys of the replay. Everything can be done with the keyboard alone. */

import { element, setText } from "../dom";
import type { Player } from "./player";

const SPEEDS = [0.5, 1, 2, 4] as const;

const FULL_SCREEN_SIGN =
  '<svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" fill="none" stroke="currentColor" ' +
  'stroke-width="2"><path d="M1 5V1h4M11 1h4v4M15 11v4h-4M5 15H1v-4"/></svg>';

export class Controls {
  readonly bar = element("div", { class: "replay-controls" });
  /** Stands on the picture itself. */
  readonly full = element("button", { type: "button", class: "replay-full", "aria-label": "Full screen", title: "Full screen (f)" });
  private readonly play = element("button", { type: "button", class: "button small replay-play", "aria-keyshortcuts": "Space" });
  private readonly slider = element("input", {
    type: "range", min: 0, max: 0, step: 0.05, value: 0, class: "replay-slider", "aria-label": "Moment of the race",
  });
  private readonly clock = element("output", { class: "replay-clock" }, "0.0 s");
  private readonly speed = element("select", { "aria-label": "Speed", class: "replay-speed" });

  constructor(private readonly player: Player, private readonly host: HTMLElement) {
    for (const speed of SPEEDS) {
      this.speed.append(element("option", { value: speed, selected: speed === 1 }, `${speed}×`));
    }
    this.bar.append(this.play, this.slider, this.clock, this.speed);
    this.play.addEventListener("click", () => player.toggle());
    this.slider.addEventListener("input", () => player.seek(Number(this.slider.value)));
    this.speed.addEventListener("change", () => player.setSpeed(Number(this.speed.value)));
    this.full.innerHTML = FULL_SCREEN_SIGN;
    this.full.addEventListener("click", () => this.toggleFullScreen());
    this.full.hidden = !document.fullscreenEnabled;
    host.addEventListener("keydown", (event) => this.onKey(event));
    this.update();
  }

  update(): void {
    const { player } = this;
    setText(this.play, player.isPlaying ? "Pause" : "Play");
    this.slider.max = String(player.duration);
    this.moved();
  }

  /** Called for every frame: only what moves. */
  moved(): void {
    const { time, duration } = this.player;
    this.slider.value = String(time);
    this.slider.setAttribute("aria-valuetext", `${time.toFixed(1)} of ${duration.toFixed(1)} seconds`);
    this.slider.style.setProperty("--played", `${duration ? (100 * time) / duration : 0}%`);
    setText(this.clock, `${time.toFixed(1)} s`);
  }

  private toggleFullScreen(): void {
    if (document.fullscreenElement) void document.exitFullscreen();
    else void this.host.requestFullscreen();
  }

  private onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target as HTMLElement;
    // Space presses the button that has the focus; the slider and the list use the arrows themselves.
    const isFree = target === this.host || target instanceof HTMLCanvasElement;
    const { player } = this;
    const acts: Record<string, () => void> = {
      k: () => player.toggle(),
      j: () => player.seek(player.time - 5),
      l: () => player.seek(player.time + 5),
      f: () => this.toggleFullScreen(),
      ...(isFree && {
        " ": () => player.toggle(),
        ArrowLeft: () => player.seek(player.time - 1),
        ArrowRight: () => player.seek(player.time + 1),
        Home: () => player.seek(0),
        End: () => player.seek(player.duration),
      }),
    };
    const act = acts[event.key];
    if (!act || target instanceof HTMLSelectElement) return;
    event.preventDefault();
    act();
  }
}
