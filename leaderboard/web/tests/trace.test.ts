import { expect, test } from "vitest";
import { wholeTrack, type Point } from "../src/replay/camera";
import { indexAt, poseAt, turn } from "../src/replay/trace";
import type { TraceData } from "../src/protocol";

const trace: TraceData = {
  trial_id: 1,
  laps: [],
  columns: {
    t_s: [0, 0.1, 0.2, 0.3],
    x_m: [0, 0.2, 0.4, 5],
    y_m: [0, 0, 0, 5],
    yaw_rad: [3.1, -3.1, -3.1, 0],
    speed_mps: [2, 2, 4, 0],
    steering_rad: [0, 0, 0, 0],
    progress: [0, 10, 20, 20],
    lap: [0, 0, 0, 0],
  },
};

test("the sample at or before a moment is found", () => {
  expect([-1, 0, 0.05, 0.1, 0.29, 9].map((t) => indexAt(trace.columns.t_s, t))).toEqual([0, 0, 0, 1, 2, 3]);
});

test("a car is between two samples in between", () => {
  const pose = poseAt(trace, 0.15);
  expect(pose.x).toBeCloseTo(0.3);
  expect(pose.speed).toBeCloseTo(3);
  expect(pose.distance).toBeCloseTo(0.15);
});

test("a heading turns the short way round", () => {
  expect(Math.abs(turn(poseAt(trace, 0.05).yaw - Math.PI))).toBeLessThan(0.01);
});

test("a car that was put back on the track jumps and does not glide", () => {
  expect(poseAt(trace, 0.25).x).toBeCloseTo(0.4);
});

test("before the start and after the end the car stands still", () => {
  expect(poseAt(trace, -5).x).toBe(0);
  expect(poseAt(trace, 99)).toMatchObject({ x: 5, isOver: true });
});

test.each([[400, 900], [900, 400]])("the whole track fits a canvas of %i x %i", (width, height) => {
  const points: Point[] = [[-3, -1], [6, -1], [6, 2], [-3, 2]];
  const camera = wholeTrack(points, width, height, 20);
  for (const [x, y] of points) {
    expect(camera.toX(x, y)).toBeGreaterThanOrEqual(19.9);
    expect(camera.toX(x, y)).toBeLessThanOrEqual(width - 19.9);
    expect(camera.toY(x, y)).toBeGreaterThanOrEqual(19.9);
    expect(camera.toY(x, y)).toBeLessThanOrEqual(height - 19.9);
  }
  expect(camera.turned).toBe(height > width);
});

test.each([[400, 900], [900, 400]])("a heading points where the car goes, on a canvas of %i x %i", (width, height) => {
  const camera = wholeTrack([[-3, -1], [6, 2]], width, height, 20);
  const yaw = 0.7;
  const dx = camera.toX(Math.cos(yaw), Math.sin(yaw)) - camera.toX(0, 0);
  const dy = camera.toY(Math.cos(yaw), Math.sin(yaw)) - camera.toY(0, 0);
  expect(turn(Math.atan2(dy, dx) - camera.toAngle(yaw))).toBeCloseTo(0);
});
