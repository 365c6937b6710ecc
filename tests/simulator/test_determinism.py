"""A drive is its seed and its commands, whatever the batch, the process and the time of day."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator import tracks
from simulator.car import SPECS, CarSpec
from simulator.rules import Rules
from simulator.starts import Starts
from simulator.vector import TrackVectorEnv

ROOT = Path(__file__).parents[2]
RULES = (Rules(), Rules(max_steps=40), Rules.time_trial(1, off_track_penalty_s=0.4))


@settings(max_examples=20)
@given(
    seed=st.integers(0, 2**31 - 1),
    n=st.integers(2, 9),
    name=st.sampled_from(tracks.names()),
    is_reversed=st.booleans(),
    spec=st.sampled_from(list(SPECS.values())),
    rules=st.sampled_from(RULES),
    starts=st.sampled_from(Starts),
)
def test_batch_of_n_is_n_batches_of_one_bit_for_bit_in_both_directions(
    seed: int, n: int, name: str, is_reversed: bool, spec: CarSpec, rules: Rules, starts: Starts
) -> None:
    track = tracks.load(name).reversed() if is_reversed else tracks.load(name)
    batch, *alone = (
        TrackVectorEnv(track, cars, spec=spec, rules=rules, starts=starts) for cars in [n] + [1] * n
    )
    together = batch.reset(seed=seed)[0]
    apart = [env.reset(seed=seed + car)[0] for car, env in enumerate(alone)]
    assert together.tobytes() == np.concatenate(apart).tobytes()
    rng = np.random.default_rng(seed)
    for _ in range(60):
        actions = rng.uniform(-1.0, 1.0, (n, 2))
        theirs = [env.step(actions[car : car + 1])[:4] for car, env in enumerate(alone)]
        for ours, single in zip(batch.step(actions)[:4], zip(*theirs, strict=True), strict=True):
            assert np.asarray(ours).tobytes() == np.concatenate(single).tobytes()
        rows = np.concatenate([env.trace_rows() for env in alone])
        assert batch.trace_rows().tobytes() == rows.tobytes()
        outcomes = {car: env.outcomes[0] for car, env in enumerate(alone) if env.outcomes}
        assert batch.outcomes == outcomes


def test_two_processes_drive_the_same_bytes() -> None:
    """Golden drives, hashes included, in two interpreters with other hash seeds and numbers of threads."""
    command = [sys.executable, "-m", "tests.simulator.golden"]
    printed = []
    for hash_seed, threads in (("1", "1"), ("2", "2")):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "OPENBLAS_NUM_THREADS": threads}
        done = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
        printed.append(done.stdout)
    assert b"sha256" in printed[0]
    assert printed[0] == printed[1]
