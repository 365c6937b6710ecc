"""A planned lap: the line of the rear axle round a circuit with the speed on it, kept as .npz.

`arena.garage.optimum` computes it; here it is only data, so that pages, referees and drivers need NumPy
alone. The shipped tracks carry two laps each way: the optimum (the bound no lap should beat) and the plan (a
careful car's lap, which the reference driver follows).
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simulator.archive import npz_bytes
from simulator.car import CAR_VERSION, CarSpec
from simulator.track import Track

FloatArray = NDArray[np.float64]

METHOD_VERSION = "1"
MAX_FILE_BYTES = 8_000_000
SUSPICION = 0.005
"""A lap faster than the optimum by more than this share is not believed: twice the error of the grid."""
COLUMNS = ("line", "s_m", "speed_mps", "heading_rad", "curvature_pm", "length_m")


class OptimumFileError(ValueError):
    """A file that holds no planned lap; the message says why."""


@dataclass(frozen=True, slots=True, eq=False)
class Optimum:
    """A flying lap on `n` lines across the road, the first of them the start line."""

    lap_s: float
    line: FloatArray
    """[n, 2] (m): where the rear axle's middle crosses."""
    s_m: FloatArray
    """[n]: arc length of the lines on the track's centre line."""
    speed_mps: FloatArray
    """[n]; between two lines the acceleration is constant."""
    heading_rad: FloatArray
    """[n], unwrapped."""
    curvature_pm: FloatArray
    """[n] (1/m) of the path, left bends positive."""
    length_m: FloatArray
    """[n]: path length to the next line."""
    versions: dict[str, str]
    """What it was computed for: "track", "car" (version), "spec" (name), "method"."""

    @property
    def path_m(self) -> float:
        """Return the length of the whole path."""
        return float(self.length_m.sum())

    @property
    def time_s(self) -> FloatArray:
        """Return the time [n + 1] since the start line at each line; the last entry is the lap time."""
        mean = 0.5 * (self.speed_mps + np.roll(self.speed_mps, -1))
        return np.concatenate([[0.0], np.cumsum(self.length_m / mean)])

    def is_of(self, track: Track, spec: CarSpec) -> bool:
        """Return whether this lap was computed for this geometry, direction, car and method."""
        return self.versions == versions_of(track, spec)

    def to_bytes(self) -> bytes:
        """Return the .npz archive; equal laps give equal bytes."""
        arrays = {name: np.asarray(getattr(self, name)) for name in COLUMNS}
        words = np.array([f"{key}={value}" for key, value in sorted(self.versions.items())])
        return npz_bytes({"lap_s": np.array([self.lap_s]), **arrays, "versions": words})

    @classmethod
    def from_bytes(cls, data: bytes) -> Optimum:
        """Read an archive; raise `OptimumFileError` for anything else."""
        if len(data) > MAX_FILE_BYTES:
            raise OptimumFileError(f"expected a lap of at most {MAX_FILE_BYTES:,} bytes, got {len(data):,}")
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as archive:
                columns = {name: np.asarray(archive[name], dtype=np.float64) for name in COLUMNS}
                lap_s = float(archive["lap_s"][0])
                versions = dict(str(word).split("=", 1) for word in archive["versions"])
        except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile) as error:
            raise OptimumFileError(f"expected an .npz archive of a planned lap: {error}") from error
        return cls(lap_s=lap_s, **columns, versions=versions)

    def save(self, path: str | Path) -> None:
        """Write the archive to a file."""
        Path(path).write_bytes(self.to_bytes())

    @classmethod
    def load(cls, path: str | Path) -> Optimum:
        """Read the archive from a file."""
        return cls.from_bytes(Path(path).read_bytes())


def versions_of(track: Track, spec: CarSpec) -> dict[str, str]:
    """Return what a planned lap depends on."""
    return {"track": track.version, "car": CAR_VERSION, "spec": spec.name, "method": METHOD_VERSION}


def too_fast(lap_time_ms: int, optimum: Optimum) -> bool:
    """Return whether a flying or standing lap is faster than physics allows: a case for the stewards."""
    return lap_time_ms < 1000.0 * optimum.lap_s * (1.0 - SUSPICION)


def percent_of_the_possible(lap_time_ms: int, optimum: Optimum) -> float:
    """Return the optimum's share of a lap time, in percent: 100 is as fast as physics allows."""
    return 100.0 * 1000.0 * optimum.lap_s / lap_time_ms
