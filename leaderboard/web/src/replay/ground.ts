/** The track as a still picture: run-off, asphalt, kerbs in the bends, centre line, finish line. */

import type { TrackGeometry } from "../protocol";
import type { Camera, Point } from "./camera";

export interface Palette {
  ground: string;
  speck: string;
  runoff: string;
  asphalt: string;
  asphaltEdge: string;
  line: string;
  centre: string;
  kerb: string;
}

export const DAY: Palette = {
  ground: "#dbe6d6",
  speck: "#cfdcc9",
  runoff: "#eadfc4",
  asphalt: "#3d434c",
  asphaltEdge: "#00000038",
  line: "#ffffff",
  centre: "#ffffff66",
  kerb: "#d8342b",
};

export const NIGHT: Palette = {
  ground: "#101915",
  speck: "#15201b",
  runoff: "#2a2b22",
  asphalt: "#2b3038",
  asphaltEdge: "#00000080",
  line: "#e6ebf0",
  centre: "#ffffff40",
  kerb: "#e0483d",
};

/** Kerbs lie where the radius of the bend is below this. */
const KERB_RADIUS_M = 1.9;

/** Sizes in CSS pixels. */
export interface Ground {
  track: TrackGeometry;
  camera: Camera;
  palette: Palette;
  width: number;
  height: number;
  /** Whether arrows tell the way round: not where laps go both ways in turn. */
  showsWay: boolean;
}

export function drawGround(ctx: CanvasRenderingContext2D, ground: Ground): void {
  const { track, camera, palette, width, height, showsWay } = ground;
  paintMeadow(ctx, palette, width, height);
  const inner = path(track.inner, camera);
  const outer = path(track.outer, camera);
  const ring = new Path2D(outer);
  ring.addPath(inner);

  ctx.lineJoin = "round";
  stroke(ctx, path(track.center, camera), palette.runoff, (track.width_m + 0.5) * camera.scale);
  ctx.save();
  ctx.shadowColor = palette.asphaltEdge;
  ctx.shadowBlur = 0.25 * camera.scale;
  ctx.fillStyle = palette.asphalt;
  ctx.fill(ring, "evenodd");
  ctx.restore();

  dashed(ctx, path(track.center, camera), palette.centre, 0.03 * camera.scale, [0.25, 0.25], camera);
  const lineWidth = Math.max(1.5, 0.045 * camera.scale);
  stroke(ctx, inner, palette.line, lineWidth);
  stroke(ctx, outer, palette.line, lineWidth);
  drawKerbs(ctx, track, camera, palette);
  if (showsWay) drawArrows(ctx, track, camera, palette);
  drawFinish(ctx, track, camera);
}

function paintMeadow(ctx: CanvasRenderingContext2D, palette: Palette, width: number, height: number): void {
  ctx.fillStyle = palette.ground;
  ctx.fillRect(0, 0, width, height);
  ctx.fillStyle = palette.speck;
  const stripe = 44; // mown stripes, barely seen
  for (let x = -height; x < width; x += 2 * stripe) {
    ctx.beginPath();
    ctx.moveTo(x, height);
    ctx.lineTo(x + stripe, height);
    ctx.lineTo(x + stripe + height, 0);
    ctx.lineTo(x + height, 0);
    ctx.fill();
  }
}

function path(points: readonly Point[], camera: Camera): Path2D {
  const made = new Path2D();
  points.forEach(([x, y], index) => {
    if (index === 0) made.moveTo(camera.toX(x, y), camera.toY(x, y));
    else made.lineTo(camera.toX(x, y), camera.toY(x, y));
  });
  made.closePath();
  return made;
}

function stroke(ctx: CanvasRenderingContext2D, line: Path2D, colour: string, width: number): void {
  ctx.strokeStyle = colour;
  ctx.lineWidth = width;
  ctx.stroke(line);
}

function dashed(
  ctx: CanvasRenderingContext2D, line: Path2D, colour: string, width: number, dash_m: number[], camera: Camera,
): void {
  ctx.save();
  ctx.setLineDash(dash_m.map((length) => length * camera.scale));
  stroke(ctx, line, colour, Math.max(1, width));
  ctx.restore();
}

