"""A track as inline SVG, from its geometry: asphalt between the borders, centre line, start, direction.

Colours come from the style sheet by class. The drawing is kept per track name, because shipped circuits
never change.
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

_PICTURE = Markup(
    '<svg class="track" viewBox="{box}" role="img" aria-label="{label}">'
    '<path class="track-surface" fill-rule="evenodd" d="{outer}{inner}"/>'
    '<path class="track-edge" d="{outer}{inner}" fill="none" stroke-width="{edge}"/>'
    '<path class="track-centre" d="{centre}" fill="none" stroke-width="{thin}" stroke-dasharray="{dash}"/>'
    '<path class="track-start" d="{start}" stroke-width="{bold}"/>'
    '<path class="track-arrow" d="{arrow}" transform="{place}"/></svg>'
)


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
    start = np.stack([track.inner[0], track.outer[0]])
    return _PICTURE.format(
        box=" ".join(f"{value:.2f}" for value in box),
        label=f"Outline of the track {track.name}, {track.length_m:.1f} m long",
        outer=_path(track.outer),
        inner=_path(track.inner),
        centre=_path(track.waypoints),
        start=_path(start),
        thin=f"{line * 0.5:.3f}",
        edge=f"{line:.3f}",
        bold=f"{line * 2:.3f}",
        dash=f"{line * 3:.3f}",
        arrow=f"M0 {-line * 2.4:.3f}L{line * 4.2:.3f} 0L0 {line * 2.4:.3f}z",
        place=_arrow_place(track),
    )


def _arrow_place(track: Track) -> str:
    """Return the SVG transform that puts the arrow on the centre line shortly after the start."""
    index = max(1, round(len(track.waypoints) * _ARROW_AFTER))
    here, ahead = track.waypoints[index], track.waypoints[index + 1]
    angle = float(np.degrees(np.arctan2(-(ahead[1] - here[1]), ahead[0] - here[0])))
    return f"translate({here[0]:.2f} {-here[1]:.2f}) rotate({angle:.1f})"


def _path(points: NDArray[np.float64]) -> str:
    """Write points [n, 2] (m, y up) as a closed SVG path (y down)."""
    return "M" + "L".join(f"{x:.2f} {-y:.2f}" for x, y in points) + "Z"
