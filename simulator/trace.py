"""A recorded drive: columns by name, one row per step, kept as .npz without pickle.

Row k is the state before the action of step k acts (positions are the nose's), with that action's command.
What was on the road besides stands beside the columns, if anything was: `objects` and `object_sizes`.
The same drive gives the same bytes: the archive carries no time stamps.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simulator import params
from simulator.archive import npz_bytes
from simulator.car import SPEED, STEERING, YAW

COLUMNS = (
    "t_s",
    "x_m",
    "y_m",
    "yaw_rad",
    "speed_mps",
    "steering_rad",
    "command_steering_deg",
    "command_speed_mps",
    "progress",
    "lap",
    "status",
)
OBJECTS, OBJECT_SIZES = "objects", "object_sizes"
MAX_FILE_BYTES = 64_000_000


def step_rows(
    rows: NDArray[np.float64],
    state: NDArray[np.float64],
    commands: NDArray[np.float64],
    lap: NDArray[np.int64],
    status: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Return a step's trace rows [n, columns] from params rows, the state [6, n] and the commands [n, 2]."""
    columns = (
        rows[:, params.SIM_TIME],
        rows[:, params.X],
        rows[:, params.Y],
        state[YAW],
        state[SPEED],
        state[STEERING],
        commands[:, 0],
        commands[:, 1],
        rows[:, params.PROGRESS],
        lap,
        status,
    )
    assert len(columns) == len(COLUMNS)
    return np.column_stack(columns).astype(np.float64, copy=False)


class TraceError(ValueError):
    """A trace file that is none; the message says why."""


class Trace:
    """A drive of [steps]; `trace["speed_mps"]` is a column, float64, read-only.

    `objects` [steps, k, 3] are the places x, y (m) of what was on the road around the car, and headings
    (rad): the middles of rectangles with `object_sizes` [k, 2] (length and width, m). A NaN in a place: not
    there then. Without objects k is 0.
    """

    __slots__ = ("object_sizes", "objects", "rows")

    def __init__(
        self,
        rows: NDArray[np.float64],
        objects: NDArray[np.float64] | None = None,
        object_sizes: NDArray[np.float64] | None = None,
    ) -> None:
        """Take rows [steps, columns] in the order of `COLUMNS`; raise ValueError where shapes disagree."""
        self.rows = _frozen(np.asarray(rows, dtype=np.float64).reshape(-1, len(COLUMNS)))
        steps = len(self.rows)
        self.objects = _frozen(np.zeros((steps, 0, 3)) if objects is None else objects)
        self.object_sizes = _frozen(np.zeros((0, 2)) if object_sizes is None else object_sizes)
        count = len(self.object_sizes)
        if self.objects.shape != (steps, count, 3) or self.object_sizes.shape != (count, 2):
            raise ValueError(
                f"expected objects [{steps} steps, k, 3] and their sizes [k, 2], got shapes "
                f"{self.objects.shape} and {self.object_sizes.shape}"
            )

    def __getitem__(self, column: str) -> NDArray[np.float64]:
        """Return a column [steps]; raise KeyError for an unknown name."""
        if column not in COLUMNS:
            raise KeyError(f"expected a column of {', '.join(COLUMNS)}, got {column!r}")
        return self.rows[:, COLUMNS.index(column)]

    def __len__(self) -> int:
        return len(self.rows)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Trace) and self._parts() == other._parts()

    def __hash__(self) -> int:
        return hash(self._parts())

    def _parts(self) -> tuple[bytes, bytes, bytes]:
        return self.rows.tobytes(), self.objects.tobytes(), self.object_sizes.tobytes()

    def __repr__(self) -> str:
        return f"Trace({len(self)} steps)"

    def columns(self) -> Mapping[str, NDArray[np.float64]]:
        """Return all columns by name."""
        return {name: self[name] for name in COLUMNS}

    def to_bytes(self) -> bytes:
        """Return the .npz archive: one array per column, and two for the objects if there are any."""
        arrays = dict(self.columns())
        if len(self.object_sizes):
            arrays |= {OBJECTS: self.objects, OBJECT_SIZES: self.object_sizes}
        return npz_bytes(arrays)

    @classmethod
    def from_bytes(cls, data: bytes) -> Trace:
        """Read an archive; raise `TraceError` for anything else."""
        if len(data) > MAX_FILE_BYTES:
            raise TraceError(f"expected a trace of at most {MAX_FILE_BYTES:,} bytes, got {len(data):,}")
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as archive:
                columns = [np.asarray(archive[name], dtype=np.float64) for name in COLUMNS]
                extras = [archive[name] for name in (OBJECTS, OBJECT_SIZES) if name in archive]
            return cls(np.column_stack(columns), *extras)
        except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile) as error:
            raise TraceError(
                f"expected an .npz archive with the columns {', '.join(COLUMNS)}: {error}"
            ) from error

    def save(self, path: str | Path) -> None:
        """Write the archive to a file."""
        Path(path).write_bytes(self.to_bytes())

    @classmethod
    def load(cls, path: str | Path) -> Trace:
        """Read the archive from a file."""
        return cls.from_bytes(Path(path).read_bytes())


def _frozen(values: NDArray[np.float64]) -> NDArray[np.float64]:
    array = np.array(values, dtype=np.float64, order="C")
    array.setflags(write=False)
    return array
