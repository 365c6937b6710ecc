"""Reward functions as people write them in public run unchanged, here on a real drive of many cars."""

from __future__ import annotations

import numpy as np
import pytest

from arena.garage import lock, protection
from arena.garage.lock import Profile
from arena.garage.protection import Protection
from arena.garage.sandbox import RewardSandbox, check
from benchmarks import rewards
from simulator.canned import canned_states
from simulator.env import TrackVectorEnv
from simulator.track import Track

ENTRIES = rewards.entries()
WANTED_SHARE = 0.95


def test_the_set_has_every_style_in_it() -> None:
    """What reference collections of public reward functions contain; dear and long ones among them."""
    assert len(ENTRIES) >= 30
    text = "\n".join(entry.text for entry in ENTRIES)
    for style in (
        "import numpy",
        "shapely",
        "bisect",
        "json",
        "logging.FileHandler",
        "global ",
        "class ",
        "print(",
    ):
        assert style in text, style
    assert any("\r\n\t" in entry.text for entry in ENTRIES)
    assert any(len(entry.source) > 60_000 for entry in ENTRIES)
    assert rewards.DEAREST in {entry.name for entry in ENTRIES}


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_public_styles_run_unchanged(entry: rewards.Entry) -> None:
    checked = check(entry.source, entry.track)
    assert checked.message.startswith("The function answers"), checked.detail
    with RewardSandbox(entry.text, entry.track, 16) as reward:
        env = TrackVectorEnv(entry.track, 16, reward=reward)
        env.reset(seed=1)
        actions = np.tile([0.2, -0.5], (16, 1))
        for _ in range(40):
            _, paid, *_ = env.step(actions)
    assert np.isfinite(paid).all()


@pytest.mark.skipif(lock.best_profile() is None, reason=lock.refusal())
def test_they_run_where_no_file_can_be_opened_too() -> None:
    protection.use(Protection(Profile.STRICT))
    try:
        passed = [check(entry.source, entry.track).ok for entry in ENTRIES]
    finally:
        protection.use(None)
    assert sum(passed) >= WANTED_SHARE * len(ENTRIES)


def test_a_log_that_every_car_sets_up_is_written_once(oval: Track) -> None:
    source = """
import logging, sys
log = logging.getLogger("mine")
log.addHandler(logging.FileHandler("reward.log"))
log.addHandler(logging.StreamHandler(sys.stdout))

def reward_function(params):
    log.warning("called")
    with open("reward.log") as file:
        return len(file.readlines())
"""
    with RewardSandbox(source, oval, 16) as reward:
        state = canned_states(oval)[0].row
        assert reward(np.array([state] * 16), np.arange(16)).tolist() == list(range(1, 17))
        assert reward.output.count("called") == 16
