/** The canvas: keeps the still picture of the track and draws the cars of one moment over it. */

import { isDark } from "../dom";
import type { TrackGeometry } from "../protocol";
import { wholeTrack, type Camera } from "./camera";
import { drawCar, drawTrail, Labels } from "./cars";
import { DAY, drawGround, NIGHT } from "./ground";
import { drawObject, objectsAt } from "./objects";
import { poseAt, type Drive } from "./trace";

export class Stage {
  readonly canvas = document.createElement("canvas");
  private readonly still = document.createElement("canvas");
  private camera: Camera | null = null;
  private size = { width: 0, height: 0, ratio: 1 };

  constructor(private readonly track: TrackGeometry, private readonly showsWay = true) {
    this.canvas.className = "replay-canvas";
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", `The track ${track.title} from above, with the cars on it.`);
  }

  /** Fit the canvas to its place on the page and draw the track anew. */
  resize(): void {
    const { width, height } = this.canvas.getBoundingClientRect();
    if (width < 1 || height < 1) return;
    const ratio = Math.min(devicePixelRatio || 1, 2);
    this.size = { width, height, ratio };
    for (const canvas of [this.canvas, this.still]) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const margin = Math.min(44, Math.min(width, height) * 0.08);
    this.camera = wholeTrack([...this.track.inner, ...this.track.outer], width, height, margin);
    const ctx = this.still.getContext("2d");
    if (!ctx) return;
    ctx.scale(ratio, ratio);
    drawGround(ctx, { track: this.track, camera: this.camera, palette: isDark() ? NIGHT : DAY, width, height, showsWay: this.showsWay });
  }

  draw(drives: readonly Drive[], t: number): void {
    const ctx = this.canvas.getContext("2d");
    if (!ctx || !this.camera) return;
    const { width, height, ratio } = this.size;
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.drawImage(this.still, 0, 0);
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    const shown = drives
      .filter((drive) => !drive.isHidden)
      .map((drive) => ({ drive, pose: poseAt(drive.trace, t) }))
      .sort((a, b) => b.pose.distance - a.pose.distance);
    // What was on the road differs from drive to drive: one drive's is shown, that of the first in the list.
    const first = drives.find((drive) => !drive.isHidden);
    for (const object of first ? objectsAt(first.trace, t) : []) drawObject(ctx, object, this.camera);
    for (const { drive } of shown) drawTrail(ctx, drive, t, this.camera);
    for (const { drive, pose } of [...shown].reverse()) {
      drawCar(ctx, pose, drive.colour, this.camera, drive === shown[0]?.drive);
    }
    const labels = new Labels(ctx, Math.max(11, Math.min(22, width / 50)), width, height);
    for (const { drive, pose } of shown) {
      labels.draw(
        drive.car.name, this.camera.toX(pose.x, pose.y), this.camera.toY(pose.x, pose.y), drive.colour);
    }
  }
}
