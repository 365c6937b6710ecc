"""Tracks as PNG: the picture of `simulator.drawing.document` in pixels, painted with Pillow.

It is painted `FINER` times as large and then reduced, which smooths its edges.
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from simulator.drawing import SCALE_MPS, caption, lap_colours, speed_colours
from simulator.optimum import Optimum
from simulator.track import Track

FloatArray = NDArray[np.float64]

WIDTH_PX = 1200
MAX_HEIGHT_PX = 2400
FINER = 3
MARGIN_PX = 40
TEXT_PX = 26
DASH_M = 0.2
PAPER, INK, SURFACE, EDGE, CENTRE = "#ffffff", "#111111", "#e3e6ea", "#4a5560", "#9aa5b1"
COLOURS = 256
EDGE_PX, CENTRE_PX, START_PX, LAP_PX = 4.0, 2.0, 8.0, 6.0
ARROW_PX = 26.0
ARROW_AFTER = 0.045  # of a lap past the start line


def png(track: Track, lap: Optimum | None = None) -> bytes:
    """Return a PNG file of the track; a planned lap is painted on it, coloured by speed."""
    canvas = _Canvas(track, foot_px=round(TEXT_PX * (5.0 if lap else 2.5)))
    canvas.road(track)
    if lap is not None:
        canvas.lap(lap)
    canvas.direction(track)
    canvas.words(track, lap)
    return canvas.file()


class _Canvas:
    """A sheet of paper on which metres have a place."""

    def __init__(self, track: Track, foot_px: int) -> None:
        points = np.concatenate([track.inner, track.outer])
        low, high = points.min(axis=0), points.max(axis=0)
        width_m, height_m = (high - low).tolist()
        room = WIDTH_PX - 2 * MARGIN_PX
        self._scale = FINER * min(room / width_m, (MAX_HEIGHT_PX - 2 * MARGIN_PX - foot_px) / height_m)
        self._left, self._top = float(low[0]), float(high[1])
        self._foot_px = round(height_m * self._scale / FINER) + 2 * MARGIN_PX
        size = (FINER * WIDTH_PX, FINER * (self._foot_px + foot_px))
        self._image = Image.new("RGB", size, PAPER)
        self._draw = ImageDraw.Draw(self._image)

    def road(self, track: Track) -> None:
        """Paint surface, borders, dashed centre line and start line."""
        self._draw.polygon(self._places(track.outer), fill=SURFACE)
        self._draw.polygon(self._places(track.inner), fill=PAPER)
        dashes = np.arange(0.0, track.length_m - DASH_M, 2.0 * DASH_M)
        for s in dashes:
            self._line(track.at(s + np.linspace(0.0, DASH_M, 4)), CENTRE, CENTRE_PX)
        for border in (track.inner, track.outer):
            self._line(np.vstack([border, border[1:2]]), EDGE, EDGE_PX)
        self._line(np.stack([track.inner[0], track.outer[0]]), INK, START_PX)

    def lap(self, lap: Optimum) -> None:
        """Paint a lap in pieces, each in the colour of its mean speed."""
        after = np.roll(lap.line, -1, axis=0)
        radius = 0.5 * LAP_PX * FINER
        for start, end, colour in zip(lap.line, after, lap_colours(lap), strict=True):
            self._line(np.stack([start, end]), colour, LAP_PX)
            ((x, y),) = self._places(end[None])
            self._draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)

    def direction(self, track: Track) -> None:
        """Paint an arrow on the centre line shortly after the start."""
        s = np.array([ARROW_AFTER * track.length_m])
        ((x, y),) = self._places(track.at(s))
        angle = float(track.heading_at(s)[0])
        cos, sin = np.cos(angle) * ARROW_PX * FINER, -np.sin(angle) * ARROW_PX * FINER
        corners = ((1.0, 0.0), (0.0, 0.55), (0.0, -0.55))
        self._draw.polygon(
            [(x + along * cos - across * sin, y + along * sin + across * cos) for along, across in corners],
            fill=INK,
        )

    def words(self, track: Track, lap: Optimum | None) -> None:
        """Write the caption and, under a lap, the scale of speeds."""
        self._text(MARGIN_PX, self._foot_px, caption(track, lap))
        if lap is None:
            return
        top, size = self._foot_px + 1.6 * TEXT_PX, float(TEXT_PX)
        for index, colour in enumerate(speed_colours(SCALE_MPS)):
            box = (MARGIN_PX + index * size, top, MARGIN_PX + (index + 1) * size, top + 0.8 * size)
            self._draw.rectangle([round(FINER * edge) for edge in box], fill=colour)
        for index in range(0, len(SCALE_MPS), 4):
            self._text(MARGIN_PX + index * size, top + size, f"{SCALE_MPS[index]:g}")
        self._text(MARGIN_PX + 14 * size, top - 0.1 * size, "m/s")

    def file(self) -> bytes:
        """Return what is painted as a PNG file."""
        width, height = self._image.size
        small = self._image.resize((width // FINER, height // FINER), Image.Resampling.LANCZOS)
        small = small.quantize(COLOURS, dither=Image.Dither.NONE)  # a third of the bytes
        file = io.BytesIO()
        small.save(file, "PNG", optimize=True)
        return file.getvalue()

    def _places(self, points: FloatArray) -> list[tuple[float, float]]:
        x = (points[:, 0] - self._left) * self._scale + FINER * MARGIN_PX
        y = (self._top - points[:, 1]) * self._scale + FINER * MARGIN_PX
        return list(zip(x.tolist(), y.tolist(), strict=True))

    def _line(self, points: FloatArray, colour: str, width_px: float) -> None:
        self._draw.line(self._places(points), fill=colour, width=round(width_px * FINER), joint="curve")

    def _text(self, x: float, y: float, words: str) -> None:
        font = ImageFont.load_default(TEXT_PX * FINER)
        self._draw.text((x * FINER, y * FINER), words, fill=INK, font=font)
