/**
 * Keyed rows of a table: existing rows are updated in place, moved rows glide to their new
 * place (FLIP: first, last, invert, play), and nothing is redrawn that did not change.
 */

import { prefersReducedMotion } from "../dom";

export interface KeyedRow {
  key: string;
  update(row: HTMLTableRowElement, isNew: boolean): void;
}

export function reconcile(body: HTMLTableSectionElement, wanted: readonly KeyedRow[], animate: boolean): void {
  const present = new Map<string, HTMLTableRowElement>();
  for (const row of body.rows) if (row.dataset["racer"]) present.set(row.dataset["racer"], row);
  const first = new Map([...present].map(([key, row]) => [key, row.getBoundingClientRect().top]));
  const kept = new Set(wanted.map((row) => row.key));
  for (const row of [...body.rows]) if (!kept.has(row.dataset["racer"] ?? "")) row.remove();

  wanted.forEach(({ key, update }, index) => {
    const row = present.get(key) ?? document.createElement("tr");
    const isNew = !present.has(key);
    row.dataset["racer"] = key;
    update(row, isNew);
    // insertBefore on a row that is in its place already would restart its animations.
    if (body.rows[index] !== row) body.insertBefore(row, body.rows[index] ?? null);
  });
  if (animate && !prefersReducedMotion()) glide(body, first);
}

function glide(body: HTMLTableSectionElement, first: ReadonlyMap<string, number>): void {
  for (const row of body.rows) {
    const was = first.get(row.dataset["racer"] ?? "");
    if (was === undefined) {
      row.animate([{ opacity: 0 }, { opacity: 1 }], { duration: 400, easing: "ease-out" });
      continue;
    }
    const moved = was - row.getBoundingClientRect().top;
    if (Math.abs(moved) < 1) continue;
    row.animate([{ transform: `translateY(${moved}px)` }, { transform: "none" }], {
      duration: 550,
      easing: "cubic-bezier(0.2, 0.8, 0.2, 1)",
    });
  }
}

/** Mark the newest row, and only it; the style sheet lets it flash. */
export function highlight(body: HTMLTableSectionElement, key: string): void {
  for (const row of body.rows) {
    row.classList.remove("is-new");
    if (row.dataset["racer"] !== key) continue;
    void row.offsetWidth; // restarts the animation of a row that is flashing already
    row.classList.add("is-new");
  }
}
