/** From metres on the ground to pixels on the canvas: the whole track, turned so that it fills the picture. */

export type Point = readonly [number, number];

export interface Camera {
  scale: number;
  turned: boolean;
  toX(x: number, y: number): number;
  toY(x: number, y: number): number;
  /** The angle on the canvas of a heading on the ground. */
  toAngle(yaw: number): number;
}

/** Margins in pixels: labels stand above the cars. */
export function wholeTrack(points: readonly Point[], width: number, height: number, margin: number): Camera {
  const xs = points.map((point) => point[0]);
  const ys = points.map((point) => point[1]);
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const [bottom, top] = [Math.min(...ys), Math.max(...ys)];
  const [wide, high] = [Math.max(right - left, 0.1), Math.max(top - bottom, 0.1)];
  const room = { x: Math.max(width - 2 * margin, 10), y: Math.max(height - 2 * margin, 10) };
  const upright = Math.min(room.x / wide, room.y / high);
  const lying = Math.min(room.x / high, room.y / wide);
  const turned = lying > upright * 1.1;
  const scale = turned ? lying : upright;
  const middle = { x: (left + right) / 2, y: (bottom + top) / 2 };
  if (turned) {
    // A quarter turn: ground x runs up the canvas, ground y to the left.
    return {
      scale,
      turned,
      toX: (_x, y) => width / 2 - (y - middle.y) * scale,
      toY: (x) => height / 2 - (x - middle.x) * scale,
      toAngle: (yaw) => -yaw - Math.PI / 2,
    };
  }
  return {
    scale,
    turned,
    toX: (x) => width / 2 + (x - middle.x) * scale,
    toY: (_x, y) => height / 2 - (y - middle.y) * scale,
    toAngle: (yaw) => -yaw,
  };
}
