"""Shipped tracks as inline SVG; the drawing is kept per track name, because shipped circuits never change."""

from __future__ import annotations

from functools import lru_cache

from markupsafe import Markup

from simulator import tracks
from simulator.drawing import element
from simulator.track import TrackError


@lru_cache(maxsize=64)
def track_svg(name: str) -> Markup:
    """Draw a shipped track; an unknown or broken one gives an empty drawing rather than a broken page."""
    try:
        return Markup(element(tracks.load(name)))
    except (TrackError, KeyError, FileNotFoundError):
        return Markup("")
