/** The clock of a replay: play, pause, scrub, speed. Knows nothing of tracks or cars. */

export class Player {
  time = 0;
  duration = 0;
  speed = 1;
  isPlaying = false;
  private last = 0;
  private frame = 0;

  /** `onFrame` draws the moment; `onChange` updates the controls. */
  constructor(private readonly onFrame: () => void, private readonly onChange: () => void) {}

  toggle(): void {
    if (this.isPlaying) this.pause();
    else this.play();
  }

  play(): void {
    if (this.isPlaying || this.duration === 0) return;
    if (this.time >= this.duration) this.time = 0;
    this.isPlaying = true;
    this.last = performance.now();
    this.frame = requestAnimationFrame(this.tick);
    this.onChange();
  }

  pause(): void {
    this.isPlaying = false;
    cancelAnimationFrame(this.frame);
    this.onChange();
  }

  seek(time: number): void {
    this.time = Math.min(this.duration, Math.max(0, time));
    this.onFrame();
    this.onChange();
  }

  setSpeed(speed: number): void {
    this.speed = speed;
    this.onChange();
  }

  private readonly tick = (now: number): void => {
    // A tab that slept must not jump: at most a quarter of a second per frame.
    const passed = Math.min(0.25, (now - this.last) / 1000);
    this.last = now;
    this.time = Math.min(this.duration, this.time + passed * this.speed);
    this.onFrame();
    if (this.time >= this.duration) this.pause();
    else this.frame = requestAnimationFrame(this.tick);
  };
}
