"""Whatever a reward function tries, under any circumstances, it is stopped, its verdict is right, its parent
lives, and the next submission is unaffected.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from arena.garage import lock
from tests.hostile.circumstances import Circumstance

ROOT = Path(__file__).resolve().parents[2]
LEAST_ATTACKS = 60

pytestmark = (
    pytest.mark.skipif(  # nothing is skipped where the kernel can: tests/arena/garage/test_protection.py
        lock.best_profile() is None, reason=lock.refusal()
    )
)


@pytest.mark.parametrize("circumstance", Circumstance)
def test_every_attack_is_stopped(circumstance: Circumstance) -> None:
    command = [sys.executable, "-m", "tests.hostile.siege", circumstance]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200)
    assert finished.returncode == 0, finished.stderr[-3000:]
    siege = json.loads(finished.stdout)
    assert siege["breaches"] == []
    assert siege["attacks"] >= LEAST_ATTACKS
    if circumstance is Circumstance.NO_LANDLOCK:
        assert siege["profile"] == "strict"
    if circumstance in (Circumstance.ORDINARY_USER, Circumstance.POD):
        assert siege["uid"] != 0
    if circumstance is Circumstance.POD:
        assert not siege["namespaces"]
    if circumstance is Circumstance.AS_IT_IS:
        assert siege["uid"] == os.getuid()
