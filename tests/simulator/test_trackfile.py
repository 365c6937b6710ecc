"""Bad track files: each is refused with what was expected, what came and what to do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from simulator.crossing import first_crossing
from simulator.track import Track, TrackError
from simulator.trackfile import MAX_FILE_BYTES

Rows = NDArray[np.float64]


def refused(rows: object, match: str) -> None:
    with pytest.raises(TrackError, match=match):
        Track.from_rows(rows, "bad")  # type: ignore[arg-type]


def test_not_a_number_is_named_with_its_row(oval: Track) -> None:
    rows = oval.rows()
    rows[7, 2] = np.nan
    refused(rows, r"finite numbers only, row 7 is")


def test_wrong_shape_is_named(oval: Track) -> None:
    refused(oval.rows()[:, :4], r"shape \(n, 6\).*\(94, 4\)")
    refused(oval.rows()[0], r"\(6,\)")
    refused(np.zeros((0, 6)), "12 to 5,000 rows, it has 0")


def test_text_and_objects_are_no_numbers() -> None:
    refused([["a"] * 6] * 20, "of type <U1")
    refused([[None] * 6] * 20, "of type object")
    refused([[1.0], [1.0, 2.0]], "expected rows of six numbers")


def test_too_few_points(oval: Track) -> None:
    refused(oval.rows()[:5], "12 to 5,000 rows, it has 5")
    refused(np.repeat(oval.rows()[:1], 40, axis=0), "12 different centre points or more, it has 1")


def test_repeated_points_are_dropped(oval: Track) -> None:
    rows = np.repeat(oval.rows(), 2, axis=0)
    assert Track.from_rows(rows, "twice").version == oval.version


def test_open_centre_line_and_open_border(oval: Track) -> None:
    refused(oval.rows()[:-3], "closed circuit.*open by 0")
    rows = oval.rows()
    rows[-1, 4] += 0.2
    refused(rows, "open by 0.200 m; repeat the first row")


def test_road_without_width(oval: Track) -> None:
    rows = oval.rows()
    rows[:, 2:4] = rows[:, 0:2]
    refused(rows, "from the centre line, they are 0.000 to")


def test_swapped_and_crossing_borders(oval: Track) -> None:
    rows = oval.rows()
    refused(rows[:, [0, 1, 4, 5, 2, 3]], "they are swapped; exchange the third")
    crossing = rows.copy()
    crossing[20:25, 2:4], crossing[20:25, 4:6] = rows[20:25, 4:6], rows[20:25, 2:4]
    refused(crossing, r"in row 20 \(5 in all\)")


@pytest.mark.parametrize(("columns", "named"), [((2, 4), "inner"), ((4, 6), "outer"), ((2, 6), "inner")])
def test_border_in_reversed_order(oval: Track, columns: tuple[int, int], named: str) -> None:
    backwards = oval.rows()
    backwards[:, slice(*columns)] = backwards[::-1, slice(*columns)]
    refused(backwards, f"the {named} one runs the other way; turn the order of its rows round")


def test_single_border_point_far_off_is_named(oval: Track) -> None:
    rows = oval.rows()
    rows[40, 4:6] += 5.0
    refused(rows, r"m away; mend row 40 \(1 in all\)")


def test_lines_that_cross_are_named_with_their_rows(oval: Track) -> None:
    eight = oval.rows()
    s = 0.3 + np.linspace(0.0, 2.0 * np.pi, len(eight))
    eight[:, 0:2] = np.column_stack([6.0 * np.sin(s), 3.0 * np.sin(2.0 * s)])
    eight[-1, 0:2] = eight[0, 0:2]
    assert first_crossing(eight[:, 0:2]) is not None
    along = np.gradient(eight[:, 0:2], axis=0)
    across = 0.3 * np.column_stack([-along[:, 1], along[:, 0]]) / np.hypot(*along.T)[:, None]
    eight[:, 2:4], eight[:, 4:6] = eight[:, 0:2] + across, eight[:, 0:2] - across
    eight[-1] = eight[0]
    refused(eight, "centre line not to cross itself, it does in rows")
    loop = oval.rows()
    loop[[10, 12], 2:4] = loop[[12, 10], 2:4]
    refused(loop, "inner border not to cross itself, it does in rows")


def test_two_crossing_squares_are_found_and_two_apart_are_not() -> None:
    square = np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 2.0], [0.0, 2.0], [0.0, 0.0]])
    assert first_crossing(square) is None
    assert first_crossing(square, square + 1.0) == (1, 0)
    assert first_crossing(square, square + 5.0) is None


def test_track_in_other_units(oval: Track) -> None:
    refused(oval.rows() * 1000.0, "are its units metres")
    refused(oval.rows() * 0.01, "are its units metres")


def test_file_with_pickled_objects_is_not_unpickled(tmp_path: Path) -> None:
    path = tmp_path / "evil.npy"
    np.save(path, np.array([{"a": 1}] * 20, dtype=object), allow_pickle=True)
    with pytest.raises(TrackError, match="Object arrays cannot be loaded"):
        Track.load(path)


def test_huge_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.npy"
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "<f8", "fortran_order": False, "shape": (10_000_000, 6)}
        )
        file.truncate(480_000_000)
    with pytest.raises(TrackError, match=f"at most {MAX_FILE_BYTES:,} bytes, it has 480,000,000"):
        Track.load(path)


def test_header_that_promises_too_much_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "liar.npy"
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "<f8", "fortran_order": False, "shape": (10_000_000, 6)}
        )
    with pytest.raises(TrackError, match=r"promises shape \(10000000, 6\)"):
        Track.load(path)


@pytest.mark.parametrize("content", [b"", b"not a track", b"PK\x03\x04zip", b"\x93NUMPY\x01\x00\xff"])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.npy"
    path.write_bytes(content)
    with pytest.raises(TrackError, match=r"other\.npy: expected a \.npy file"):
        Track.load(path)


def test_missing_file_and_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(TrackError, match="No such file"):
        Track.load(tmp_path / "none.npy")
    (tmp_path / "folder.npy").mkdir()
    with pytest.raises(TrackError, match="directory"):
        Track.load(tmp_path / "folder.npy")
