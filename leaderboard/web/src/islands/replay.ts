/** The race from above: every car's recorded drive on one clock, over HTTP; new official trials join. */

import "./replay.css";
import { Announcer, element, onThemeChange, prefersReducedMotion, setText } from "../dom";
import { lapTime } from "../format";
import { getJson } from "../http";
import { listen } from "../live/connection";
import type { Replay, ReplayCar, TraceData, TrackGeometry } from "../protocol";
import { COLOURS } from "../replay/cars";
import { Controls } from "../replay/controls";
import { Legend } from "../replay/legend";
import { Player } from "../replay/player";
import { Stage } from "../replay/stage";
import { endOf, type Drive } from "../replay/trace";

const MOST_CARS = 8;

export async function mount(host: HTMLElement): Promise<void> {
  const race = host.dataset["race"];
  // One drive by itself (`data-replay`), or the best of a race, which new ones join.
  const address = host.dataset["replay"] ?? `/api/v1/races/${encodeURIComponent(race ?? "")}/replay`;
  const replay = await getJson<Replay>(address);
  const track = await getJson<TrackGeometry>(replay.track_url);
  const theatre = new Theatre(host, track, replay, race !== undefined);
  await theatre.show(replay.cars);
  if (race === undefined) return;
  const leave = listen(`race:${race}`, {
    onEvent: (event) => {
      // A new standing is a new best drive: fetch the list again, only its traces are new.
      if (event.name === "standing.changed") void getJson<Replay>(address).then((now) => theatre.show(now.cars));
    },
  });
  addEventListener("pagehide", leave, { once: true });
}

class Theatre {
  private readonly stage: Stage;
  private readonly player: Player;
  private readonly controls: Controls;
  private readonly legend: Legend;
  private readonly announcer: Announcer;
  private readonly empty = element("p", { class: "replay-empty" }, "No car has driven yet. The first trial appears here by itself.");
  private readonly note = element("p", { class: "hint replay-note", hidden: true });
  private drives: Drive[] = [];
  private hasShown = false;

  constructor(host: HTMLElement, track: TrackGeometry, replay: Replay, private readonly startsItself: boolean) {
    this.stage = new Stage(track, replay.direction !== "alternate");
    this.player = new Player(() => this.draw(), () => this.changed());
    this.controls = new Controls(this.player, host);
    this.legend = new Legend(replay.laps, () => this.draw(true));
    this.announcer = new Announcer(host);
    const picture = element("div", { class: "replay-picture" }, this.stage.canvas, this.empty, this.controls.full);
    host.replaceChildren(
      element("div", { class: "replay-stage" }, picture, this.legend.list), this.controls.bar, this.note,
      ...host.querySelectorAll("[role=status]"),
    );
    host.classList.add("replay");
    this.stage.canvas.tabIndex = 0;
    new ResizeObserver(() => this.restage()).observe(this.stage.canvas);
    onThemeChange(() => this.restage());
  }

  /** Show these cars; those already here keep their colour and are not fetched again. */
  async show(cars: readonly ReplayCar[]): Promise<void> {
    const wanted = cars.slice(0, MOST_CARS);
    const known = new Map(this.drives.map((drive) => [drive.car.trial_id, drive]));
    const fresh = wanted.filter((car) => !known.has(car.trial_id));
    const traces = await Promise.all(fresh.map((car) => getJson<TraceData>(car.trace_url)));
    const stays = new Set(wanted.map((car) => car.trial_id));
    for (const drive of this.drives) if (!stays.has(drive.car.trial_id)) this.legend.remove(drive);
    this.drives = this.drives.filter((drive) => stays.has(drive.car.trial_id));
    fresh.forEach((car, index) => this.add(car, traces[index]));
    this.player.duration = Math.max(0, ...this.drives.map((drive) => endOf(drive.trace)));
    this.empty.hidden = this.drives.length > 0;
    this.changed();
    this.draw(true);
    if (this.startsItself && !this.hasShown && this.drives.length > 0 && !prefersReducedMotion()) this.player.play();
    this.hasShown = true;
  }

  private add(car: ReplayCar, trace: TraceData | undefined): void {
    if (!trace || trace.columns.t_s.length === 0) return;
    const used = new Set(this.drives.map((drive) => drive.colour));
    const colour = COLOURS.find((one) => !used.has(one)) ?? COLOURS[this.drives.length % COLOURS.length] ?? "#fff";
    const drive = { car, trace, duration: endOf(trace), colour, isHidden: false };
    this.drives.push(drive);
    this.legend.add(drive);
    if (this.hasShown) this.announcer.say(`The drive of ${car.name}, ${lapTime(car.official_ms)}, joined the replay.`);
  }

  private changed(): void {
    this.controls.update();
  }

  private restage(): void {
    this.stage.resize();
    this.draw(true);
  }

  /** Only one drive's boxes and other cars are drawn: say whose, where they are not the same for all. */
  private explain(): void {
    const first = this.drives.find((drive) => !drive.isHidden && drive.trace.objects?.length);
    const moves = first?.trace.objects?.some((object) => object.x_m.length > 1) ?? false;
    this.note.hidden = !first || !moves;
    if (first) setText(this.note, `The white cars are those that ${first.car.name} met.`);
  }

  private draw(isForced = false): void {
    if (isForced) this.explain();
    this.stage.draw(this.drives, this.player.time);
    this.legend.draw(this.player.time, isForced || !this.player.isPlaying);
    this.controls.moved();
  }
}
