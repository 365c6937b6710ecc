/** The action space as a form over the model_metadata text; edits go both ways. */

import { element } from "../dom";
import { DEFAULT_CONTINUOUS, DEFAULT_DISCRETE, readActions, writeActions, type ActionSpace } from "./actions";

/** The car's limits; the server checks them again (arena/garage/settings.py). */
const STEERING_DEG = { min: -30, max: 30, step: 0.5 };
const SPEED_MPS = { min: 0.1, max: 4, step: 0.1 };

const LEAST_ACTIONS = 2;
const MOST_ACTIONS = 30;

type Limits = typeof STEERING_DEG;

export class ActionForm {
  private readonly box = element("div", { class: "actions-form" });
  private readonly fault = element("p", { class: "fault", role: "alert", hidden: true });
  private space: ActionSpace = DEFAULT_CONTINUOUS;
  /** What the person made in each form stays when they look at the other. */
  private readonly remembered = { continuous: DEFAULT_CONTINUOUS, discrete: DEFAULT_DISCRETE };

  constructor(private readonly text: HTMLTextAreaElement) {
    const field = text.closest("[data-metadata]") ?? text;
    const details = element("details", { class: "actions-json" }, element("summary", {}, "The same as a file"));
    field.replaceWith(details);
    details.append(field);
    details.before(this.box, this.fault);
    text.addEventListener("input", () => this.read());
    this.read();
  }

  /** From the text to the form; a text that cannot be read leaves the form and says why. */
  read(): void {
    try {
      this.space = readActions(this.text.value);
      this.fault.hidden = true;
      this.draw();
    } catch (error) {
      this.text.closest("details")?.setAttribute("open", "");
      this.fault.textContent = `The JSON below cannot be read: ${(error as Error).message}`;
      this.fault.hidden = false;
    }
  }

  private write(): void {
    this.remembered[this.space.type] = this.space as never;
    this.text.value = writeActions(this.text.value, this.space);
    this.fault.hidden = true;
  }

  private draw(): void {
    const body = this.space.type === "continuous" ? this.ranges(this.space) : this.table(this.space);
    this.box.replaceChildren(this.choice(), body);
  }

  private choice(): HTMLElement {
    const options = (["continuous", "discrete"] as const).map((type) => {
      const radio = element("input", {
        type: "radio", name: "action_space_choice", value: type, checked: this.space.type === type,
      });
      radio.addEventListener("change", () => {
        this.space = this.remembered[type];
        this.write();
        this.draw();
        this.box.querySelector<HTMLInputElement>(`input[value="${type}"]`)?.focus();
      });
      const words = type === "continuous" ? "Continuous: any value in two ranges" : "Discrete: a list of actions";
      return element("label", { class: "choice" }, radio, ` ${words}`);
    });
    return element("fieldset", { class: "actions-choice" }, element("legend", {}, "Action space"), ...options);
  }

  private ranges(space: Extract<ActionSpace, { type: "continuous" }>): HTMLElement {
    const row = (title: string, unit: string, range: { low: number; high: number }, limits: Limits): HTMLElement =>
      element("div", { class: "actions-range" },
        element("span", {}, `${title} (${unit})`),
        this.number(`Lowest ${title.toLowerCase()} in ${unit}`, range.low, limits, (value) => (range.low = value)),
        element("span", { "aria-hidden": "true" }, "to"),
        this.number(`Highest ${title.toLowerCase()} in ${unit}`, range.high, limits, (value) => (range.high = value)));
    return element("div", { class: "actions-ranges" },
      row("Steering", "degrees, left is positive", space.steering_angle, STEERING_DEG),
      row("Speed", "m/s", space.speed, SPEED_MPS));
  }

  private table(space: Extract<ActionSpace, { type: "discrete" }>): HTMLElement {
    const rows = space.actions.map((action, index) => {
      const remove = element("button", { type: "button", class: "button small", "aria-label": `Remove action ${index}`, title: "Remove" }, "×");
      remove.disabled = space.actions.length <= LEAST_ACTIONS;
      remove.addEventListener("click", () => this.change(() => space.actions.splice(index, 1)));
      return element("tr", {},
        element("th", { scope: "row" }, String(index)),
        element("td", {}, this.number(`Steering of action ${index} in degrees`, action.steering_angle, STEERING_DEG,
          (value) => (action.steering_angle = value))),
        element("td", {}, this.number(`Speed of action ${index} in m/s`, action.speed, SPEED_MPS,
          (value) => (action.speed = value))),
        element("td", {}, remove));
    });
    const head = ["No.", "Steering °", "Speed m/s"].map((word) => element("th", { scope: "col" }, word));
    const add = element("button", { type: "button", class: "button small" }, "Add an action");
    add.disabled = space.actions.length >= MOST_ACTIONS;
    add.addEventListener("click", () =>
      this.change(() => space.actions.push({ ...(space.actions.at(-1) ?? { steering_angle: 0, speed: 1 }) })));
    return element("div", {},
      element("table", { class: "table actions-table" },
        element("thead", {}, element("tr", {}, ...head, element("td"))), element("tbody", {}, ...rows)),
      add);
  }

  private change(edit: () => void): void {
    edit();
    this.write();
    this.draw();
    this.box.querySelector<HTMLInputElement>("tr:last-child input")?.focus();
  }

  private number(label: string, value: number, limits: Limits, store: (value: number) => void): HTMLInputElement {
    const input = element("input", { type: "number", ...limits, value, "aria-label": label, required: true });
    input.addEventListener("input", () => {
      if (input.value === "" || !Number.isFinite(input.valueAsNumber)) return;
      store(input.valueAsNumber);
      this.write();
    });
    return input;
  }
}
