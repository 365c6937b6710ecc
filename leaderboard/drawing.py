"""Shipped tracks as inline SVG; drawings are kept, because shipped circuits never change."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from markupsafe import Markup

from simulator import tracks
from simulator.drawing import element
from simulator.objects import Objects, Obstacle
from simulator.track import Track, TrackError

_LABEL_SHARE = 0.032  # radius of a number's disc, relative to the larger side
_LEAST_OBJECT_SHARE = 0.045  # of the larger side: a box on a long track would be a dot
_CAR_RATIO = 1.4  # cars are at least this much longer than wide, boxes are not


@lru_cache(maxsize=64)
def track_svg(name: str) -> Markup:
    """Draw a shipped track; an unknown or broken one gives an empty drawing rather than a broken page."""
    try:
        return Markup(element(tracks.load(name)))
    except (TrackError, KeyError, FileNotFoundError):
        return Markup("")


def course_svg(track: Track, obstacles: Sequence[Obstacle]) -> Markup:
    """Draw a track, turned the way it is driven, with what stands on it: boxes crossed, cars with a nose.

    Raises `ObstacleError` for obstacles that cannot stand there.
    """
    if not obstacles:
        return Markup(element(track))
    standing = Objects.on(track, obstacles)
    least_m = _larger_side(track) * _LEAST_OBJECT_SHARE
    rows = zip(
        *(np.ravel(column).tolist() for column in (standing.x, standing.y, standing.heading_rad)),
        standing.size_m.tolist(),
        strict=True,
    )
    drawn = "".join(_object(x, y, heading, size, least_m) for x, y, heading, size in rows)
    return Markup(element(track).removesuffix("</svg>") + f'<g class="track-objects">{drawn}</g></svg>')


def _object(x: float, y: float, heading_rad: float, size_m: list[float], least_m: float) -> str:
    """Draw a box or a parked car at a place, at least as large as can be seen."""
    larger = max(1.0, least_m / size_m[0])
    long, wide = 0.5 * size_m[0] * larger, 0.5 * size_m[1] * larger
    place = f"translate({x:.2f} {-y:.2f}) rotate({-math.degrees(heading_rad):.1f})"
    is_car = size_m[0] > _CAR_RATIO * size_m[1]
    nose = f"M{long:.2f} 0L0 {wide:.2f}V{-wide:.2f}z"
    cross = f"M{-long:.2f} {-wide:.2f}L{long:.2f} {wide:.2f}M{-long:.2f} {wide:.2f}L{long:.2f} {-wide:.2f}"
    name, sign = ("parked-car", nose) if is_car else ("box", cross)
    return (
        f'<g class="{name}" transform="{place}" stroke-width="{0.3 * wide:.3f}"><rect x="{-long:.2f}" '
        f'y="{-wide:.2f}" width="{2 * long:.2f}" height="{2 * wide:.2f}"/><path d="{sign}"/></g>'
    )


def _larger_side(track: Track) -> float:
    return float(np.ptp(np.concatenate([track.inner, track.outer]), axis=0).max())


def sectors_svg(track: Track, bounds_m: tuple[float, ...], worst: int | None) -> Markup:
    """Draw a track with its sectors: a line at each border, a number in each, the disc of `worst` filled.

    `bounds_m` are the places of the borders along the centre line, the start line first and the end last.
    """
    inner, outer = track.border_at(np.array(bounds_m[1:-1]))
    lines = "".join(
        f"M{a:.2f} {-b:.2f}L{c:.2f} {-d:.2f}"
        for (a, b), (c, d) in zip(inner.tolist(), outer.tolist(), strict=True)
    )
    middles = track.at((np.array(bounds_m[:-1]) + np.array(bounds_m[1:])) / 2.0).tolist()
    radius = _larger_side(track) * _LABEL_SHARE
    labels = "".join(
        f'<g class="track-sector{" is-worst" if number == worst else ""}"><circle cx="{x:.2f}" cy="{-y:.2f}" '
        f'r="{radius:.2f}"/><text x="{x:.2f}" y="{-y:.2f}" dy="0.36em" font-size="{radius * 1.35:.2f}" '
        f'text-anchor="middle">{number}</text></g>'
        for number, (x, y) in enumerate(middles, start=1)
    )
    borders = f'<path class="track-borders" d="{lines}" stroke-width="{radius * 0.3:.3f}"/>'
    return Markup(element(track).removesuffix("</svg>") + borders + labels + "</svg>")
