"""Fixtures of the simulator's tests."""

from __future__ import annotations

import pytest

from simulator import tracks
from simulator.track import Track


@pytest.fixture
def oval() -> Track:
    """Two straights along x at y = -1.5 and 1.5, 4.6 m long, joined by half circles of 1.5 m; 1 m wide."""
    return tracks.load("oval")
