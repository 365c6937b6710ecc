"""Files in memory behave as files do, and stay where they are."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from arena.garage.scratch import Scratch


@pytest.fixture
def scratch() -> Scratch:
    return Scratch(limit_bytes=1000)


def test_what_is_written_can_be_read_again_and_is_nowhere_else(scratch: Scratch, tmp_path: Path) -> None:
    path = tmp_path / "folder" / "log.csv"
    with scratch.open(path, "w", encoding="utf-8", newline="") as file:
        file.write("a,b\r\nä,1\r\n")
    with scratch.open(str(path), encoding="utf-8", newline="") as file:
        assert file.read() == "a,b\r\nä,1\r\n"
    with scratch.open(path, "rb") as file:
        assert file.read() == "a,b\r\nä,1\r\n".encode()
    assert not path.parent.exists()


def test_modes_mean_what_they_mean_elsewhere(scratch: Scratch, tmp_path: Path) -> None:
    path = tmp_path / "file"
    for _ in range(2):
        with scratch.open(path, "a") as file:
            assert file.write("xy") == 2
    with scratch.open(path, "r+") as file:
        assert file.read(1) == "x"
        file.seek(0)
        file.write("Z")
    with scratch.open(path, "a+") as file:
        assert file.tell() == 4
        file.seek(0)
        assert file.read() == "Zyxy"
    with pytest.raises(FileExistsError):
        scratch.open(path, "x")
    scratch.open(path, "w").close()
    assert scratch.open(path).read() == ""
    with pytest.raises(OSError, match="not readable"):
        scratch.open(path, "w").read()


def test_seeking_past_the_end_leaves_a_hole_of_zeros(scratch: Scratch, tmp_path: Path) -> None:
    with scratch.open(tmp_path / "f", "w+b", buffering=0) as file:
        file.seek(3)
        file.write(b"ab")
        assert file.seek(-1, 2) == 4
        file.truncate(7)
        file.seek(0)
        assert file.read() == b"\0\0\0ab\0\0"


def test_there_is_only_so_much_room(scratch: Scratch, tmp_path: Path) -> None:
    with scratch.open(tmp_path / "a", "wb") as file:
        file.write(b"x" * 900)
    file = scratch.open(tmp_path / "b", "wb", buffering=0)
    with pytest.raises(OSError, match="too large") as caught:
        file.write(b"x" * 101)
    assert caught.value.errno == errno.EFBIG
    with pytest.raises(OSError, match="too large"):
        file.truncate(2**40)


def test_a_full_log_takes_no_more_and_says_nothing(scratch: Scratch, tmp_path: Path) -> None:
    with scratch.open(tmp_path / "log", "a", buffering=1) as log:
        for _ in range(300):
            log.write("12345678\n")
    with scratch.open(tmp_path / "log") as log:
        assert 900 < len(log.read()) <= 1000


def test_other_files_are_opened_as_ever(scratch: Scratch, tmp_path: Path) -> None:
    (tmp_path / "real").write_text("real")
    with scratch.open(tmp_path / "real") as file:
        assert file.read() == "real"
    with pytest.raises(FileNotFoundError):
        scratch.open(tmp_path / "absent")
