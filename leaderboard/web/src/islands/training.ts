/** One submission as it lives: its state, its place in the queue, the curves of its training, its result. */

import "uplot/dist/uPlot.min.css";
import "./training.css";
import { Announcer, element, onThemeChange, setText, tellFresh } from "../dom";
import { count, duration, lapTime } from "../format";
import { getJson } from "../http";
import { ConnectionSign } from "../live/badge";
import { listen } from "../live/connection";
import type { ArenaEvent, Progress, Submission, SubmissionState } from "../protocol";
import { Curves } from "../training/curves";
import { Stepper } from "../training/stepper";

export async function mount(host: HTMLElement): Promise<void> {
  const id = host.dataset["submission"] ?? "";
  const desk = new Desk(host, id);
  desk.show(await getJson<Submission>(`/api/v1/submissions/${encodeURIComponent(id)}`));
  const sign = new ConnectionSign(host);
  const leave = listen(`submission:${id}`, {
    onState: (state, reason) => sign.show(state, reason),
    onSnapshot: (snapshot) => snapshot.submission && desk.show(snapshot.submission),
    onEvent: (event) => desk.take(event),
  });
  addEventListener("pagehide", leave, { once: true });
}

class Desk {
  private readonly stepper: Stepper;
  private readonly curves: Curves;
  private readonly announcer: Announcer;
  private readonly status = element("p", { class: "training-status" });
  private readonly result = element("div", { class: "training-result", hidden: true });
  private state: SubmissionState = "queued";

  constructor(private readonly host: HTMLElement, private readonly id: string) {
    this.announcer = new Announcer(host);
    this.stepper = new Stepper(host);
    this.curves = new Curves();
    host.append(this.status, this.result, this.curves.box);
    onThemeChange(() => this.curves.repaint());
  }

  show(submission: Submission): void {
    this.curves.restart(submission.curve);
    this.enter(submission.state, false);
    if (submission.state === "queued") this.showPlace(submission.place, submission.expected_wait_s);
    const newest = submission.curve.at(-1);
    if (submission.state === "training" && newest) this.showProgress(newest);
    if (submission.state === "rejected") this.showVerdict(submission.message, submission.line);
    if (submission.state === "recorded") this.showResult(submission);
    if (submission.ruling === "held") setText(this.status, "Driven. The stewards look at it before it counts.");
    if (submission.ruling === "struck") setText(this.status, "Driven. The stewards do not count it.");
  }

  take(event: ArenaEvent): void {
    switch (event.name) {
      case "submission.claimed":
        this.enter("claimed", true);
        break;
      case "submission.queued":
      case "submission.requeued":
        this.enter("queued", true);
        break;
      case "submission.training":
        this.curves.restart([]);
        this.enter("training", true);
        break;
      case "training.progressed":
        if (this.state !== "training") this.enter("training", true);
        this.curves.add(event.payload);
        this.showProgress(event.payload);
        break;
      case "submission.racing":
        this.enter("racing", true);
        break;
      case "lap.completed":
        setText(this.status, `On the track: lap ${event.payload.number} in ${lapTime(event.payload.lap_time_ms)}.`);
        break;
      case "submission.stalled":
        this.enter("stalled", true);
        setText(this.status, event.payload.message);
        break;
      case "submission.rejected":
        this.enter("rejected", true);
        this.showVerdict(event.payload.message ?? null, event.payload.line ?? null);
        void takeAnew();
        break;
      case "trial.cleared":
      case "trial.struck":
        this.announcer.say("The stewards have decided.");
        void getJson<Submission>(`/api/v1/submissions/${this.id}`).then((now) => this.show(now)).then(takeAnew);
        break;
      case "submission.cancelled":
        this.enter("cancelled", true);
        break;
      case "submission.recorded":
        void getJson<Submission>(`/api/v1/submissions/${this.id}`)
          .then((now) => this.show(now))
          .then(takeAnew);
        break;
    }
  }

  private enter(state: SubmissionState, isNews: boolean): void {
    if (isNews && state !== this.state) this.announcer.say(SENTENCES[state]);
    this.state = state;
    this.host.dataset["state"] = state;
    this.stepper.show(state);
    showChip(state);
    setText(this.status, SENTENCES[state]);
  }

