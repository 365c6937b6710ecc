"""A track, and reward functions to train with."""

from __future__ import annotations

import pytest

from simulator import tracks
from simulator.track import Track

PROGRESS_REWARD = """
previous = 0.0

def reward_function(params):
    global previous
    if params["steps"] <= 2:
        previous = params["progress"]
    gained = params["progress"] - previous
    previous = params["progress"]
    return -5.0 if params["is_offtrack"] else gained
"""


@pytest.fixture(scope="session")
def oval() -> Track:
    return tracks.load("oval")
