import { expect, test } from "vitest";
import { objectsAt } from "../src/replay/objects";
import type { TraceData, TraceObject } from "../src/protocol";

function traceWith(...objects: TraceObject[]): TraceData {
  const rest = [0, 0, 0];
  return {
    trial_id: 1,
    laps: [],
    objects,
    columns: {
      t_s: [0, 0.1, 0.2], x_m: rest, y_m: rest, yaw_rad: rest, speed_mps: rest, steering_rad: rest, progress: rest, lap: rest,
    },
  };
}

const BOX = { length_m: 0.5, width_m: 0.4 };

test("what stands has one place for all moments", () => {
  const trace = traceWith({ ...BOX, x_m: [1], y_m: [2], yaw_rad: [0.5] });
  expect(objectsAt(trace, 0.15)).toEqual([{ ...BOX, x: 1, y: 2, yaw: 0.5 }]);
});

test("what drives is between two samples in between, and turns the short way", () => {
  const [other] = objectsAt(traceWith({ ...BOX, x_m: [0, 0.2, 0.4], y_m: [0, 0, 0], yaw_rad: [3.1, -3.1, -3.1] }), 0.05);
  expect(other?.x).toBeCloseTo(0.1);
  expect(Math.cos(other?.yaw ?? 0)).toBeCloseTo(-1, 3);
});

test("what is not there is not drawn, and what was put elsewhere does not glide", () => {
  const gone = { ...BOX, x_m: [null, 1, 5], y_m: [null, 1, 5], yaw_rad: [0, 0, 0] };
  expect(objectsAt(traceWith(gone), 0.05)).toEqual([]);
  expect(objectsAt(traceWith(gone), 0.15)[0]?.x).toBe(1);
});

test("a free road has nothing on it", () => {
  expect(objectsAt({ ...traceWith(), objects: undefined as never }, 0)).toEqual([]);
});
