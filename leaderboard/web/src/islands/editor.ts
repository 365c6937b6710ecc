/** Write a reward function or an agent in the browser, or choose a policy's file: kits, instant check, submit. */

import "./editor.css";
import { element } from "../dom";
import { count } from "../format";
import { getJson, postForm, postJson, ProblemError } from "../http";
import { ActionForm } from "../editor/action_form";
import { CodeField } from "../editor/code";
import type { CheckAnswer, Kit, ProblemDocument } from "../protocol";

const CODE_FILES = new Set(["reward_function", "agent"]);

export function mount(host: HTMLElement): void {
  if (!(host instanceof HTMLFormElement)) throw new Error("The editor island must be a form.");
  new Workshop(host);
}

class Workshop {
  /** null where a policy's file is entered. */
  private readonly code: CodeField | null;
  private readonly actions: ActionForm | null;
  private readonly metadata: HTMLTextAreaElement | null;
  private readonly hyperparameters: HTMLTextAreaElement | null;
  private readonly answer = element("div", { class: "check-answer", role: "status", "aria-live": "polite" });
  private isLeaving = false;

  constructor(private readonly form: HTMLFormElement) {
    const source = form.querySelector<HTMLTextAreaElement>('textarea[name="source"]');
    this.code = source && new CodeField(source);
    this.metadata = form.querySelector('textarea[name="model_metadata"]');
    this.hyperparameters = form.querySelector('textarea[name="hyperparameters"]');
    // A policy's file may name its actions itself: an empty field must stay empty there.
    this.actions = this.metadata?.closest("[data-metadata]") ? new ActionForm(this.metadata) : null;
    if (source) this.addHint(source);
    (form.querySelector("[data-check-answer]") ?? form).append(this.answer);
    this.listen();
  }

  private addHint(source: HTMLTextAreaElement): void {
    const hint = element("p", { id: "editor-keys", class: "hint" });
    hint.append("Tab indents. To leave the editor with the keyboard press ", element("kbd", {}, "Esc"), ", then ", element("kbd", {}, "Tab"), ".");
    source.parentElement?.append(hint);
  }

  private listen(): void {
    const { form } = this;
    form.querySelector<HTMLSelectElement>('select[name="kit"]')?.addEventListener("change", (event) =>
      void this.takeKit(event.currentTarget as HTMLSelectElement));
    form.querySelector<HTMLButtonElement>('button[name="check"], button[value="check"]')?.addEventListener("click", (event) => {
      event.preventDefault();
      void this.busy(event.currentTarget as HTMLButtonElement, () => this.check());
    });
    form.addEventListener("submit", (event) => {
      // A chosen file of code goes the plain way: the server reads it and shows it.
      const hasFile = this.chosen.some((field) => CODE_FILES.has(field.name) && field.files?.length);
      const tooLarge = hasFile || !this.code ? this.largest() : null;
      this.isLeaving = hasFile && tooLarge === null;
      if (this.isLeaving) return;
      event.preventDefault();
      if (tooLarge) return this.say("callout bad", tooLarge);
      const button = event.submitter instanceof HTMLButtonElement ? event.submitter : null;
      void this.busy(button, () => this.submit());
    });
    addEventListener("beforeunload", (event) => {
      if (this.code?.isEdited && !this.isLeaving) event.preventDefault();
    });
  }

  private get chosen(): HTMLInputElement[] {
    return [...this.form.querySelectorAll<HTMLInputElement>('input[type="file"]')];
  }

  /** What to say of chosen files that the server would refuse unread; null when they are small enough. */
  private largest(): string | null {
    const most = Number(this.form.dataset["mostBytes"] ?? Infinity);
    const files = this.chosen.flatMap((field) => [...(field.files ?? [])]);
    const size = files.reduce((sum, file) => sum + file.size, 0);
    const [first] = [...files].sort((a, b) => b.size - a.size);
    if (!first || size <= most) return null;
    const advice = this.code ? "Choose the .py file itself, not a model or an archive. " : "Export a smaller network. ";
    return `${first.name} has ${count(first.size)} bytes; at most ${count(most)} are accepted. ${advice}` +
      "What you wrote is still here.";
  }

