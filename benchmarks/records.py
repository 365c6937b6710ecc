"""A trained kit's laps against the records that people set on real tracks.

`python -m benchmarks.records [FOLDER] [--kit K] [--steps N] [--seed S] [--tracks NAME ...] [--json]`. FOLDER
as for `benchmarks.optimum`: it is not part of the repository. Every track is trained alone, from nothing, and
raced for three laps; what counts is the best flying lap as a share of the record, and whether the whole trial
was clean (no reset). Records are the best of thousands of ranked laps and include luck.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import starter_kits
from benchmarks.kits import trial_of
from benchmarks.optimum import BESIDE, RECENT, records
from simulator.track import Track

BEST_KIT = "make_progress"
BARS = {500_000: 1.08, 3_000_000: 1.02}
"""What is asked of the median with so many steps."""


@dataclass(frozen=True, slots=True)
class Result:
    """One track: the best flying lap of a three-lap trial, people's best, and the first as a share of it."""

    track: str
    lap_s: float | None
    record_s: float
    ratio: float | None
    resets: int
    wall_s: float


def race(kit: starter_kits.Kit, track: Track, record_s: float, steps: int, seed: int) -> Result:
    """Train a kit on a track and race it."""
    began = time.monotonic()
    trial = trial_of(kit, track, steps, seed)
    flying = [lap.lap_time_ms / 1000 for lap in trial.laps[1:]]
    best = min(flying, default=None)
    ratio = None if best is None else round(best / record_s, 4)
    wall_s = round(time.monotonic() - began, 1)
    return Result(track.name, best, record_s, ratio, trial.reset_count, wall_s)


def main() -> None:
    """Print one line per track and the median."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path, default=BESIDE)
    parser.add_argument("--kit", choices=starter_kits.ORDER, default=BEST_KIT)
    parser.add_argument("--steps", type=int, default=500_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tracks", nargs="*", default=RECENT)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    if not (chosen.folder / "records.csv").is_file():
        raise SystemExit(f"There is no records.csv in {chosen.folder}: give a folder with it and tracks/.")
    best = records(chosen.folder)
    kit = starter_kits.load(chosen.kit)
    results = []
    for name in chosen.tracks:
        track = Track.load(chosen.folder / "tracks" / f"{name}.npy")
        results.append(race(kit, track, best[name], chosen.steps, chosen.seed))
        if not chosen.json:
            show(results[-1])
    summarise(results, chosen.steps, as_json=chosen.json)


def show(result: Result) -> None:
    """Print one track."""
    lap = "no flying lap" if result.lap_s is None else f"{result.lap_s:7.3f} s"
    clean = "clean" if not result.resets else f"{result.resets} resets"
    print(f"{result.track:24} {lap}  record {result.record_s:7.3f} s  {result.ratio}  {clean}", flush=True)


def summarise(results: list[Result], steps: int, *, as_json: bool) -> None:
    """Print the median over all tracks; a track without a flying lap counts as the worst."""
    median = statistics.median(result.ratio or 99.0 for result in results)
    clean = sum(result.resets == 0 and result.ratio is not None for result in results)
    if as_json:
        rows = [asdict(result) for result in results]
        print(json.dumps({"steps": steps, "median": median, "clean": clean, "tracks": rows}, indent=2))
        return
    bar = f", bar {BARS[steps]}" if steps in BARS else ""
    print(f"median {median:.3f} of the record{bar}; {clean} of {len(results)} trials clean")


if __name__ == "__main__":
    main()
