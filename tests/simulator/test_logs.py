"""DeepRacer logs in all their forms; cut and broken ones are refused with the line."""

from __future__ import annotations

import contextlib
import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.logs import FIELDS, DriveLog, LogError, read_log

ROW = "0,{step},1.5,-2.25,90.0,-30.00,2.00,{action},1.0000,False,True,12.5,7,17.71,{time},in_progress"
NEWER = ("", ",0.00", ",0.00,1772822267.5", ",0.00,0,1772822267.5")


def row(step: int, action: str = "3", more: str = "") -> str:
    return ROW.format(step=step, action=action, time=20.0 + step / 15) + more


def csv_text(*rows: str) -> str:
    count = len(rows[0].split(","))
    return "\n".join([",".join(FIELDS[:count]), *rows]) + "\n"


def read(folder: Path, content: str | bytes, name: str = "log.csv") -> DriveLog:
    data = content.encode() if isinstance(content, str) else content
    (folder / name).write_bytes(data)
    return read_log(folder / name)


@pytest.mark.parametrize("more", NEWER, ids=["16", "17", "18", "19"])
@pytest.mark.parametrize("prefix", ["SIM_TRACE_LOG:", "[rl_coach-1] SIM_TRACE_LOG:"])
def test_text_log_of_every_age(more: str, prefix: str, tmp_path: Path) -> None:
    lines = [
        "## Creating graph - name: MultiAgentGraphManager",
        prefix + row(1, more=more),
        "Training> Name=main",
    ]
    lines += [f"{prefix}{row(2, more=more)}\tSomething else", ""]
    log = read(tmp_path, "\n".join(lines), "sim.log")
    assert log.steps.tolist() == [1.0, 2.0]
    assert (log.x_m[0], log.y_m[0], log.steering_deg[0], log.speed_mps[0]) == (1.5, -2.25, -30.0, 2.0)
    assert log.yaw_rad[0] == pytest.approx(np.pi / 2)
    assert log.status.tolist() == ["in_progress", "in_progress"]


@pytest.mark.parametrize("action", ["[12.5 1.3]", "[12.5, 1.3]", "-1"])
def test_continuous_actions_in_a_text_log(action: str, tmp_path: Path) -> None:
    log = read(tmp_path, f"SIM_TRACE_LOG:{row(1, action)}\n", "sim.log")
    assert log.speed_mps.tolist() == [2.0]


@pytest.mark.parametrize("more", NEWER[:2] + NEWER[3:], ids=["16", "17", "19"])
def test_csv_plain_and_compressed(more: str, tmp_path: Path) -> None:
    text = csv_text(row(1, '"[1.0, 2.0]"' if not more else "4", more), row(2, more=more))
    if not more:
        text = text.replace('"[1.0', '"[1.0')
        text = ",".join(FIELDS[:16]) + text[text.index("\n") :]
    plain = read(tmp_path, "\ufeff" + text)
    packed = read(tmp_path, gzip.compress(text.encode()), "log.csv.gz")
    assert plain.steps.tolist() == packed.steps.tolist() == [1.0, 2.0]
    assert plain.t_s.tolist() == packed.t_s.tolist()


def test_csv_columns_are_found_by_name(tmp_path: Path) -> None:
    header = ["wall_clock", *FIELDS[:16]]
    log = read(tmp_path, "\n".join([",".join(header), "5," + row(9)]))
    assert log.steps.tolist() == [9.0]


@pytest.mark.parametrize(
    ("content", "message", "line"),
    [
        ("", "found no row", None),
        ("hello\nworld\n", "found no row", None),
        (",".join(FIELDS), "found no row", None),
        ("episode,steps,X\n1,2,3\n", "the header lacks Y, yaw", 1),
        (csv_text(row(1), row(2)[:30]), "line 3: expected 16 fields", 3),
        (csv_text(row(1), row(2).replace("1.5", "nan")), "line 3: X: expected a number, got 'nan'", 3),
        (csv_text(row(1), row(2).replace("90.0", "east")), "line 3: yaw: expected a number, got 'east'", 3),
        (f"first\nSIM_TRACE_LOG:{row(1)[:20]}\n", "line 2: expected 16 to 19 fields", 2),
        (f"SIM_TRACE_LOG:{row(1)},0\nSIM_TRACE_LOG:{row(2)}\n", "line 2: expected 17 fields", 2),
        (f"SIM_TRACE_LOG:{row(1)},0,0,0,0\n", "got 20", 1),
    ],
)
def test_broken_log_is_refused_with_its_line(
    content: str, message: str, line: int | None, tmp_path: Path
) -> None:
    with pytest.raises(LogError, match=message) as refused:
        read(tmp_path, content)
    assert refused.value.line == line


def test_cut_archive_and_binary_files_are_refused(tmp_path: Path) -> None:
    packed = gzip.compress("".join(csv_text(*(row(step) for step in range(2000)))).encode())
    with pytest.raises(LogError, match="cut or broken"):
        read(tmp_path, packed[: len(packed) // 2], "log.csv.gz")
    with pytest.raises(LogError, match="cut or broken"):
        read(tmp_path, b"\x1f\x8bnot a gzip file", "log.csv.gz")
    with pytest.raises(LogError, match="expected text"):
        read(tmp_path, bytes(range(256)) * 20, "log.csv")


@given(cut=st.integers(0, 4000), place=st.integers(0, 3999), byte=st.integers(0, 255), packed=st.booleans())
def test_any_damage_gives_a_log_or_a_refusal(
    cut: int, place: int, byte: int, packed: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    text = csv_text(*(row(step, more=NEWER[3]) for step in range(1, 40))).encode()
    data = bytearray(gzip.compress(text) if packed else text)
    data[place % len(data)] = byte
    path = tmp_path_factory.getbasetemp() / "damaged.csv"
    path.write_bytes(data[: max(0, len(data) - cut)])
    with contextlib.suppress(LogError):
        assert len(read_log(path)) <= 40
