/** The moving part of the picture: trails, cars and their names. */

import type { Camera } from "./camera";
import { indexAt, type Drive, type Pose } from "./trace";

/** Distinct on dark asphalt, also for most kinds of colour blindness; names stand beside the cars. */
export const COLOURS = [
  "#38bdf8", "#fb923c", "#a3e635", "#f472b6", "#facc15", "#c4a1ff", "#2dd4bf", "#f87171",
] as const;

const TRAIL_S = 1.6;
const CAR_LENGTH_M = 0.36;
const CAR_WIDTH_M = 0.2;
/** On a long track a true car would be a few pixels: draw it at least this long. */
const LEAST_LENGTH_PX = 20;

export function drawTrail(ctx: CanvasRenderingContext2D, drive: Drive, t: number, camera: Camera): void {
  const c = drive.trace.columns;
  const end = indexAt(c.t_s, t);
  const start = indexAt(c.t_s, Math.max(0, t - TRAIL_S));
  ctx.lineCap = "butt"; // round ends would overlap and show as beads
  ctx.strokeStyle = drive.colour;
  for (let i = start; i < end; i++) {
    const [ax, ay, bx, by] = [c.x_m[i] ?? 0, c.y_m[i] ?? 0, c.x_m[i + 1] ?? 0, c.y_m[i + 1] ?? 0];
    if (Math.hypot(bx - ax, by - ay) > 0.6) continue;
    const age = (t - (c.t_s[i] ?? 0)) / TRAIL_S;
    ctx.globalAlpha = 0.55 * Math.max(0, 1 - age) ** 1.5;
    ctx.lineWidth = Math.max(2, 0.1 * camera.scale) * (1 - 0.5 * age);
    ctx.beginPath();
    ctx.moveTo(camera.toX(ax, ay), camera.toY(ax, ay));
    ctx.lineTo(camera.toX(bx, by), camera.toY(bx, by));
    ctx.stroke();
  }
  ctx.globalAlpha = 1;
}

export function drawCar(
  ctx: CanvasRenderingContext2D, pose: Pose, colour: string, camera: Camera, isLeader: boolean,
): void {
  const long = Math.max(LEAST_LENGTH_PX, CAR_LENGTH_M * camera.scale);
  const wide = (long * CAR_WIDTH_M) / CAR_LENGTH_M;
  ctx.save();
  ctx.translate(camera.toX(pose.x, pose.y), camera.toY(pose.x, pose.y));
  ctx.rotate(camera.toAngle(pose.yaw));
  if (pose.isOver) ctx.globalAlpha = 0.55;
  // The recorded position is the car's nose: the body lies behind it.
  ctx.translate(-long * 0.4, 0);
  drawWheels(ctx, long, wide, -pose.steering);
  drawBody(ctx, long, wide, colour, isLeader);
  ctx.restore();
}

function drawWheels(ctx: CanvasRenderingContext2D, long: number, wide: number, steering: number): void {
  ctx.fillStyle = "#0b0d10";
  for (const [x, y, angle] of [
    [0.3, 0.5, steering], [0.3, -0.5, steering], [-0.3, 0.5, 0], [-0.3, -0.5, 0],
  ] as const) {
    ctx.save();
    ctx.translate(x * long, y * wide);
    ctx.rotate(angle);
    ctx.beginPath();
    ctx.roundRect(-0.12 * long, -0.13 * wide, 0.24 * long, 0.26 * wide, 0.08 * wide);
    ctx.fill();
    ctx.restore();
  }
}

function drawBody(
  ctx: CanvasRenderingContext2D, long: number, wide: number, colour: string, isLeader: boolean,
): void {
  ctx.save();
  ctx.shadowColor = isLeader ? colour : "#000000aa";
  ctx.shadowBlur = isLeader ? 14 : 5;
  ctx.fillStyle = colour;
  ctx.beginPath();
  ctx.moveTo(-0.5 * long, -0.36 * wide);
  ctx.lineTo(0.12 * long, -0.42 * wide);
  ctx.quadraticCurveTo(0.5 * long, -0.3 * wide, 0.52 * long, 0);
  ctx.quadraticCurveTo(0.5 * long, 0.3 * wide, 0.12 * long, 0.42 * wide);
  ctx.lineTo(-0.5 * long, 0.36 * wide);
  ctx.closePath();
  ctx.fill();
  ctx.restore();
  ctx.fillStyle = "#0b0d10d9"; // canopy and rear wing
  ctx.beginPath();
  ctx.roundRect(-0.18 * long, -0.22 * wide, 0.32 * long, 0.44 * wide, 0.2 * wide);
  ctx.fill();
  ctx.fillRect(-0.54 * long, -0.48 * wide, 0.09 * long, 0.96 * wide);
}

/** Names beside their cars, the leading cars first; a name that would cover another is left out. */
export class Labels {
  private taken: [number, number, number, number][] = [];

  constructor(
    private readonly ctx: CanvasRenderingContext2D,
    private readonly fontPx: number,
    private readonly width: number,
    private readonly height: number,
  ) {
    ctx.font = `600 ${fontPx}px system-ui, sans-serif`;
    ctx.textBaseline = "middle";
  }

  draw(name: string, x: number, y: number, colour: string): void {
    const text = name.length > 18 ? `${name.slice(0, 17)}…` : name;
    const [wide, high] = [this.ctx.measureText(text).width + this.fontPx, this.fontPx * 1.6];
    const places = [
      [x + 14, y - high - 8], [x - wide - 14, y - high - 8], [x + 14, y + 8], [x - wide - 14, y + 8],
    ] as const;
    const place = places.find(([left, top]) => this.isFree(left, top, wide, high));
    if (!place) return;
    const [left, top] = place;
    this.taken.push([left, top, wide, high]);
    this.ctx.fillStyle = "#0e1216d9";
    this.ctx.beginPath();
    this.ctx.roundRect(left, top, wide, high, high / 2);
    this.ctx.fill();
    this.ctx.strokeStyle = colour;
    this.ctx.lineWidth = 1.5;
    this.ctx.stroke();
    this.ctx.fillStyle = "#ffffff";
    this.ctx.fillText(text, left + this.fontPx / 2, top + high / 2 + 0.5);
  }

  private isFree(left: number, top: number, wide: number, high: number): boolean {
    if (left < 2 || top < 2 || left + wide > this.width - 2 || top + high > this.height - 2) return false;
    return this.taken.every(
      ([l, t, w, h]) => left + wide < l || l + w < left || top + high < t || t + h < top,
    );
  }
}
