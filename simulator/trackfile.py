"""Reading and checking of track files: DeepRacer's .npy, float rows [n, 6], from any source.

A file comes from strangers: its size is checked before it is read, nothing is ever unpickled, and whatever is
wrong ends in a `TrackError` that says what was expected, what came and what to do.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulator.crossing import first_crossing

MAX_FILE_BYTES = 2_000_000
MIN_POINTS = 12
MAX_POINTS = 5_000
MIN_LENGTH_M, MAX_LENGTH_M = 5.0, 500.0
MIN_HALF_WIDTH_M, MAX_HALF_WIDTH_M = 0.05, 2.5
MAX_EXTENT_M = 200.0
FORMAT = (
    "rows of six numbers (centre x, y, inner border x, y, outer border x, y in metres), last row == first row"
)


class TrackError(ValueError):
    """A track file or track rows that cannot be driven on; the message says why and what to do."""


def read_rows(path: Path) -> NDArray[np.float64]:
    """Read the array of a .npy file; its content is still unchecked (`check_rows`)."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise TrackError(
            f"expected a track file at {path}, but it cannot be read: {error.strerror}"
        ) from error
    if size > MAX_FILE_BYTES:
        raise TrackError(
            f"{path.name}: expected a track file of at most {MAX_FILE_BYTES:,} bytes, it has {size:,}; "
            "leave out waypoints"
        )
    try:
        with path.open("rb") as file:
            _check_header(file, size)
            rows = np.lib.format.read_array(file, allow_pickle=False)
    except (OSError, ValueError, EOFError, MemoryError) as error:
        raise TrackError(
            f"{path.name}: expected a .npy file with {FORMAT}; it cannot be read: {error}"
        ) from error
    return np.asarray(rows)


def _check_header(file: BinaryIO, size: int) -> None:
    """Refuse a header that promises more than the file has: reading would ask for that much memory."""
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    if math.prod(shape) * dtype.itemsize > size:
        raise ValueError(f"its header promises shape {shape}, the file is only {size:,} bytes long")
    file.seek(0)


def check_rows(rows: ArrayLike, name: str) -> NDArray[np.float64]:
    """Return rows as float64 [n, 6] without repeated centre points; raise `TrackError` for no circuit."""
    try:
        array = np.asarray(rows)
        if array.dtype.kind not in "fiu":
            raise ValueError(f"its numbers are of type {array.dtype}")
        table = np.asarray(array, dtype=np.float64)
    except (ValueError, TypeError) as error:
        raise TrackError(f"{name}: expected {FORMAT}; {error}") from error
    if table.ndim != 2 or table.shape[1] != 6:
        raise TrackError(f"{name}: expected an array of shape (n, 6), {FORMAT}; its shape is {table.shape}")
    if not MIN_POINTS <= len(table) <= MAX_POINTS:
        raise TrackError(f"{name}: expected {MIN_POINTS} to {MAX_POINTS:,} rows, it has {len(table):,}")
    _check_numbers(table, name)
    kept = np.append(True, np.any(np.diff(table[:, :2], axis=0) != 0.0, axis=1))
    table = np.ascontiguousarray(table[kept])
    if len(table) < MIN_POINTS:
        raise TrackError(
            f"{name}: expected {MIN_POINTS} different centre points or more, it has {len(table)}"
        )
    _check_shape(table, name)
    return table


def _check_numbers(table: NDArray[np.float64], name: str) -> None:
    bad = np.flatnonzero(~np.isfinite(table).all(axis=1))
    if len(bad):
        raise TrackError(
            f"{name}: expected finite numbers only, row {bad[0]} is {table[bad[0]].tolist()}; mend that row"
        )
    extent = float(np.max(np.ptp(table.reshape(-1, 2), axis=0)))
    if extent > MAX_EXTENT_M:
        raise TrackError(
            f"{name}: expected a track within {MAX_EXTENT_M:.0f} m, it spans {extent:.3g} m; "
            "are its units metres?"
        )
    gap = np.abs(table[0] - table[-1]).max()
    if gap > 1e-6:
        raise TrackError(
            f"{name}: expected a closed circuit (last row == first row), its centre line or a border is open "
            f"by {gap:.3f} m; repeat the first row at the end, or take another track: sprints are not raced"
        )
    table[-1] = table[0]


