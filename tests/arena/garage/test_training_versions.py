"""What a trial keeps about what computed it."""

from __future__ import annotations

import platform

import numpy as np

from arena.garage.training_versions import MACHINE, build, software


def test_all_that_decides_the_bits_has_a_version() -> None:
    found = software()
    assert set(found) == {"arena", "build", "numpy", "torch", "stable_baselines3", "python", MACHINE}
    assert found["numpy"] == np.__version__
    assert platform.machine() in found[MACHINE]
    assert all(found.values())


def test_the_build_is_a_short_hash_of_our_sources() -> None:
    assert len(build()) == 16
    assert set(build()) <= set("0123456789abcdef")
