"""Fixtures of the sensors' tests."""

from __future__ import annotations

import pytest

from simulator.sensors.ground import Ground, ground_of
from simulator.track import Track


@pytest.fixture
def ground(oval: Track) -> Ground:
    """The oval's ground."""
    return ground_of(oval)