  private showPlace(place: number | null, wait_s: number | null): void {
    if (place === null) return;
    const wait = wait_s === null ? "" : ` About ${duration(wait_s)} to go.`;
    setText(this.status, `Place ${place} in the queue.${wait}`);
  }

  private showProgress(progress: Progress): void {
    const percent = Math.round((100 * progress.steps) / progress.budget);
    const left = progress.eta_s === null ? "" : `, about ${duration(progress.eta_s)} left`;
    const laps = progress.completed_laps === 1 ? "1 complete lap" : `${count(progress.completed_laps)} complete laps`;
    setText(
      this.status,
      `Training: ${count(progress.steps)} of ${count(progress.budget)} steps (${percent} %)${left} · ` +
        `${laps} so far · ${count(progress.steps_per_s)} steps/s`,
    );
  }

  private showVerdict(message: string | null, line: number | null): void {
    setText(this.status, SENTENCES.rejected);
    if (this.host.querySelector("[data-verdict]")) return; // the page said it already
    const where = line === null ? [] : [element("strong", {}, `Line ${line}: `)];
    const why = message === null ? "Its owner sees why." : message;
    this.result.replaceChildren(element("p", { class: "callout bad" }, ...where, why), everything());
    this.result.hidden = false;
  }

  private showResult(submission: Submission): void {
    if (this.host.querySelector("[data-result]")) return;
    const laps = submission.laps.map((lap) =>
      element("tr", {},
        element("td", {}, String(lap.number)),
        element("td", { class: "time number" }, lapTime(lap.lap_time_ms)),
        element("td", { class: "number" }, String(lap.off_track_count)),
        element("td", { class: "number" }, String(lap.reset_count))));
    const head = ["Lap", "Time", "Off track", "Resets"].map((word) => element("th", { scope: "col" }, word));
    this.result.replaceChildren(
      element("p", { class: "training-official" }, "Official time ", element("strong", {}, lapTime(submission.official_ms))),
      element("table", { class: "table" }, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...laps)),
      everything(),
    );
    this.result.hidden = false;
  }
}

/** The page of an ended entry says more: excerpt, settings, what was printed. It is rendered by the server. */
function everything(): HTMLElement {
  return element("p", {}, element("a", { href: location.href }, "Show everything about this entry"));
}

/**
 * Replace what the server renders around this island with the ended entry's: head, verdict with the marked
 * line, result, facts. The island stays, with its curves. Without an answer the link above still leads there.
 */
async function takeAnew(): Promise<void> {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
  if (!answer?.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const island = document.querySelector('[data-island="training"]');
  const freshIsland = fresh.querySelector('[data-island="training"]');
  if (!island?.parentElement || !freshIsland?.parentElement) return;
  document.querySelector(".page-head")?.replaceWith(...fresh.querySelectorAll(".page-head"));
  const column = island.parentElement;
  column.nextElementSibling?.replaceWith(...[freshIsland.parentElement.nextElementSibling].filter((one) => one !== null));
  for (const sibling of [...column.children]) if (sibling !== island) sibling.remove();
  const siblings = [...freshIsland.parentElement.children];
  const place = siblings.indexOf(freshIsland);
  island.before(...siblings.slice(0, place));
  island.after(...siblings.slice(place + 1));
  for (const said of island.querySelectorAll(".training-result")) said.remove();
  tellFresh();
}

/** The chip in the page's head, outside this island, tells the same state. */
function showChip(state: SubmissionState): void {
  const chip = document.querySelector(".page-head .chip");
  if (!chip) return;
  chip.className = `chip is-${state}`;
  setText(chip, CHIPS[state]);
}

const CHIPS: Record<SubmissionState, string> = {
  queued: "Waiting in the queue",
  claimed: "Starting",
  training: "Training",
  racing: "Racing",
  recorded: "Finished",
  rejected: "Could not run",
  stalled: "Stopped by a fault of ours",
  cancelled: "Cancelled",
};

const SENTENCES: Record<SubmissionState, string> = {
  queued: "Waiting in the queue.",
  claimed: "A worker has taken it; the training starts in a moment.",
  training: "Training.",
  racing: "Trained. The car is racing now.",
  recorded: "Done: the result counts.",
  rejected: "The reward function was turned down. Nothing is lost: read why, mend it and enter it again.",
  stalled: "The arena had a fault of its own. It does not cost you a try; an organiser can send it round again.",
  cancelled: "Cancelled.",
};
