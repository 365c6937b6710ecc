"""The circuits that come with the arena: data (`<name>.npy`, [n, 6]) and an index of titles and descriptions.

The circuits are our own designs. `load` takes the name of one or the path of a DeepRacer track file.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from simulator.car import CLASSIC, CarSpec
from simulator.optimum import Optimum
from simulator.track import Track, TrackError

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class TrackInfo:
    """What people want to know of a circuit before they enter a race on it."""

    name: str
    title: str
    description: str
    difficulty: int
    """1 (beginners) to 5."""
    length_m: float
    width_m: float
    """At the narrowest place."""
    min_radius_m: float
    """Of the tightest bend's centre line."""
    version: str


@lru_cache(maxsize=1)
def _index() -> dict[str, dict[str, Any]]:
    entries: dict[str, dict[str, Any]] = json.loads((FOLDER / "index.json").read_text(encoding="utf-8"))
    return entries


def names() -> tuple[str, ...]:
    """Return the names of the circuits, easiest first."""
    return tuple(_index())


@lru_cache(maxsize=64)
def _shipped(name: str) -> Track:
    return Track.load(FOLDER / f"{name}.npy", name)


def load(name_or_path: str | Path) -> Track:
    """Return the circuit of that name, or the one in that .npy file; raise `TrackError` for neither."""
    if str(name_or_path) in _index():
        return _shipped(str(name_or_path))
    if str(name_or_path).endswith(".npy"):
        return Track.load(name_or_path)
    known = ", ".join(names())
    raise TrackError(
        f"expected the name of a circuit ({known}) or the path of a .npy file, got {str(name_or_path)!r}"
    )


@lru_cache(maxsize=64)
def describe(name: str) -> TrackInfo:
    """Return what there is to know of a circuit; raise `TrackError` for an unknown name."""
    if name not in _index():
        raise TrackError(f"expected the name of a circuit ({', '.join(names())}), got {name!r}")
    entry, track = _index()[name], load(name)
    s = np.linspace(0.0, track.length_m, 500)
    return TrackInfo(
        name=name,
        title=entry["title"],
        description=entry["description"],
        difficulty=entry["difficulty"],
        length_m=round(track.length_m, 2),
        width_m=round(float(track.width_at(s).min()), 2),
        min_radius_m=round(float(1.0 / np.abs(track.curvature_at(s)).max()), 2),
        version=track.version,
    )


def optimum(name: str, *, is_reversed: bool = False) -> Optimum:
    """Return the minimum-time lap of a circuit for the `classic` car; raise `TrackError` if unknown."""
    return _planned(name, "optimum", is_reversed)


def plan(name: str, *, is_reversed: bool = False) -> Optimum:
    """Return the lap that the reference driver follows; raise `TrackError` for an unknown name."""
    return _planned(name, "plan", is_reversed)


def optimum_of(track: Track, spec: CarSpec = CLASSIC) -> Optimum | None:
    """Return the stored minimum-time lap of exactly this geometry, direction and car, or None without one."""
    name = _names_by_version().get(track.version)
    stored = optimum(name, is_reversed=track.is_reversed) if name else None
    return stored if stored and stored.is_of(track, spec) else None


@lru_cache(maxsize=1)
def _names_by_version() -> dict[str, str]:
    ways = [(name, way) for name in names() for way in (load(name), load(name).reversed())]
    return {way.version: name for name, way in ways}


@lru_cache(maxsize=64)
def _planned(name: str, kind: str, is_reversed: bool) -> Optimum:
    if name not in _index():
        raise TrackError(f"expected the name of a circuit ({', '.join(names())}), got {name!r}")
    return Optimum.load(planned_path(name, kind, is_reversed))


def planned_path(name: str, kind: str, is_reversed: bool) -> Path:
    """Return where a circuit's "optimum" or "plan" is kept; `python -m arena.garage.optimum` writes it."""
    return FOLDER / f"{name}{'.reversed' if is_reversed else ''}.{kind}.npz"