  private async takeKit(select: HTMLSelectElement): Promise<void> {
    if (!select.value) return;
    const question = "Replace what you have written with this starter kit?";
    if (this.code?.isEdited && !confirm(question)) {
      select.value = "";
      return;
    }
    try {
      const kit = await getJson<Kit>(`/api/v1/kits/${encodeURIComponent(select.value)}`);
      this.code?.fill(kit.agent ?? kit.reward_function ?? "");
      if (this.metadata) this.metadata.value = kit.model_metadata ?? "";
      if (this.hyperparameters) this.hyperparameters.value = kit.hyperparameters ?? "";
      this.actions?.read();
      this.say("callout", `${kit.title}: ${kit.summary}`);
    } catch (fault) {
      this.complain(fault);
    }
  }

  private get entry(): Record<string, string> {
    const key = this.form.dataset["kind"] === "agent" ? "agent" : "reward_function";
    const entry: Record<string, string> = { [key]: this.code?.source ?? "" };
    const parent = this.form.querySelector<HTMLSelectElement>('select[name="parent"]');
    if (parent) entry["parent"] = parent.value;
    if (this.metadata?.value.trim()) entry["model_metadata"] = this.metadata.value;
    if (this.hyperparameters?.value.trim()) entry["hyperparameters"] = this.hyperparameters.value;
    return entry;
  }

  private async check(): Promise<void> {
    this.say("callout", "Checking …");
    const race = this.form.dataset["race"];
    const checked = await this.send<CheckAnswer>("/api/v1/checks", race ? { race } : {});
    this.code?.clear();
    this.answer.replaceChildren(...(checked.rewards.length > 0 ? rewardTable(checked) : [
      element("p", { class: "callout good" }, checked.message || "It can be entered."),
    ]));
    if (checked.warnings.length > 0) {
      this.answer.append(element("ul", { class: "hint" }, ...checked.warnings.map((one) => element("li", {}, one))));
    }
    if (checked.output.trim()) {
      this.answer.append(element("h3", {}, "What it printed"), element("pre", { tabindex: 0 }, checked.output));
    }
  }

  /** Code goes as JSON, a policy's file as the form that holds it. */
  private async send<T>(url: string, more: Record<string, string>): Promise<T> {
    if (this.code) return postJson<T>(url, { ...this.entry, ...more });
    const form = new FormData(this.form);
    for (const [name, value] of Object.entries(more)) form.set(name, value);
    return postForm<T>(url, form);
  }

  private async submit(): Promise<void> {
    this.say("callout", "Checking, then entering it in the race …");
    const race = this.form.dataset["race"] ?? "";
    const made = await this.send<{ url: string }>(`/api/v1/races/${encodeURIComponent(race)}/submissions`, {});
    this.isLeaving = true;
    location.assign(made.url);
  }

  private async busy(button: HTMLButtonElement | null, work: () => Promise<void>): Promise<void> {
    button?.setAttribute("aria-busy", "true");
    if (button) button.disabled = true;
    try {
      await work();
    } catch (fault) {
      this.complain(fault);
    } finally {
      button?.removeAttribute("aria-busy");
      if (button) button.disabled = false;
    }
  }

  private complain(fault: unknown): void {
    if (!(fault instanceof ProblemError)) {
      this.say("callout bad", "The arena did not answer. What you wrote is still here: try again in a moment.");
      return;
    }
    const { problem } = fault;
    this.code?.clear();
    if (problem.line) this.code?.blame(problem.line, problem.detail);
    this.say("callout bad", sentenceOf(problem));
  }

  private say(style: string, sentence: string): void {
    this.answer.replaceChildren(element("p", { class: style }, sentence));
  }
}

function rewardTable(checked: CheckAnswer): HTMLElement[] {
  const rows = checked.rewards.map(({ state, reward }) =>
    element("tr", {}, element("th", { scope: "row" }, state), element("td", { class: "number" }, rewardText(reward))));
  const head = element("tr", {}, element("th", { scope: "col" }, "State of the car"), element("th", { scope: "col", class: "number" }, "Your reward"));
  return [
    element("p", { class: "callout good" }, "It runs. This is what it gives in some typical states:"),
    element("table", { class: "table check-rewards" }, element("thead", {}, head), element("tbody", {}, ...rows)),
  ];
}

function rewardText(reward: number | null): string {
  return reward === null ? "–" : String(Number(reward.toPrecision(6)));
}

function sentenceOf(problem: ProblemDocument): string {
  const fields = Object.entries(problem.errors ?? {}).map(([field, what]) => `${field}: ${String(what)}`);
  const isSaid = problem.detail.includes(`line ${problem.line}`) || problem.detail.includes(`Line ${problem.line}`);
  const where = problem.line && !isSaid ? ` (line ${problem.line})` : "";
  return [`${problem.title}${where}. ${problem.detail}`, ...fields].join(" ");
}
