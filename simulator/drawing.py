"""Tracks as SVG, from their geometry: road, borders, centre line, start, direction, and a planned lap on top.

`element` is for pages: colours come from the page's style sheet by class. `document` stands alone. Metres
are the drawing's units, with y turned over, because SVG's y points down.
"""

from __future__ import annotations

from html import escape

import numpy as np
from numpy.typing import NDArray

from simulator.optimum import Optimum
from simulator.track import Track

FloatArray = NDArray[np.float64]

SCALE_MPS = np.linspace(1.0, 4.0, 13)
"""The speeds of the scale under a lap."""
_MARGIN = 0.04  # of the larger side
_ARROW_AFTER = 0.045  # of a lap past the start line
_EDGE_SHARE = 0.012  # width of the lines relative to the larger side
_DOCUMENT_WIDTH_PX = 1200
# Slow is red, fast is blue: a diverging scale that people with red-green weakness can read.
_SLOW, _MIDDLE, _FAST = np.array([[178, 24, 43], [253, 219, 120], [33, 102, 172]], dtype=np.float64)

_ELEMENT = (
    '<svg class="track" viewBox="{box}" role="img" aria-label="{label}">'
    '<path class="track-surface" fill-rule="evenodd" d="{outer}{inner}"/>'
    '<path class="track-edge" d="{outer}{inner}" fill="none" stroke-width="{edge}"/>'
    '<path class="track-centre" d="{centre}" fill="none" stroke-width="{thin}" stroke-dasharray="{dash}"/>'
    '<path class="track-start" d="{start}" stroke-width="{bold}"/>'
    '<path class="track-arrow" d="{arrow}" transform="{place}"/></svg>'
)
_STYLE = (
    "svg{{background:#fff}}.track-surface{{fill:#e3e6ea}}.track-edge{{stroke:#4a5560;stroke-width:{thin}}}"
    ".track-centre{{stroke:#9aa5b1;stroke-width:{thin}}}.track-start{{stroke:#111;stroke-width:{start}}}"
    ".track-arrow{{fill:#111}}text{{font-family:sans-serif;fill:#111}}"
)


def element(track: Track) -> str:
    """Return an SVG element with a title for screen readers."""
    line = _larger_side(track) * _EDGE_SHARE
    return _ELEMENT.format(
        box=" ".join(f"{value:.2f}" for value in _box(track)),
        label=escape(f"Outline of the track {track.name}, {track.length_m:.1f} m long"),
        outer=_path(track.outer),
        inner=_path(track.inner),
        centre=_path(track.waypoints),
        start=_path(np.stack([track.inner[0], track.outer[0]])),
        thin=f"{line * 0.5:.3f}",
        edge=f"{line:.3f}",
        bold=f"{line * 2:.3f}",
        dash=f"{line * 3:.3f}",
        arrow=f"M0 {-line * 2.4:.3f}L{line * 4.2:.3f} 0L0 {line * 2.4:.3f}z",
        place=_arrow_place(track),
    )


def document(track: Track, lap: Optimum | None = None) -> str:
    """Return an SVG file of the track; a planned lap is drawn on it, coloured by speed."""
    left, top, width, height = _box(track)
    line = _larger_side(track) * _EDGE_SHARE
    style = _STYLE.format(thin=f"{line * 0.25:.3f}", start=f"{line:.3f}")
    drawn = "" if lap is None else _lap(lap, 0.6 * line)
    size = width / 40.0
    if lap is not None:
        drawn += _scale(left + size, top + height + 2.2 * size, size)
    drawn += _text(left + size, top + height + size, size, caption(track, lap))
    height += 4.0 * size
    pixels = f'width="{_DOCUMENT_WIDTH_PX}" height="{_DOCUMENT_WIDTH_PX * height / width:.0f}"'
    box = f"{left:.2f} {top:.2f} {width:.2f} {height:.2f}"
    opening = f'<svg xmlns="http://www.w3.org/2000/svg" {pixels} viewBox="{box}"><style>{style}</style>'
    return opening + element(track).split(">", 1)[1].removesuffix("</svg>") + drawn + "</svg>\n"


