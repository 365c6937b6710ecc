/** The ticker: what happens in a season, newest first, one line per event. */

import "./feed.css";
import { element } from "../dom";
import { lapTime } from "../format";
import { ConnectionSign } from "../live/badge";
import { listen } from "../live/connection";
import type { ArenaEvent } from "../protocol";

const MOST_LINES = 30;

export function mount(host: HTMLElement): void {
  const list = host.querySelector("ol") ?? host.appendChild(element("ol", { class: "feed" }));
  const sign = new ConnectionSign(host);
  const leave = listen(host.dataset["room"] ?? "", {
    onState: (state, reason) => sign.show(state, reason),
    onEvent: (event) => {
      const line = sentence(event);
      if (line === null || list.querySelector(`[data-event="${event.id}"]`)) return;
      list.prepend(
        element(
          "li",
          { "data-event": event.id, "data-name": event.name, class: "feed-new" },
          element("time", { datetime: event.at }, clockTime(event.at)),
          " ",
          ...line,
        ),
      );
      host.querySelector(".empty")?.remove();
      while (list.children.length > MOST_LINES) list.lastElementChild?.remove();
    },
  });
  addEventListener("pagehide", leave, { once: true });
}

function clockTime(at: string): string {
  return new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" }).format(new Date(at));
}

/** What people read of an event; null for what only machines need. */
function sentence(event: ArenaEvent): (Node | string)[] | null {
  const who = element("strong", {}, event.racer_name ?? event.racer ?? "");
  const race = event.race ? [" in ", element("a", { href: `/races/${event.race}` }, event.race)] : [];
  switch (event.name) {
    case "lap.completed": {
      const { number, lap_time_ms } = event.payload;
      return [who, ` drove lap ${number} in ${lapTime(lap_time_ms)}`, ...race, "."];
    }
    case "standing.changed": {
      const { rank, official_ms } = event.payload;
      return [who, ` is now on place ${rank} with ${lapTime(official_ms)}`, ...race, "."];
    }
    case "badge.awarded":
      return [who, ` earned the badge “${event.payload.title}”.`];
    case "submission.queued":
      return [who, ` entered a reward function (number ${event.payload.number})`, ...race, "."];
    case "submission.racing":
      return [who, " is on the track", ...race, "."];
    case "racer.joined":
      return [who, " joined the arena."];
    case "race.opened":
      return ["The race ", ...race.slice(1), " was published."];
    case "race.closed":
      return ["The race ", ...race.slice(1), " was closed."];
    case "season.closed":
      return ["The season has ended."];
    default:
      return null;
  }
}
