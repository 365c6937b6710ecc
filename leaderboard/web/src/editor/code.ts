/** CodeMirror over the source textarea: Python colours, diagnostics at a line, the page's own theme. */

import { indentWithTab } from "@codemirror/commands";
import { python } from "@codemirror/lang-python";
import { HighlightStyle, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { forEachDiagnostic, setDiagnostics } from "@codemirror/lint";
import { EditorState } from "@codemirror/state";
import { EditorView, keymap } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { basicSetup } from "codemirror";

const COLOURS = HighlightStyle.define([
  { tag: [tags.keyword, tags.controlKeyword, tags.operatorKeyword], color: "var(--red)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--green)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--purple)" },
  { tag: [tags.comment], color: "var(--ink-soft)", fontStyle: "italic" },
  { tag: [tags.function(tags.variableName), tags.definition(tags.function(tags.variableName))], color: "var(--blue)" },
]);

const THEME = EditorView.theme({
  "&": { backgroundColor: "var(--sheet)", color: "var(--ink)", border: "1px solid var(--line-strong)", borderRadius: "6px" },
  "&.cm-focused": { outline: "3px solid var(--blue)", outlineOffset: "1px" },
  ".cm-scroller": { fontFamily: "var(--mono)", fontSize: "0.9rem", lineHeight: "1.55", minHeight: "18rem", maxHeight: "36rem" },
  ".cm-gutters": { backgroundColor: "var(--sunken)", color: "var(--ink-soft)", border: "none" },
  ".cm-activeLine": { backgroundColor: "color-mix(in srgb, var(--blue) 7%, transparent)" },
  ".cm-activeLineGutter": { backgroundColor: "color-mix(in srgb, var(--blue) 14%, transparent)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    backgroundColor: "color-mix(in srgb, var(--blue) 28%, transparent)",
  },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  ".cm-tooltip": { backgroundColor: "var(--sheet)", color: "var(--ink)", border: "1px solid var(--line-strong)" },
  ".cm-panels": { backgroundColor: "var(--sunken)", color: "var(--ink)" },
});

/**
 * Writing over a selection the browser's own way keeps the selection's look as a style attribute, which our
 * content security policy rightly refuses (an error in the console). CodeMirror does it without.
 */
const REPLACES_PLAINLY = EditorView.domEventHandlers({
  beforeinput(event, view) {
    const { main } = view.state.selection;
    if (event.inputType !== "insertText" || event.data === null || view.composing || event.isComposing || main.empty) return false;
    const text = event.data;
    const insert = () => view.state.update({ ...view.state.replaceSelection(text), scrollIntoView: true, userEvent: "input.type" });
    const isTaken = view.state.facet(EditorView.inputHandler).some((handle) => handle(view, main.from, main.to, text, insert));
    if (!isTaken) view.dispatch(insert());
    event.preventDefault();
    return true;
  },
});

export class CodeField {
  private readonly view: EditorView;
  private clean: string;

  constructor(text: HTMLTextAreaElement) {
    this.clean = text.value;
    const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]');
    const label = text.labels[0]?.textContent?.trim() ?? "Reward function";
    this.view = new EditorView({
      state: EditorState.create({
        doc: text.value,
        extensions: [
          basicSetup,
          // Escape, then Tab leaves the editor (CodeMirror's own rule): no keyboard trap.
          keymap.of([indentWithTab]),
          python(),
          indentUnit.of("    "),
          syntaxHighlighting(COLOURS),
          THEME,
          REPLACES_PLAINLY,
          EditorView.cspNonce.of(nonce?.nonce || nonce?.content || ""),
          // The tab stop says to everybody what contenteditable says to browsers: that it scrolls by the keyboard.
          EditorView.contentAttributes.of({ "aria-label": label, "aria-describedby": "editor-keys", tabindex: "0" }),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) text.value = update.state.doc.toString();
          }),
        ],
      }),
    });
    text.hidden = true;
    text.required = false; // a hidden field must not block the form; the server says what is missing
    text.after(this.view.dom);
  }

  get source(): string {
    return this.view.state.doc.toString();
  }

  get isEdited(): boolean {
    return this.source !== this.clean && this.source.trim() !== "";
  }

  fill(source: string): void {
    this.view.dispatch({ changes: { from: 0, to: this.view.state.doc.length, insert: source } });
    this.clean = source;
    this.clear();
  }

  /** Mark a line as wrong and bring it into view. */
  blame(line: number, message: string): void {
    const { doc } = this.view.state;
    const at = doc.line(Math.min(Math.max(1, line), doc.lines));
    const start = at.from + (at.text.length - at.text.trimStart().length);
    this.view.dispatch(
      setDiagnostics(this.view.state, [{ from: start, to: Math.max(at.to, start), severity: "error", message }]),
      { selection: { anchor: start }, effects: EditorView.scrollIntoView(start, { y: "center" }) },
    );
  }

  clear(): void {
    let count = 0;
    forEachDiagnostic(this.view.state, () => count++);
    if (count > 0) this.view.dispatch(setDiagnostics(this.view.state, []));
  }
}
