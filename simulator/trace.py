"""A recorded drive: columns by name, one row per step, kept as .npz without pickle.

Row k is the state before the action of step k acts (positions are the nose's), with that action's command.
The same drive gives the same bytes: the archive carries no time stamps.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simulator.archive import npz_bytes

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
MAX_FILE_BYTES = 64_000_000


class TraceError(ValueError):
    """A trace file that is none; the message says why."""


class Trace:
    """A drive of [steps]; `trace["speed_mps"]` is a column, float64, read-only."""

    __slots__ = ("rows",)

    def __init__(self, rows: NDArray[np.float64]) -> None:
        """Take rows [steps, columns] in the order of `COLUMNS`."""
        table = np.array(rows, dtype=np.float64, order="C").reshape(-1, len(COLUMNS))
        table.setflags(write=False)
        self.rows = table

    def __getitem__(self, column: str) -> NDArray[np.float64]:
        """Return a column [steps]; raise KeyError for an unknown name."""
        if column not in COLUMNS:
            raise KeyError(f"expected a column of {', '.join(COLUMNS)}, got {column!r}")
        return self.rows[:, COLUMNS.index(column)]

    def __len__(self) -> int:
        return len(self.rows)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Trace) and self.rows.tobytes() == other.rows.tobytes()

    def __hash__(self) -> int:
        return hash(self.rows.tobytes())

    def __repr__(self) -> str:
        return f"Trace({len(self)} steps)"

    def columns(self) -> Mapping[str, NDArray[np.float64]]:
        """Return all columns by name."""
        return {name: self[name] for name in COLUMNS}

    def to_bytes(self) -> bytes:
        """Return the .npz archive: one array per column."""
        return npz_bytes(self.columns())

    @classmethod
    def from_bytes(cls, data: bytes) -> Trace:
        """Read an archive; raise `TraceError` for anything else."""
        if len(data) > MAX_FILE_BYTES:
            raise TraceError(f"expected a trace of at most {MAX_FILE_BYTES:,} bytes, got {len(data):,}")
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as archive:
                columns = [np.asarray(archive[name], dtype=np.float64) for name in COLUMNS]
            return cls(np.column_stack(columns))
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