def caption(track: Track, lap: Optimum | None) -> str:
    """Return the words under a picture."""
    words = f"{track.name}, {track.length_m:.2f} m"
    if lap is not None:
        words += f" · optimum {lap.lap_s:.3f} s, {lap.speed_mps.min():.2f} to {lap.speed_mps.max():.2f} m/s"
    return words


def _lap(lap: Optimum, line_m: float) -> str:
    """Draw the lap in pieces, each in the colour of its mean speed."""
    after = np.roll(lap.line, -1, axis=0)
    colours = lap_colours(lap)
    pieces = [
        f'<path d="M{x:.3f} {-y:.3f}L{u:.3f} {-v:.3f}" stroke="{colour}"/>'
        for (x, y), (u, v), colour in zip(lap.line.tolist(), after.tolist(), colours, strict=True)
    ]
    opening = f'<g class="track-lap" stroke-width="{line_m:.3f}" stroke-linecap="round">'
    return opening + "".join(pieces) + "</g>"


def _scale(x: float, y: float, size: float) -> str:
    """Draw the scale of speeds from 1 to 4 m/s."""
    speeds = SCALE_MPS
    fields = [
        f'<rect x="{x + index * size:.2f}" y="{y - 0.8 * size:.2f}" width="{size:.2f}" '
        f'height="{0.8 * size:.2f}" fill="{colour}"/>'
        for index, colour in enumerate(speed_colours(speeds))
    ]
    numbers = [_text(x + index * size, y + size, 0.8 * size, f"{speeds[index]:g}") for index in (0, 4, 8, 12)]
    unit = _text(x + 14 * size, y, 0.8 * size, "m/s")
    return "".join([*fields, *numbers, unit])


def _text(x: float, y: float, size: float, words: str) -> str:
    return f'<text x="{x:.2f}" y="{y:.2f}" font-size="{size:.2f}">{escape(words)}</text>'


def lap_colours(lap: Optimum) -> list[str]:
    """Return a colour per piece of a lap, by its mean speed."""
    return speed_colours(0.5 * (lap.speed_mps + np.roll(lap.speed_mps, -1)))


def speed_colours(speed_mps: FloatArray) -> list[str]:
    """Return a colour per speed [n]: 1 m/s and less is red, 4 m/s is blue."""
    share = np.clip((speed_mps - 1.0) / 3.0, 0.0, 1.0)[:, None]
    colour = np.where(
        share < 0.5, _SLOW + (_MIDDLE - _SLOW) * 2 * share, _MIDDLE + (_FAST - _MIDDLE) * (2 * share - 1)
    )
    return ["#" + "".join(f"{round(part):02x}" for part in row) for row in colour.tolist()]


def _larger_side(track: Track) -> float:
    return float(max(np.ptp(np.concatenate([track.inner, track.outer]), axis=0)))


def _box(track: Track) -> tuple[float, float, float, float]:
    """Return left, top, width and height of the drawing, margin included."""
    points = np.concatenate([track.inner, track.outer])
    low, high = points.min(axis=0), points.max(axis=0)
    margin = _larger_side(track) * (_MARGIN + _EDGE_SHARE)
    width, height = (high - low + 2 * margin).tolist()
    return float(low[0]) - margin, -float(high[1]) - margin, width, height


def _arrow_place(track: Track) -> str:
    """Return the SVG transform that puts the arrow on the centre line shortly after the start."""
    index = max(1, round(len(track.waypoints) * _ARROW_AFTER))
    here, ahead = track.waypoints[index], track.waypoints[index + 1]
    angle = float(np.degrees(np.arctan2(-(ahead[1] - here[1]), ahead[0] - here[0])))
    return f"translate({here[0]:.2f} {-here[1]:.2f}) rotate({angle:.1f})"


def _path(points: FloatArray) -> str:
    """Write points [n, 2] (m, y up) as a closed SVG path (y down)."""
    return "M" + "L".join(f"{x:.2f} {-y:.2f}" for x, y in points) + "Z"
