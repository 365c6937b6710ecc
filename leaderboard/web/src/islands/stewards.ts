/**
 * The stewards' desk: a drive that is held appears by itself, one that somebody has decided on goes. What is
 * being written about another drive stays as it is.
 */

import { Announcer, tellFresh } from "../dom";
import { ConnectionSign } from "../live/badge";
import { listen } from "../live/connection";

export function mount(host: HTMLElement): void {
  const announcer = new Announcer(host);
  const sign = new ConnectionSign(host);
  let hasBegun = false;
  const leave = listen("stewards:desk", {
    onState: (state, reason) => sign.show(state, reason),
    // The page itself is as new as the first snapshot; later ones follow a lost connection.
    onSnapshot: () => {
      if (hasBegun) void takeAnew(host);
      hasBegun = true;
    },
    onEvent: (event) => {
      if (event.name === "trial.held") announcer.say(`A drive of ${event.payload.racer_name} waits for the stewards.`);
      void takeAnew(host);
    },
  });
  addEventListener("pagehide", leave, { once: true });
}

async function takeAnew(host: HTMLElement): Promise<void> {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
  if (!answer?.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector<HTMLElement>('[data-island="stewards"]');
  const list = host.querySelector(".held-list");
  const freshList = fresh?.querySelector(".held-list");
  if (!fresh || !list || !freshList) return;
  const wanted = new Set([...freshList.children].map(keyOf));
  for (const item of [...list.children]) if (!wanted.has(keyOf(item))) item.remove();
  const present = new Set([...list.children].map(keyOf));
  for (const item of [...freshList.children]) if (!present.has(keyOf(item))) list.append(item);
  const decided = host.querySelector(".decided");
  const freshDecided = fresh.querySelector(".decided");
  if (decided && freshDecided) decided.replaceWith(freshDecided);
  const empty = host.querySelector<HTMLElement>(".empty");
  if (empty) empty.hidden = list.children.length > 0;
  tellFresh();
}

function keyOf(item: Element): string {
  return (item as HTMLElement).dataset["trial"] ?? "";
}
