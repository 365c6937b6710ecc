/** Three small curves over the training's steps: mean return, mean progress, complete laps. */

import uPlot from "uplot";
import { element, themeColour } from "../dom";
import { count } from "../format";
import type { Progress } from "../protocol";

interface Curve {
  title: string;
  unit: string;
  value(progress: Progress): number | null;
  colour: string;
  least?: [number, number];
}

const CURVES: readonly Curve[] = [
  { title: "Mean return", unit: "", value: (p) => p.mean_return, colour: "var(--red)" },
  { title: "Mean progress", unit: " %", value: (p) => p.mean_progress, colour: "var(--blue)", least: [0, 100] },
  { title: "Complete laps", unit: "", value: (p) => p.completed_laps, colour: "var(--green)", least: [0, 5] },
];
const HEIGHT_PX = 150;

export class Curves {
  readonly box = element("div", { class: "curves", hidden: true });
  private readonly panels = CURVES.map((curve) => new Panel(curve));
  private points: Progress[] = [];
  private waiting = 0;

  constructor() {
    this.box.append(...this.panels.map((panel) => panel.figure));
    new ResizeObserver(() => this.panels.forEach((panel) => panel.resize())).observe(this.box);
  }

  restart(points: readonly Progress[]): void {
    this.points = [...points];
    this.redraw();
  }

  /** Reports come in the order of steps; a repeated one (after a lost connection) is dropped. */
  add(progress: Progress): void {
    const last = this.points.at(-1);
    if (last && progress.steps <= last.steps) return;
    this.points.push(progress);
    if (!this.waiting) this.waiting = requestAnimationFrame(() => this.redraw());
  }

  repaint(): void {
    for (const panel of this.panels) panel.destroy();
    this.redraw();
  }

  private redraw(): void {
    this.waiting = 0;
    this.box.hidden = this.points.length === 0;
    if (!this.box.hidden) for (const panel of this.panels) panel.draw(this.points);
  }
}

class Panel {
  readonly figure = element("figure", { class: "curve" });
  private readonly now = element("strong", { class: "curve-now" });
  private readonly place = element("div", { class: "curve-place", role: "img" });
  private plot: uPlot | null = null;

  constructor(private readonly curve: Curve) {
    this.figure.append(element("figcaption", {}, `${curve.title} `, this.now), this.place);
  }

  draw(points: readonly Progress[]): void {
    const values = points.map((point) => this.curve.value(point));
    const data: uPlot.AlignedData = [points.map((point) => point.steps), values];
    const newest = values.findLast((value) => value !== null) ?? null;
    this.now.textContent = newest === null ? "–" : short(newest) + this.curve.unit;
    this.place.setAttribute("aria-label", `${this.curve.title} over the steps of the training; now ${this.now.textContent}.`);
    if (this.plot) this.plot.setData(data);
    else this.plot = new uPlot(this.options(), data, this.place);
  }

  resize(): void {
    const width = this.place.clientWidth;
    if (this.plot && width > 0) this.plot.setSize({ width, height: HEIGHT_PX });
  }

  destroy(): void {
    this.plot?.destroy();
    this.plot = null;
  }

  private options(): uPlot.Options {
    const ink = themeColour("var(--ink-soft)");
    const line = themeColour("var(--line)");
    const colour = themeColour(this.curve.colour);
    const wash = themeColour(`color-mix(in srgb, ${this.curve.colour} 14%, transparent)`);
    const axis = { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { show: false }, font: "11px system-ui" };
    const least = this.curve.least;
    return {
      width: Math.max(120, this.place.clientWidth),
      height: HEIGHT_PX,
      legend: { show: false },
      cursor: { sync: { key: "training" }, points: { size: 6 }, y: false },
      scales: {
        x: { time: false },
        y: least ? { range: (_plot, low, high) => [Math.min(least[0], low ?? 0), Math.max(least[1], high ?? 0)] } : {},
      },
      axes: [
        { ...axis, values: (_plot, ticks) => ticks.map(steps), size: 26, space: 60 },
        { ...axis, size: 44, space: 34, values: (_plot, ticks) => ticks.map(short) },
      ],
      series: [
        { label: "steps" },
        { label: this.curve.title, stroke: colour, width: 2, fill: wash, points: { show: false }, spanGaps: true },
      ],
    };
  }
}

function steps(value: number): string {
  return value >= 1000 ? `${Number((value / 1000).toFixed(1))}k` : String(value);
}

function short(value: number): string {
  if (Math.abs(value) >= 10_000) return `${count(value / 1000)}k`;
  return Math.abs(value) >= 100 || Number.isInteger(value) ? count(value) : value.toFixed(1);
}
