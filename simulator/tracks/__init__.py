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

from simulator.car import CLASSIC, SPECS, CarSpec
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


def optimum(name: str, *, is_reversed: bool = False, spec: CarSpec = CLASSIC) -> Optimum:
    """Return the minimum-time lap of a circuit; raise `TrackError` for an unknown name or car."""
    return _planned(name, "optimum", is_reversed, spec.name)


def plan(name: str, *, is_reversed: bool = False, spec: CarSpec = CLASSIC) -> Optimum:
    """Return the lap that the reference driver follows; raise `TrackError` for an unknown name or car."""
    return _planned(name, "plan", is_reversed, spec.name)


def optimum_of(track: Track, spec: CarSpec = CLASSIC) -> Optimum | None:
    """Return the stored minimum-time lap of exactly this geometry, direction and car, or None without one."""
    return _planned_of(track, "optimum", spec)


def plan_of(track: Track, spec: CarSpec = CLASSIC) -> Optimum | None:
    """Return the stored plan of exactly this geometry, direction and car, or None without one."""
    return _planned_of(track, "plan", spec)


def _planned_of(track: Track, kind: str, spec: CarSpec) -> Optimum | None:
    name = _names_by_version().get(track.version)
    if name is None or spec.name not in SPECS:
        return None
    stored = _planned(name, kind, track.is_reversed, spec.name)
    return stored if stored.is_of(track, spec) else None


@lru_cache(maxsize=1)
def _names_by_version() -> dict[str, str]:
    ways = [(name, way) for name in names() for way in (load(name), load(name).reversed())]
    return {way.version: name for name, way in ways}


@lru_cache(maxsize=128)
def _planned(name: str, kind: str, is_reversed: bool, spec_name: str) -> Optimum:
    if name not in _index():
        raise TrackError(f"expected the name of a circuit ({', '.join(names())}), got {name!r}")
    if spec_name not in SPECS:
        raise TrackError(f"expected one of the cars {', '.join(SPECS)} for {name!r}, got {spec_name!r}")
    return Optimum.load(planned_path(name, kind, is_reversed, spec_name))


def planned_path(name: str, kind: str, is_reversed: bool, spec_name: str) -> Path:
    """Return where a circuit's "optimum" or "plan" is kept; `python -m arena.garage.optimum` writes it."""
    car = "" if spec_name == CLASSIC.name else f".{spec_name}"
    return FOLDER / f"{name}{car}{'.reversed' if is_reversed else ''}.{kind}.npz"
