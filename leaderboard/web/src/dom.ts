/** A few words for making elements; no framework is worth its weight for five small islands. */

type Attributes = Record<string, string | number | boolean | null | undefined>;

export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children);
  return made;
}

/** Write text only where it differs, so that nothing flickers and no reader is told twice. */
export function setText(target: Element | null, text: string): void {
  if (target && target.textContent !== text) target.textContent = text;
}

/** Say that parts of the page were replaced by what the server renders: times are localised, islands start. */
export function tellFresh(): void {
  document.dispatchEvent(new CustomEvent("arena:fresh"));
}

export function prefersReducedMotion(): boolean {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

/**
 * A polite live region that says at most one sentence every few seconds, the newest:
 * a reader of the board must not be drowned by every lap.
 */
export class Announcer {
  private readonly region = element("p", { class: "visually-hidden", "aria-live": "polite", role: "status" });
  private waiting: string | null = null;
  private timer = 0;

  constructor(host: Element, private readonly pauseMs = 5000) {
    host.append(this.region);
  }

  say(sentence: string): void {
    if (this.timer) {
      this.waiting = sentence;
      return;
    }
    this.region.textContent = sentence;
    this.timer = window.setTimeout(() => {
      this.timer = 0;
      const next = this.waiting;
      this.waiting = null;
      if (next !== null) this.say(next);
    }, this.pauseMs);
  }
}

/** A colour of the page's style sheet as canvases understand it: `var()` and `light-dark()` resolved. */
export function themeColour(css: string): string {
  const probe = element("span", { hidden: true });
  probe.style.color = css;
  document.body.append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}

export function isDark(): boolean {
  return themeColour("light-dark(rgb(255, 255, 255), rgb(0, 0, 0))") === "rgb(0, 0, 0)";
}

/** Call back when the colours of the page change: the system's scheme, or a switch on <html>. */
export function onThemeChange(callback: () => void): () => void {
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  const observer = new MutationObserver(callback);
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ["class", "data-theme"] });
  scheme.addEventListener("change", callback);
  return () => {
    observer.disconnect();
    scheme.removeEventListener("change", callback);
  };
}
