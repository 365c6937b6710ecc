/** A recorded drive and where its car is at any moment, between the 1/15 s samples too. */

import type { ReplayCar, TraceData } from "../protocol";

export interface Pose {
  x: number;
  y: number;
  yaw: number;
  speed: number;
  steering: number;
  /** Laps done plus the share of the present one: what orders the cars. */
  distance: number;
  /** Counted from 1. */
  lap: number;
  isOver: boolean;
}

export interface Drive {
  car: ReplayCar;
  trace: TraceData;
  duration: number;
  colour: string;
  isHidden: boolean;
}

/** A car that was put back on the track jumps; it must not glide across the grass. */
const JUMP_M = 0.6;

/** Index of the last sample at or before `t`; times ascend. */
export function indexAt(times: readonly number[], t: number): number {
  let low = 0;
  let high = times.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((times[middle] ?? Infinity) <= t) low = middle;
    else high = middle - 1;
  }
  return low;
}

export function poseAt(trace: TraceData, t: number): Pose {
  const c = trace.columns;
  const last = c.t_s.length - 1;
  const i = indexAt(c.t_s, t);
  const j = Math.min(i + 1, last);
  const at = (column: readonly number[], k: number): number => column[k] ?? 0;
  const span = at(c.t_s, j) - at(c.t_s, i);
  const isJump = Math.hypot(at(c.x_m, j) - at(c.x_m, i), at(c.y_m, j) - at(c.y_m, i)) > JUMP_M;
  const share = span <= 0 || isJump ? 0 : Math.min(1, Math.max(0, (t - at(c.t_s, i)) / span));
  const mix = (column: readonly number[]): number => at(column, i) + share * (at(column, j) - at(column, i));
  const lap = at(c.lap, i);
  const progress = at(c.lap, j) === lap ? mix(c.progress) : at(c.progress, i);
  return {
    x: mix(c.x_m),
    y: mix(c.y_m),
    yaw: at(c.yaw_rad, i) + share * turn(at(c.yaw_rad, j) - at(c.yaw_rad, i)),
    speed: mix(c.speed_mps),
    steering: mix(c.steering_rad),
    distance: lap + progress / 100,
    lap,
    isOver: t >= at(c.t_s, last),
  };
}

/** The shorter way round, in (-pi, pi]. */
export function turn(angle: number): number {
  return angle - 2 * Math.PI * Math.ceil((angle - Math.PI) / (2 * Math.PI));
}

export function endOf(trace: TraceData): number {
  return trace.columns.t_s.at(-1) ?? 0;
}