def _check_shape(table: NDArray[np.float64], name: str) -> None:
    centre, inner, outer = table[:, 0:2], table[:, 2:4], table[:, 4:6]
    length = float(np.hypot(*np.diff(centre, axis=0).T).sum())
    if not MIN_LENGTH_M <= length <= MAX_LENGTH_M:
        raise TrackError(
            f"{name}: expected a centre line of {MIN_LENGTH_M:.0f} to {MAX_LENGTH_M:.0f} m, "
            f"it is {length:.3g} m long; are its units metres?"
        )
    _check_widths(centre, inner, outer, name)
    for title, line in (("centre line", centre), ("inner border", inner), ("outer border", outer)):
        _check_self_crossing(line, title, name)
    _check_sides(centre, inner, outer, name)
    if found := first_crossing(inner, outer):
        raise TrackError(
            f"{name}: expected two borders that never meet, the inner one crosses the outer one in rows "
            f"{found[0]} and {found[1]}; keep the parts of the road apart"
        )


def _check_widths(
    centre: NDArray[np.float64], inner: NDArray[np.float64], outer: NDArray[np.float64], name: str
) -> None:
    """Refuse borders too near to the centre line or too far from it; say so where one runs backwards."""
    half_widths = np.hypot(*(np.stack([inner, outer]) - centre).T).T
    wrong = (half_widths < MIN_HALF_WIDTH_M) | (half_widths > MAX_HALF_WIDTH_M)
    if not wrong.any():
        return
    for title, border, is_wrong in (("inner", inner, wrong[0].any()), ("outer", outer, wrong[1].any())):
        turned = np.hypot(*(border[::-1] - centre).T)
        if is_wrong and turned.min() >= MIN_HALF_WIDTH_M and turned.max() <= MAX_HALF_WIDTH_M:
            raise TrackError(
                f"{name}: expected borders whose rows run along with the centre line, the {title} one runs "
                "the other way; turn the order of its rows round"
            )
    rows = np.flatnonzero(wrong.any(axis=0))
    raise TrackError(
        f"{name}: expected borders {MIN_HALF_WIDTH_M} to {MAX_HALF_WIDTH_M} m from the centre line, they "
        f"are {half_widths.min():.3f} to {half_widths.max():.3f} m away; mend row {rows[0]} ({len(rows)} in "
        "all)"
    )


def _check_sides(
    centre: NDArray[np.float64], inner: NDArray[np.float64], outer: NDArray[np.float64], name: str
) -> None:
    """Refuse borders that are swapped, run the other way or change sides: left would mean nothing."""
    along = np.roll(centre[:-1], -1, axis=0) - np.roll(centre[:-1], 1, axis=0)
    inner_side = _cross(along, inner[:-1] - centre[:-1])
    outer_side = _cross(along, outer[:-1] - centre[:-1])
    x, y = centre[:-1].T
    x_next, y_next = centre[1:].T
    turning_left = float(np.sum(x * y_next - y * x_next)) > 0.0
    expected = 1.0 if turning_left else -1.0
    wrong = np.flatnonzero((inner_side * expected <= 0.0) | (outer_side * expected >= 0.0))
    if (
        len(wrong) == len(along)
        and np.all(inner_side * expected < 0.0)
        and np.all(outer_side * expected > 0.0)
    ):
        raise TrackError(
            f"{name}: expected the inner border inside of the centre line and the outer border outside, they "
            "are swapped; exchange the third and fourth number of each row with the fifth and sixth"
        )
    if len(wrong):
        raise TrackError(
            f"{name}: expected the inner border inside of the centre line and the outer border outside; "
            f"in row {wrong[0]} ({len(wrong)} in all) they are otherwise; order both along the centre line"
        )


def _check_self_crossing(line: NDArray[np.float64], title: str, name: str) -> None:
    """Refuse a line that crosses itself: which part of the road is which would be a guess."""
    if found := first_crossing(line):
        raise TrackError(
            f"{name}: expected the {title} not to cross itself, it does in rows {found[0]} and "
            f"{found[1]}; move those rows apart, or make the road narrower in tight bends"
        )


def _cross(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0], dtype=np.float64)
