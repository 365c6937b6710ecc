/** The ticker: what happens in a season, newest first; the sentences are those of leaderboard/ticker.py. */

import { element } from "../dom";
import { lapTime } from "../format";
import { ConnectionSign } from "../live/badge";
import { listen } from "../live/connection";
import type { ArenaEvent } from "../protocol";

const MOST_LINES = 40;

export function mount(host: HTMLElement): void {
  const list = host.querySelector("ol") ?? host.appendChild(element("ol", { class: "ticker feed" }));
  const sign = new ConnectionSign(host);
  const leave = listen(host.dataset["room"] ?? "", {
    onState: (state, reason) => sign.show(state, reason),
    onEvent: (event) => {
      const words = sentence(event);
      if (words === null || list.querySelector(`[data-event="${event.id}"]`)) return;
      const line = { "data-event": event.id, "data-name": event.name, class: "is-new" };
      list.prepend(
        element("li", line, element("time", { datetime: event.at }, moment(event.at)), element("span", {}, ...words)),
      );
      host.querySelector(".empty")?.remove();
      while (list.children.length > MOST_LINES) list.lastElementChild?.remove();
    },
  });
  addEventListener("pagehide", leave, { once: true });
}

function moment(at: string): string {
  return new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" }).format(new Date(at));
}

/** What people read of an event; null for what only machines need. */
function sentence(event: ArenaEvent): (Node | string)[] | null {
  const who = person(event);
  const where = event.race
    ? element("a", { href: `/races/${encodeURIComponent(event.race)}` }, event.race_title ?? event.race)
    : "a race";
  switch (event.name) {
    case "standing.changed": {
      const { rank, official_ms } = event.payload;
      const place = rank === null ? " drove " : ` is on place ${rank} with `;
      return [who, place, lapTime(official_ms), " in ", where, "."];
    }
    case "badge.awarded":
      return [who, ` earned the badge “${event.payload.title}”.`];
    case "racer.joined":
      return [who, " has joined."];
    case "race.opened":
      return [where, " is open."];
    case "race.closed":
      return ["The results of ", where, " are final."];
    case "season.opened":
      return ["The season has opened."];
    case "season.closed":
      return ["The season has ended."];
    default:
      return null;
  }
}

function person(event: ArenaEvent): Node {
  const name = element("strong", {}, event.racer_name ?? event.racer ?? "Somebody");
  return event.racer ? element("a", { href: `/racers/${encodeURIComponent(event.racer)}` }, name) : name;
}
