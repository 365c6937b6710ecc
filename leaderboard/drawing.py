"""A track as inline SVG, drawn from its geometry: asphalt between the borders, centre line, start line, direction of travel.

Colours come from the style sheet by class. The drawing is kept per track name, because shipped circuits never change.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from simulator import tracks
from simulator.track import Track, TrackError

_MARGIN = 0.04  # of the larger side
_ARROW_AFTER = 0.045  # of a lap past the start line
_EDGE_SHARE = 0.012  # width of the lines relative to the larger side


@lru_cache(maxsize=64)
def track_svg(name: str) -> Markup:
    """Draw a shipped track; an unknown or broken one gives an empty drawing rather than a broken page."""
    try:
        return draw(tracks.load(name))
    except (TrackError, KeyError, FileNotFoundError):
        return Markup("")


def draw(track: Track) -> Markup:
    """Draw a track as an SVG element with a title for screen readers."""
    points = np.concatenate([track.inner, track.outer])
    low, high = points.min(axis=0), points.max(axis=0)
    side = float(max(high - low))
    margin = side * _MARGIN + side * _EDGE_SHARE
    box = (low[0] - margin, -high[1] - margin, high[0] - low[0] + 2 * margin, high[1] - low[1] + 2 * margin)
    line = side * _EDGE_SHARE
    return Markup(
        '<svg class="track" viewBox="{box}" role="img" aria-label="{label}" preserveAspectRatio="xMidYMid meet">'
        '<path class="track-surface" fill-rule="evenodd" d="{outer}{inner}"/>'
        '<path class="track-edge" d="{outer}{inner}" fill="none" stroke-width="{edge:.3f}"/>'
        '<path class="track-centre" d="{centre}" fill="none" stroke-width="{thin:.3f}" stroke-dasharray="{dash:.3f}"/>'
        '<path class="track-start" d="{start}" stroke-width="{bold:.3f}"/>'
        '<path class="track-arrow" d="M0 {up:.3f}L{tip:.3f} 0L0 {down:.3f}z" transform="{place}"/></svg>'
    ).format(
        box=" ".join(f"{value:.2f}" for value in box),
        label=f"Outline of the track {track.name}, {track.length_m:.1f} m long",
        outer=_path(track.outer), inner=_path(track.inner), centre=_path(track.waypoints),
        edge=line, thin=line * 0.5, dash=line * 3, bold=line * 2,
        start=f"M{track.inner[0][0]:.2f} {-track.inner[0][1]:.2f}L{track.outer[0][0]:.2f} {-track.outer[0][1]:.2f}",
        up=-line * 2.4, down=line * 2.4, tip=line * 4.2,
        place=_arrow_place(track),
    )  # fmt: skip


def _arrow_place(track: Track) -> str:
    """Return the SVG transform that puts the arrow on the centre line shortly after the start."""
    index = max(1, round(len(track.waypoints) * _ARROW_AFTER))
    here, ahead = track.waypoints[index], track.waypoints[index + 1]
    angle = float(np.degrees(np.arctan2(-(ahead[1] - here[1]), ahead[0] - here[0])))
    return f"translate({here[0]:.2f} {-here[1]:.2f}) rotate({angle:.1f})"


def _path(points: NDArray[np.float64]) -> str:
    """Write points [n, 2] (m, y up) as a closed SVG path (y down)."""
    return "M" + "L".join(f"{x:.2f} {-y:.2f}" for x, y in points) + "Z"