/** Red and white along the inside of each tight bend. */
function drawKerbs(ctx: CanvasRenderingContext2D, track: TrackGeometry, camera: Camera, palette: Palette): void {
  const n = track.center.length;
  ctx.lineCap = "butt";
  for (const [side, border] of [[1, track.inner], [-1, track.outer]] as const) {
    const turnsThisWay = (i: number): boolean => {
      const curvature = curvatureAt(track.center, i) * (track.is_ccw ? 1 : -1);
      return curvature * side > 1 / KERB_RADIUS_M;
    };
    for (let i = 0; i < n - 1; i++) {
      if (!turnsThisWay(i)) continue;
      const piece: Point[] = [];
      while (i < n && turnsThisWay(i)) piece.push(border[i++] as Point);
      if (piece.length < 3) continue;
      const line = new Path2D();
      piece.forEach(([x, y], k) => line[k === 0 ? "moveTo" : "lineTo"](camera.toX(x, y), camera.toY(x, y)));
      const width = Math.max(3, 0.09 * camera.scale);
      stroke(ctx, line, palette.line, width);
      dashed(ctx, line, palette.kerb, width, [0.14, 0.14], camera);
    }
  }
}

/** Signed curvature (1/m, left +) of the closed line at point i, over about its two neighbours. */
function curvatureAt(points: readonly Point[], i: number): number {
  const n = points.length;
  const reach = Math.max(1, Math.round(n / 120));
  const [ax, ay] = points[(i - reach + n) % n] as Point;
  const [bx, by] = points[i] as Point;
  const [cx, cy] = points[(i + reach) % n] as Point;
  const cross = (bx - ax) * (cy - by) - (by - ay) * (cx - bx);
  const lengths = Math.hypot(bx - ax, by - ay) * Math.hypot(cx - bx, cy - by) * Math.hypot(cx - ax, cy - ay);
  return lengths === 0 ? 0 : (2 * cross) / lengths;
}

/** Faint chevrons that show which way the race goes. */
function drawArrows(ctx: CanvasRenderingContext2D, track: TrackGeometry, camera: Camera, palette: Palette): void {
  const count = Math.max(4, Math.round(track.length_m / 4));
  const size = 0.13 * camera.scale;
  ctx.save();
  ctx.strokeStyle = palette.centre;
  ctx.lineWidth = Math.max(1.2, 0.04 * camera.scale);
  for (let k = 0; k < count; k++) {
    const i = Math.floor(((k + 0.5) / count) * (track.center.length - 2));
    const [ax, ay] = track.center[i] as Point;
    const [bx, by] = track.center[i + 1] as Point;
    ctx.save();
    ctx.translate(camera.toX(ax, ay), camera.toY(ax, ay));
    ctx.rotate(camera.toAngle(Math.atan2(by - ay, bx - ax)));
    ctx.beginPath();
    ctx.moveTo(-size, -size * 1.2);
    ctx.lineTo(size * 0.4, 0);
    ctx.lineTo(-size, size * 1.2);
    ctx.stroke();
    ctx.restore();
  }
  ctx.restore();
}

/** The chequered line across the first waypoint. */
function drawFinish(ctx: CanvasRenderingContext2D, track: TrackGeometry, camera: Camera): void {
  const [ix, iy] = track.inner[0] as Point;
  const [ox, oy] = track.outer[0] as Point;
  const from = [camera.toX(ix, iy), camera.toY(ix, iy)] as const;
  const to = [camera.toX(ox, oy), camera.toY(ox, oy)] as const;
  const long = Math.hypot(to[0] - from[0], to[1] - from[1]);
  const squares = 8;
  const size = long / squares;
  ctx.save();
  ctx.translate(from[0], from[1]);
  ctx.rotate(Math.atan2(to[1] - from[1], to[0] - from[0]));
  for (let column = 0; column < squares; column++) {
    for (let row = 0; row < 2; row++) {
      ctx.fillStyle = (row + column) % 2 === 0 ? "#ffffff" : "#14171b";
      ctx.fillRect(column * size, (row - 1) * size, size, size);
    }
  }
  ctx.restore();
}
