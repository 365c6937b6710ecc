"""The file of a checkpoint: what is written is read, and nothing else."""

from __future__ import annotations

import contextlib
import json
import pickle
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st

from arena.garage.training_checkpoint import Checkpoint, CheckpointError, Tally

CHECKPOINT = Checkpoint(
    identity="ab" * 32,
    digest="cd" * 32,
    stints=2,
    steps=1024,
    ancestor_steps=2048,
    metadata={"sensor": ["observation"]},
    tally=Tally(meter={"steps": 1024}, curve=[{"steps": 512}], output="né\n", calls=7, waited_s=0.5),
    learner={"policy/weight": np.arange(6, dtype=np.float32).reshape(2, 3)},
    drives={"drives": np.array([[0, 0, 5]])},
)


def header_of(**changes: Any) -> bytes:
    """Return a file whose header says something else."""
    data = CHECKPOINT.to_bytes()
    length = int.from_bytes(data[:8], "little")
    document = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["apex_arena"]) | changes
    return safetensors.numpy.save({}, metadata={"apex_arena": json.dumps(document)})


def test_what_was_written_is_read() -> None:
    again = Checkpoint.from_bytes(CHECKPOINT.to_bytes())
    assert again.tally == CHECKPOINT.tally
    assert (again.identity, again.stints, again.total_steps) == (CHECKPOINT.identity, 2, 3072)
    assert again.learner["policy/weight"].tobytes() == CHECKPOINT.learner["policy/weight"].tobytes()
    assert again.drives["drives"].tolist() == [[0, 0, 5]]
    assert again.to_bytes() == CHECKPOINT.to_bytes()


def test_what_is_trained_on_carries_no_records() -> None:
    bare = Checkpoint.from_bytes(CHECKPOINT.bare().to_bytes())
    assert bare.tally == Tally()
    assert not bare.drives
    assert bare.learner.keys() == CHECKPOINT.learner.keys()


@given(data=st.binary(max_size=200))
def test_no_bytes_do_anything_but_be_refused(data: bytes) -> None:
    with pytest.raises(CheckpointError):
        Checkpoint.from_bytes(data)


@given(place=st.integers(0, len(CHECKPOINT.to_bytes()) - 1), value=st.integers(0, 255))
def test_a_changed_byte_is_refused_or_read_as_what_it_says(place: int, value: int) -> None:
    data = bytearray(CHECKPOINT.to_bytes())
    data[place] = value
    with contextlib.suppress(CheckpointError):
        Checkpoint.from_bytes(bytes(data))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": "other"}, "format"),
        ({"version": 99}, "version 1"),
        ({"stints": -1}, "negative"),
        ({"steps": "many"}, "steps cannot be"),
        ({"stints": True}, "stints cannot be"),
        ({"tally": []}, "tally cannot be"),
        ({"tally": {}}, "meter cannot be"),
    ],
)
def test_a_header_that_lies_is_refused_in_words(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(CheckpointError, match=said):
        Checkpoint.from_bytes(header_of(**changes))


def test_weights_that_are_not_finite_are_refused() -> None:
    broken = Checkpoint(
        identity="", digest="", stints=1, steps=1, learner={"policy/weight": np.array([np.nan], np.float32)}
    )
    with pytest.raises(CheckpointError, match="not finite"):
        Checkpoint.from_bytes(broken.to_bytes())


def test_a_pickle_is_never_read() -> None:
    with pytest.raises(CheckpointError):
        Checkpoint.from_bytes(pickle.dumps({"identity": "ab"}))
