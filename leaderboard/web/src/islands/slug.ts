/** Propose the short name while the title is typed, until somebody writes one of their own. */

import { slugOf } from "../slug";

export function mount(host: HTMLElement): void {
  const title = host.querySelector<HTMLInputElement>('input[name="title"]');
  const slug = host.querySelector<HTMLInputElement>('input[name="slug"]');
  if (!title || !slug) throw new Error("The slug island needs a title and a slug.");
  let proposed = slugOf(title.value);
  title.addEventListener("input", () => {
    if (slug.value !== "" && slug.value !== proposed) return;
    proposed = slug.value = slugOf(title.value);
  });
}
