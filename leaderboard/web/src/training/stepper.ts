/** queued > training > racing > recorded: the way of a submission, with the present step marked. */

import { element } from "../dom";
import type { SubmissionState } from "../protocol";

const STEPS: readonly [SubmissionState, string][] = [
  ["queued", "Queued"],
  ["training", "Training"],
  ["racing", "Racing"],
  ["recorded", "Result"],
];

export class Stepper {
  private readonly steps: HTMLElement[];
  private reached = 0;

  constructor(host: HTMLElement) {
    const served = [...host.querySelectorAll<HTMLElement>("[data-step]")];
    this.steps = served.length > 0 ? served : this.make(host);
    // A submission that ended at fault does not say where: the page does.
    this.reached = Math.max(0, this.steps.findIndex((step) => step.hasAttribute("aria-current")));
  }

  show(state: SubmissionState): void {
    const now = this.stepOf(state);
    const isEnd = now === "rejected" || now === "cancelled";
    if (!isEnd && now !== "stalled") this.reached = Math.max(0, this.steps.findIndex((step) => step.dataset["step"] === now));
    this.steps.forEach((step, index) => {
      const isDone = index < this.reached || now === "recorded";
      step.classList.toggle("is-done", isDone);
      step.classList.toggle("is-now", index === this.reached && !isEnd);
      step.classList.toggle("is-failed", index === this.reached && now === "rejected");
      if (index === this.reached) step.setAttribute("aria-current", "step");
      else step.removeAttribute("aria-current");
    });
  }

  /** What is not trained here has no such step: its way goes on at the start of the race. */
  private stepOf(state: SubmissionState): SubmissionState {
    if (state === "claimed") return "queued";
    const isTrained = this.steps.some((step) => step.dataset["step"] === "training");
    return state === "training" && !isTrained ? "racing" : state;
  }

  private make(host: HTMLElement): HTMLElement[] {
    const steps = STEPS.map(([state, word]) => element("li", { "data-step": state }, word));
    host.append(element("ol", { class: "stepper" }, ...steps));
    return steps;
  }
}
