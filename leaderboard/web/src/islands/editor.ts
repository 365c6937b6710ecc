/** Write a reward function in the browser: kits to begin with, an instant check, the action space, submit. */

import "./editor.css";
import { element } from "../dom";
import { count } from "../format";
import { getJson, postJson, ProblemError } from "../http";
import { ActionForm } from "../editor/action_form";
import { CodeField } from "../editor/code";
import type { CheckAnswer, Kit, ProblemDocument } from "../protocol";

export function mount(host: HTMLElement): void {
  if (!(host instanceof HTMLFormElement)) throw new Error("The editor island must be a form.");
  new Workshop(host);
}

class Workshop {
  private readonly code: CodeField;
  private readonly actions: ActionForm | null;
  private readonly metadata: HTMLTextAreaElement | null;
  private readonly hyperparameters: HTMLTextAreaElement | null;
  private readonly answer = element("div", { class: "check-answer", role: "status", "aria-live": "polite" });
  private isLeaving = false;

  constructor(private readonly form: HTMLFormElement) {
    const source = form.querySelector<HTMLTextAreaElement>('textarea[name="source"]');
    if (!source) throw new Error('The editor island needs a textarea named "source".');
    this.code = new CodeField(source);
    this.metadata = form.querySelector('textarea[name="model_metadata"]');
    this.hyperparameters = form.querySelector('textarea[name="hyperparameters"]');
    this.actions = this.metadata && new ActionForm(this.metadata);
    this.addHint(source);
    this.listen();
  }

  private addHint(source: HTMLTextAreaElement): void {
    const hint = element("p", { id: "editor-keys", class: "hint" });
    hint.append("Tab indents. To leave the editor with the keyboard press ", element("kbd", {}, "Esc"), ", then ", element("kbd", {}, "Tab"), ".");
    source.parentElement?.append(hint);
    (this.form.querySelector("[data-check-answer]") ?? this.form).append(this.answer);
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
      // A chosen file goes the plain way: the server reads it.
      const hasFile = this.chosen.some((file) => file.name === "reward_function" && file.files?.length);
      const tooLarge = hasFile ? this.largest() : null;
      this.isLeaving = hasFile && tooLarge === null;
      if (this.isLeaving) return;
      event.preventDefault();
      if (tooLarge) return this.say("callout bad", tooLarge);
      const button = event.submitter instanceof HTMLButtonElement ? event.submitter : null;
      void this.busy(button, () => this.submit());
    });
    addEventListener("beforeunload", (event) => {
      if (this.code.isEdited && !this.isLeaving) event.preventDefault();
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
    return `${first.name} has ${count(first.size)} bytes; at most ${count(most)} are accepted. ` +
      "Choose the .py file itself, not a model or an archive. What you wrote is still here.";
  }

  private async takeKit(select: HTMLSelectElement): Promise<void> {
    if (!select.value) return;
    const question = "Replace what you have written with this starter kit?";
    if (this.code.isEdited && !confirm(question)) {
      select.value = "";
      return;
    }
    try {
      const kit = await getJson<Kit>(`/api/v1/kits/${encodeURIComponent(select.value)}`);
      this.code.fill(kit.reward_function);
      if (this.metadata) this.metadata.value = kit.model_metadata;
      if (this.hyperparameters) this.hyperparameters.value = kit.hyperparameters;
      this.actions?.read();
      this.say("callout", `${kit.title}: ${kit.summary}`);
    } catch (fault) {
      this.complain(fault);
    }
  }

  private get entry(): Record<string, string> {
    const entry: Record<string, string> = { reward_function: this.code.source };
    if (this.metadata?.value.trim()) entry["model_metadata"] = this.metadata.value;
    if (this.hyperparameters?.value.trim()) entry["hyperparameters"] = this.hyperparameters.value;
    return entry;
  }

  private async check(): Promise<void> {
    this.say("callout", "Checking …");
    const race = this.form.dataset["race"];
    const checked = await postJson<CheckAnswer>("/api/v1/checks", { ...this.entry, ...(race && { race }) });
    this.code.clear();
    const rows = checked.rewards.map(({ state, reward }) =>
      element("tr", {}, element("th", { scope: "row" }, state), element("td", { class: "number" }, rewardText(reward))));
    const head = element("tr", {}, element("th", { scope: "col" }, "State of the car"), element("th", { scope: "col", class: "number" }, "Your reward"));
    this.answer.replaceChildren(
      element("p", { class: "callout good" }, "It runs. This is what it gives in some typical states:"),
      element("table", { class: "table check-rewards" }, element("thead", {}, head), element("tbody", {}, ...rows)),
    );
    if (checked.warnings.length > 0) {
      this.answer.append(element("ul", { class: "hint" }, ...checked.warnings.map((one) => element("li", {}, one))));
    }
    if (checked.output.trim()) {
      this.answer.append(element("h3", {}, "What it printed"), element("pre", { tabindex: 0 }, checked.output));
    }
  }

  private async submit(): Promise<void> {
    this.say("callout", "Checking, then entering it in the race …");
    const race = this.form.dataset["race"] ?? "";
    const made = await postJson<{ url: string }>(`/api/v1/races/${encodeURIComponent(race)}/submissions`, this.entry);
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
    this.code.clear();
    if (problem.line) this.code.blame(problem.line, problem.detail);
    this.say("callout bad", sentenceOf(problem));
  }

  private say(style: string, sentence: string): void {
    this.answer.replaceChildren(element("p", { class: style }, sentence));
  }
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
