/** "In the garage": who is queued, training or racing in this race right now, with the progress. */

import { element, setText } from "../dom";
import type { ActiveSubmission, ArenaEvent, SubmissionState } from "../protocol";

const WORDS: Partial<Record<SubmissionState, string>> = {
  queued: "in the queue",
  claimed: "starting",
  training: "training",
  racing: "racing",
};

/** The state that an event leads to; null ends the entry. */
const NEXT: Partial<Record<ArenaEvent["name"], SubmissionState | null>> = {
  "submission.queued": "queued",
  "submission.requeued": "queued",
  "submission.claimed": "claimed",
  "submission.training": "training",
  "training.progressed": "training",
  "submission.racing": "racing",
  "submission.recorded": null,
  "submission.rejected": null,
  "submission.cancelled": null,
  "submission.stalled": null,
};

export class Garage {
  private readonly list = element("ul", { class: "garage-cars" });
  private readonly box: HTMLElement;
  private readonly entries = new Map<string, HTMLLIElement>();

  constructor(host: Element) {
    this.box = element("div", { class: "garage", hidden: true }, element("h3", {}, "In the garage"), this.list);
    host.append(this.box);
  }

  restart(active: readonly ActiveSubmission[]): void {
    this.entries.clear();
    this.list.replaceChildren();
    for (const one of active) this.show(one.submission, one.name, one.state, one.share);
    this.box.hidden = this.entries.size === 0;
  }

  take(event: ArenaEvent): void {
    const next = NEXT[event.name];
    if (next === undefined || event.submission === null) return;
    if (next === null) {
      this.entries.get(event.submission)?.remove();
      this.entries.delete(event.submission);
    } else {
      const share = event.name === "training.progressed" ? event.payload.steps / event.payload.budget : null;
      this.show(event.submission, event.racer_name ?? event.racer ?? "", next, share);
    }
    this.box.hidden = this.entries.size === 0;
  }

  private show(id: string, name: string, state: SubmissionState, share: number | null): void {
    const entry = this.entries.get(id) ?? this.add(id, name);
    entry.dataset["state"] = state;
    const percent = state === "racing" ? 100 : share === null ? null : Math.round(100 * share);
    const word = WORDS[state] ?? state;
    setText(entry.querySelector(".state"), percent === null || state === "racing" ? word : `${word} ${percent} %`);
    entry.style.setProperty("--share", `${percent ?? 0}%`);
  }

  private add(id: string, name: string): HTMLLIElement {
    const link = element("a", { href: `/submissions/${id}` }, name);
    const entry = element("li", {}, link, element("span", { class: "state" }));
    this.entries.set(id, entry);
    this.list.append(entry);
    return entry;
  }
}
