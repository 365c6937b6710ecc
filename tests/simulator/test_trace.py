"""Traces: columns by name, the same bytes for the same drive, no pickle."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from simulator.trace import COLUMNS, Trace, TraceError
from simulator.track import Track
from tests.simulator.pilots import pursuit, race_env


def recorded(track: Track, steps: int = 60) -> Trace:
    env = race_env(track)
    rows = []
    for _ in range(steps):
        env.step(pursuit(env))
        rows.append(env.trace_rows())
    return Trace(np.concatenate(rows))


def test_recorded_drive_has_the_state_before_each_action(oval: Track) -> None:
    trace = recorded(oval)
    assert len(trace) == 60
    assert trace["t_s"] == pytest.approx(np.arange(60) / 15.0)
    assert trace["x_m"][0] == pytest.approx(0.14)
    assert trace["speed_mps"][0] == 0.0
    assert trace["command_speed_mps"] == pytest.approx(1.0)
    assert trace["progress"][0] == pytest.approx(100 * 0.14 / oval.length_m)
    assert np.all(trace["lap"] == 1)
    way = np.hypot(np.diff(trace["x_m"]), np.diff(trace["y_m"]))
    assert way[-1] == pytest.approx(1.0 / 15.0, rel=0.05)


def test_saved_trace_comes_back_equal_and_as_the_same_bytes(oval: Track, tmp_path: Path) -> None:
    trace = recorded(oval)
    trace.save(tmp_path / "drive.npz")
    copy = Trace.load(tmp_path / "drive.npz")
    assert copy == trace
    assert copy.to_bytes() == trace.to_bytes() == recorded(oval).to_bytes()
    assert hash(copy) == hash(trace)
    assert copy != recorded(oval, 30)
    with np.load(tmp_path / "drive.npz", allow_pickle=False) as archive:
        assert tuple(archive.files) == COLUMNS


def test_objects_travel_with_the_drive(oval: Track) -> None:
    plain = recorded(oval, 4)
    assert plain.objects.shape == (4, 0, 3)
    places = np.arange(24.0).reshape(4, 2, 3)
    places[2:, 1] = np.nan
    trace = Trace(plain.rows, places, np.array([[0.5, 0.4], [0.3, 0.2]]))
    copy = Trace.from_bytes(trace.to_bytes())
    assert copy == trace != plain
    assert np.array_equal(copy.objects, places, equal_nan=True)
    assert copy.object_sizes.tolist() == [[0.5, 0.4], [0.3, 0.2]]
    assert Trace.from_bytes(plain.to_bytes()) == plain
    with pytest.raises(ValueError, match=r"expected objects \[4 steps, k, 3\]"):
        Trace(plain.rows, places[:3], trace.object_sizes)


def test_trace_cannot_be_changed_and_knows_its_columns(oval: Track) -> None:
    trace = recorded(oval, 3)
    with pytest.raises(ValueError, match="read-only"):
        trace["x_m"][0] = 1.0
    with pytest.raises(KeyError, match="expected a column of t_s"):
        trace["wheel"]
    assert len(Trace(np.zeros((0, len(COLUMNS))))) == 0


def pickled() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=True, **dict.fromkeys(COLUMNS, np.array([{}], dtype=object)))
    return buffer.getvalue()


def lacking() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, t_s=np.zeros(3))
    return buffer.getvalue()


@pytest.mark.parametrize("data", [b"", b"nothing", b"PK\x03\x04", pickled(), lacking()])
def test_other_files_are_no_traces(data: bytes) -> None:
    with pytest.raises(TraceError, match=r"expected an \.npz archive"):
        Trace.from_bytes(data)
