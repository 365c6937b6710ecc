"""Shipped tracks as inline SVG; drawings are kept, because shipped circuits never change."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from markupsafe import Markup

from simulator import tracks
from simulator.drawing import element
from simulator.track import Track, TrackError

_LABEL_SHARE = 0.032  # radius of a number's disc, relative to the larger side


@lru_cache(maxsize=64)
def track_svg(name: str) -> Markup:
    """Draw a shipped track; an unknown or broken one gives an empty drawing rather than a broken page."""
    try:
        return Markup(element(tracks.load(name)))
    except (TrackError, KeyError, FileNotFoundError):
        return Markup("")


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
    radius = float(np.ptp(np.concatenate([track.inner, track.outer]), axis=0).max()) * _LABEL_SHARE
    labels = "".join(
        f'<g class="track-sector{" is-worst" if number == worst else ""}"><circle cx="{x:.2f}" cy="{-y:.2f}" '
        f'r="{radius:.2f}"/><text x="{x:.2f}" y="{-y:.2f}" dy="0.36em" font-size="{radius * 1.35:.2f}" '
        f'text-anchor="middle">{number}</text></g>'
        for number, (x, y) in enumerate(middles, start=1)
    )
    borders = f'<path class="track-borders" d="{lines}" stroke-width="{radius * 0.3:.3f}"/>'
    return Markup(element(track).removesuffix("</svg>") + borders + labels + "</svg>")
