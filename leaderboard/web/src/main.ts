/** The one entry of every page: finds the islands of the page and loads only their code. */

import { localiseTimes } from "./format";

type Mount = (host: HTMLElement) => void | Promise<void>;

const ISLANDS: Record<string, () => Promise<{ mount: Mount }>> = {
  board: () => import("./islands/board"),
  replay: () => import("./islands/replay"),
  training: () => import("./islands/training"),
  feed: () => import("./islands/feed"),
  editor: () => import("./islands/editor"),
  race_form: () => import("./islands/race_form"),
  stewards: () => import("./islands/stewards"),
  stewards_badge: () => import("./islands/stewards_badge"),
  slug: () => import("./islands/slug"),
};

async function mountIsland(host: HTMLElement): Promise<void> {
  const load = ISLANDS[host.dataset["island"] ?? ""];
  if (!load || host.dataset["mounted"]) return;
  host.dataset["mounted"] = "starting";
  try {
    await (await load()).mount(host);
    host.dataset["mounted"] = "yes";
  } catch (fault) {
    // The server-rendered content inside the island stays and keeps working.
    host.dataset["mounted"] = "failed";
    console.error(`The island "${host.dataset["island"]}" did not start.`, fault);
  }
}

function mountAll(): void {
  localiseTimes(document);
  for (const host of document.querySelectorAll<HTMLElement>("[data-island]")) void mountIsland(host);
}

mountAll();
// An island that puts fresh parts of a page in (dom.ts, `tellFresh`) may bring other islands with them.
document.addEventListener("arena:fresh", mountAll);
