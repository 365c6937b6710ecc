/** The form of a race: proposes the short name, and draws what is driven while it is changed. */

import { mount as mountSlug } from "./slug";

const PAUSE_MS = 250;
/** What the picture depends on. */
const FIELDS = [
  "track", "race_type", "direction", "obstacle_kind", "obstacle_count", "obstacles", "seed", "bot_count", "bot_speed_mps",
  "bot_lane_change", "cars", "collision_penalty_s",
];

export function mount(host: HTMLElement): void {
  if (!(host instanceof HTMLFormElement)) throw new Error("The race form island must be a form.");
  mountSlug(host);
  const box = host.querySelector<HTMLElement>("[data-preview]");
  if (!box) return;
  let timer = 0;
  const draw = (): void => {
    clearTimeout(timer);
    timer = window.setTimeout(() => void redraw(host, box), PAUSE_MS);
  };
  offerOtherPlaces(host, draw);
  for (const kind of ["input", "change"]) {
    host.addEventListener(kind, (event) => {
      const field = event.target;
      if ((field instanceof HTMLInputElement || field instanceof HTMLSelectElement) && FIELDS.includes(field.name)) draw();
    });
  }
}

/** The hidden seed decides where obstacles are drawn; what the preview shows is what the race will have. */
function offerOtherPlaces(host: HTMLElement, draw: () => void): void {
  const seed = host.querySelector<HTMLInputElement>('input[name="seed"]');
  const row = host.querySelector<HTMLElement>("[data-draw-again]");
  if (!seed || !row) return;
  row.hidden = false;
  row.querySelector("button")?.addEventListener("click", () => {
    seed.value = String(Math.floor(Math.random() * 2 ** 31));
    draw();
  });
}

let newest = 0;

/** Without an answer the last picture stays: the server judges everything again when the form is sent. */
async function redraw(form: HTMLFormElement, box: HTMLElement): Promise<void> {
  const mine = ++newest;
  const data = new FormData(form);
  const asked = new URLSearchParams();
  for (const name of FIELDS) {
    const value = data.get(name);
    if (typeof value === "string") asked.set(name, value);
  }
  const answer = await fetch(`${form.dataset["previewUrl"]}?${asked}`, { headers: { Accept: "text/html" } }).catch(() => null);
  if (!answer?.ok || mine !== newest) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  box.replaceChildren(...fresh.body.childNodes);
}
