/** How many drives wait for the stewards, in the head of every organiser's page. */

import { setText } from "../dom";
import { listen } from "../live/connection";

export function mount(host: HTMLElement): void {
  const badge = host.querySelector<HTMLElement>(".nav-count");
  if (!badge) throw new Error("The badge island needs a .nav-count.");
  let waiting = Number(badge.dataset["count"] ?? 0);
  const show = (): void => {
    setText(badge.querySelector("[aria-hidden]"), String(waiting));
    setText(badge.querySelector(".visually-hidden"), `, ${waiting} waiting`);
    badge.hidden = waiting === 0;
  };
  const leave = listen("stewards:desk", {
    onSnapshot: (snapshot) => {
      waiting = snapshot.held ?? 0;
      show();
    },
    onEvent: (event) => {
      if (event.name === "trial.held") waiting += 1;
      if (event.name === "trial.cleared" || event.name === "trial.struck") waiting = Math.max(0, waiting - 1);
      show();
    },
  });
  addEventListener("pagehide", leave, { once: true });
}
