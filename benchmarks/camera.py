"""Learning to drive by pictures: `python -m benchmarks.camera [--steps N] [--svg FILE] [--json]`.

Trains one kit on the oval by the front camera, by the border lidar and by the vector, with the same reward
function and budget, one after the other and each with one thread, and races what was learnt for three laps
from a standing start. Said of each: when a car first drove a whole lap (leaving the road ends a drive, so
that lap is clean), when the training was over, and the laps of the race. Seconds are by the clock and CPU
seconds of the trainer, because a busy neighbour falsifies the clock.

With --svg the learning curves are drawn; the one in docs/senses.md is of this program.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import starter_kits
from arena.garage import racing, training
from arena.garage.hyperparameters import parse_hyperparameters
from arena.garage.progress import Progress
from arena.garage.settings import ModelMetadata, parse_model_metadata
from simulator import tracks
from simulator.track import Track

REQUIRED_S = 900.0
SENSORS = {"camera": "FRONT_FACING_CAMERA", "border lidar": "BORDER_LIDAR", "vector": "observation"}


@dataclass(frozen=True, slots=True)
class Moment:
    """A training at one moment: how far the last hundred drives came (percent of the lap, mean)."""

    steps: int
    cpu_s: float
    progress: float


@dataclass(slots=True)
class Result:
    """What came of learning by one sensor. Times in milliseconds are those of laps."""

    name: str
    steps: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0
    first_lap_steps: int | None = None
    first_lap_cpu_s: float | None = None
    laps_ms: list[int] = field(default_factory=list)
    resets: int = 0
    curve: list[Moment] = field(default_factory=list)

    def note(self, progress: Progress, cpu_s: float) -> None:
        """Take in how the training goes."""
        if progress.mean_progress is not None:
            self.curve.append(Moment(progress.steps, round(cpu_s, 2), progress.mean_progress))
        if progress.completed_laps and self.first_lap_steps is None:
            self.first_lap_steps, self.first_lap_cpu_s = progress.steps, round(cpu_s, 1)

    @property
    def in_time(self) -> bool:
        """Whether a clean race was driven, and trained for within the time required."""
        return bool(self.laps_ms) and not self.resets and self.cpu_s <= REQUIRED_S


def learn(name: str, kit: starter_kits.Kit, track: Track, steps: int) -> Result:
    """Train by one sensor and race."""
    result = Result(name)
    actions = parse_model_metadata(kit.model_metadata).actions
    before, began = time.process_time(), time.monotonic()
    trained = training.train(
        kit.reward_function,
        track,
        metadata=ModelMetadata(actions, sensors=(SENSORS[name],)),
        hyperparameters=parse_hyperparameters(kit.hyperparameters),
        steps=steps,
        on_progress=lambda progress: result.note(progress, time.process_time() - before),
    )
    result.steps, result.wall_s = trained.steps, round(time.monotonic() - began, 1)
    result.cpu_s = round(time.process_time() - before, 1)
    trial = racing.drive(trained.policy, track)
    result.laps_ms, result.resets = [lap.lap_time_ms for lap in trial.laps], trial.reset_count
    return result


def told(result: Result) -> str:
    """Return one line of the table."""
    laps = " ".join(f"{lap / 1000:.2f}" for lap in result.laps_ms) or "-"
    first = f"{result.first_lap_steps:>11,} {result.first_lap_cpu_s:>9}" if result.first_lap_steps else "-"
    return (
        f"{result.name:<14}{result.steps:>9,}{result.wall_s:>9.1f}{result.cpu_s:>9.1f} {first:>22}"
        f"   {laps} ({result.resets} resets)"
    )


WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 640, 320, 56, 24, 120, 44
_DASHES = {"camera": "", "border lidar": "8 4", "vector": "2 3"}
_STYLE = "svg{background:#fff;font:12px sans-serif}path{fill:none}.axis{stroke:#4a5560}.grid{stroke:#e3e6ea}"


def curves(results: Sequence[Result], title: str) -> str:
    """Return an SVG file of the learning curves, told apart by their dashes and names."""
    most = max(result.steps for result in results)
    parts = [_grid(most), f'<text x="{LEFT}" y="15">{title}</text>']
    for result in results:
        points = [(_x(moment.steps, most), _y(moment.progress)) for moment in result.curve]
        path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        dashes = _DASHES[result.name]
        parts.append(f'<path d="{path}" stroke="#0b4f8a" stroke-width="2" stroke-dasharray="{dashes}"/>')
    for place, result in enumerate(results):
        y = TOP + 20 + 34 * place
        x = WIDTH - RIGHT + 8
        dashes = _DASHES[result.name]
        parts.append(
            f'<path d="M{x} {y}h24" stroke="#0b4f8a" stroke-width="2" stroke-dasharray="{dashes}"/>'
            f'<text x="{x + 30}" y="{y + 4}">{result.name}</text>'
            f'<text x="{x + 30}" y="{y + 18}">{result.cpu_s:.0f} s of CPU</text>'
        )
    opening = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}"'
    box = f' viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title}">'
    return f"{opening}{box}<style>{_STYLE}</style>{''.join(parts)}</svg>\n"


def _x(steps: float, most: int) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * steps / most


def _y(progress: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * min(max(progress, 0.0), 100.0) / 100.0


def _grid(most: int) -> str:
    parts = []
    for percent in range(0, 101, 25):
        y = _y(percent)
        parts.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{percent} %</text>')
    for steps in range(0, most + 1, 100_000 if most > 200_000 else 20_000):
        label = f"{steps // 1000} k"
        parts.append(f'<text x="{_x(steps, most):.1f}" y="{HEIGHT - 26}" text-anchor="middle">{label}</text>')
    parts.append(f'<path class="axis" d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}"/>')
    parts.append(f'<text x="{LEFT}" y="{HEIGHT - 8}">steps of training</text>')
    return "".join(parts)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=training.DEFAULT_STEPS)
    parser.add_argument("--kit", choices=starter_kits.ORDER, default="beat_your_best")
    parser.add_argument("--sensors", type=lambda text: text.split(","), default=list(SENSORS))
    parser.add_argument("--track", default="oval")
    parser.add_argument("--svg", type=Path, help="where the learning curves are drawn")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    kit, track = starter_kits.load(chosen.kit), tracks.load(chosen.track)
    training.warm_up()
    if not chosen.json:
        print(f"kit {kit.name}, track {track.name}, {chosen.steps:,} steps")
        head = f"{'sensor':<14}{'steps':>9}{'wall s':>9}{'CPU s':>9} {'first lap: step, CPU s':>22}"
        print(f"{head}   laps of the race (s)")
    results = []
    for name in chosen.sensors:
        results.append(learn(name, kit, track, chosen.steps))
        if not chosen.json:
            print(told(results[-1]), flush=True)
    if chosen.svg:
        title = f"How far drives came on {track.name}, mean of the last hundred"
        chosen.svg.write_text(curves(results, title), encoding="utf-8")
    if chosen.json:
        print(json.dumps([asdict(result) | {"in_time": result.in_time} for result in results], indent=2))
    elif any(result.name == "camera" for result in results):
        met = next(result for result in results if result.name == "camera").in_time
        said = "met" if met else "NOT MET"
        print(f"camera, a clean race after at most {REQUIRED_S:.0f} CPU s of training: {said}")


if __name__ == "__main__":
    main()
