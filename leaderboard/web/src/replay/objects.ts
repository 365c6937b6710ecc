/** What is on the road besides the cars of the board: boxes with a cross, other cars with a nose. */

import type { TraceData, TraceObject } from "../protocol";
import type { Camera } from "./camera";
import { indexAt, turn } from "./trace";

export interface Placed {
  x: number;
  y: number;
  yaw: number;
  length_m: number;
  width_m: number;
}

/** Where nothing longer than wide stands, it is a box; a car is at least this much longer than wide. */
const CAR_RATIO = 1.4;
/** An object that was put elsewhere jumps; it must not glide across the road. */
const JUMP_M = 0.6;

/** Where the objects of a drive are at a moment, between its samples too. */
export function objectsAt(trace: TraceData, t: number): Placed[] {
  const times = trace.columns.t_s;
  const i = indexAt(times, t);
  const j = Math.min(i + 1, times.length - 1);
  const span = (times[j] ?? 0) - (times[i] ?? 0);
  const share = span <= 0 ? 0 : Math.min(1, Math.max(0, (t - (times[i] ?? 0)) / span));
  return (trace.objects ?? []).flatMap((object) => placed(object, i, j, share));
}

function placed(object: TraceObject, i: number, j: number, share: number): Placed[] {
  const stands = object.x_m.length === 1;
  const [a, b] = stands ? [0, 0] : [i, j];
  const [ax, ay] = [object.x_m[a], object.y_m[a]];
  if (typeof ax !== "number" || typeof ay !== "number") return [];
  const [bx, by] = [object.x_m[b] ?? ax, object.y_m[b] ?? ay];
  const part = Math.hypot(bx - ax, by - ay) > JUMP_M ? 0 : share;
  const yaw = object.yaw_rad[a] ?? 0;
  return [{
    x: ax + part * (bx - ax),
    y: ay + part * (by - ay),
    yaw: yaw + part * turn((object.yaw_rad[b] ?? yaw) - yaw),
    length_m: object.length_m,
    width_m: object.width_m,
  }];
}

export function drawObject(ctx: CanvasRenderingContext2D, placed: Placed, camera: Camera): void {
  const isCar = placed.length_m > CAR_RATIO * placed.width_m;
  const long = Math.max(isCar ? 17 : 11, placed.length_m * camera.scale);
  const wide = (long * placed.width_m) / placed.length_m;
  ctx.save();
  ctx.translate(camera.toX(placed.x, placed.y), camera.toY(placed.x, placed.y));
  ctx.rotate(camera.toAngle(placed.yaw));
  ctx.lineWidth = Math.max(1.5, 0.03 * camera.scale);
  ctx.lineJoin = "round";
  if (isCar) drawOther(ctx, long, wide);
  else drawBox(ctx, long, wide);
  ctx.restore();
}

/** A light box with a dark cross: it differs from every car by its shape. */
function drawBox(ctx: CanvasRenderingContext2D, long: number, wide: number): void {
  ctx.fillStyle = "#d9b98a";
  ctx.strokeStyle = "#1a1206";
  ctx.fillRect(-long / 2, -wide / 2, long, wide);
  ctx.strokeRect(-long / 2, -wide / 2, long, wide);
  ctx.beginPath();
  for (const side of [-1, 1]) {
    ctx.moveTo(-long / 2, (-side * wide) / 2);
    ctx.lineTo(long / 2, (side * wide) / 2);
  }
  ctx.stroke();
}

/** A white car with a dark nose: no racer has these. */
function drawOther(ctx: CanvasRenderingContext2D, long: number, wide: number): void {
  ctx.fillStyle = "#f4f4f0";
  ctx.strokeStyle = "#14181c";
  ctx.beginPath();
  ctx.roundRect(-long / 2, -wide / 2, long, wide, wide * 0.25);
  ctx.fill();
  ctx.stroke();
  ctx.fillStyle = "#14181c";
  ctx.beginPath();
  ctx.moveTo(long / 2, 0);
  ctx.lineTo(long * 0.12, wide * 0.4);
  ctx.lineTo(long * 0.12, -wide * 0.4);
  ctx.closePath();
  ctx.fill();
}
