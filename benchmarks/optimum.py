"""Our optimum laps against the records that people set on real tracks.

`python -m benchmarks.optimum [FOLDER] [--tracks NAME ...] [--json]`. FOLDER holds `tracks/<name>.npy` and
`records.csv` with the columns `track` and `record_lap_s`; neither is part of the repository, because the
boards they come from carry no licence. Only tracks whose record is from 2023 or later count: older boards are
slow for reasons that are not physics (docs/fidelity.md).
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
from dataclasses import asdict, dataclass
from pathlib import Path

from arena.garage.optimum import fastest_lap
from simulator.track import Track

RECENT = (
    "2022_july_pro",
    "2022_june_pro",
    "2022_march_pro",
    "Albert",
    "Belille",
    "arctic_pro",
    "caecer_loop",
    "jyllandsringen_pro",
    "penbay_open",
)
"""Tracks whose record was set in 2023 or later."""
BESIDE = Path(__file__).parents[2] / "shared" / "reference"
LOWEST, HIGHEST = 0.88, 1.00
MEDIAN = (0.93, 0.97)


@dataclass(frozen=True, slots=True)
class Result:
    """One track: our bound, people's best, and the first as a share of the second."""

    track: str
    optimum_s: float
    record_s: float
    ratio: float


def records(folder: Path) -> dict[str, float]:
    """Read the record of each track (s)."""
    with (folder / "records.csv").open(newline="") as file:
        return {row["track"]: float(row["record_lap_s"]) for row in csv.DictReader(file)}


def compare(folder: Path, names: tuple[str, ...]) -> list[Result]:
    """Solve each track and compare."""
    best = records(folder)
    results = []
    for name in names:
        lap_s = fastest_lap(Track.load(folder / "tracks" / f"{name}.npy")).lap_s
        results.append(Result(name, round(lap_s, 3), best[name], round(lap_s / best[name], 4)))
    return results


def main() -> None:
    """Print the table, or JSON for a program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=BESIDE)
    parser.add_argument("--tracks", nargs="+", default=RECENT, metavar="NAME")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    if not (arguments.folder / "records.csv").is_file():
        print(f"no records to compare with: {arguments.folder / 'records.csv'} is not there")
        return
    results = compare(arguments.folder, tuple(arguments.tracks))
    ratios = [result.ratio for result in results]
    median = statistics.median(ratios)
    if arguments.json:
        summary = {"median": median, "lowest": min(ratios), "highest": max(ratios)}
        print(json.dumps({**summary, "results": [asdict(result) for result in results]}, indent=2))
        return
    print(f"{'track':<24}{'optimum':>10}{'record':>10}{'ratio':>8}")
    for result in results:
        print(f"{result.track:<24}{result.optimum_s:>10.3f}{result.record_s:>10.3f}{result.ratio:>8.3f}")
    print(f"median {median:.3f}, from {min(ratios):.3f} to {max(ratios):.3f}")
    print(f"required: median {MEDIAN[0]} to {MEDIAN[1]}, each {LOWEST} to {HIGHEST}")


if __name__ == "__main__":
    main()
