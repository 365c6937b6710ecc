"""Logs of the real DeepRacer simulator: what a car was told and where it went, step by step.

Read are the three forms in which people have them: `N-iteration.csv`, the same compressed with gzip, and text
with SIM_TRACE_LOG lines of any age (16 to 19 fields). Positions in a log are the nose's. Row k holds the pose
before the action of row k acts, as in our own traces.

A log that is cut or broken is refused with the line, instead of being read in part: who compares figures must
know that they are about the whole file.
"""

from __future__ import annotations

import csv
import gzip
import io
import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

FIELDS = (
    "episode",
    "steps",
    "X",
    "Y",
    "yaw",
    "steer",
    "throttle",
    "action",
    "reward",
    "done",
    "all_wheels_on_track",
    "progress",
    "closest_waypoint",
    "track_len",
    "tstamp",
    "episode_status",
    "pause_duration",
    "obstacle_crash_counter",
    "wall_clock",
)
"""The fields of a row in the order of SIM_TRACE_LOG; older simulators write only the first 16, 17 or 18."""

LEAST_FIELDS = 16
STANDING = frozenset({"prepare", "pause", "park"})
"""Statuses of rows in which the action does not act: the car is held."""

MARK = "SIM_TRACE_LOG:"
MAX_ROWS = 5_000_000
_NUMBERS = ("episode", "steps", "X", "Y", "yaw", "steer", "throttle", "tstamp")
_NEEDED = (*_NUMBERS, "episode_status")
_GZIP_MAGIC = b"\x1f\x8b"


class LogError(ValueError):
    """A log that cannot be used: what was expected, what came, and in which line where that is known."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(f"line {line}: {message}" if line else message)
        self.line = line


@dataclass(frozen=True, slots=True)
class DriveLog:
    """The rows of a log, one entry per step [n]."""

    episode: FloatArray
    steps: FloatArray
    x_m: FloatArray
    """Of the nose, as `y_m`."""
    y_m: FloatArray
    yaw_rad: FloatArray
    steering_deg: FloatArray
    """Commanded, as `speed_mps`."""
    speed_mps: FloatArray
    t_s: FloatArray
    """Time stamps of the simulator's clock."""
    status: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.episode)

    def where(self, keep: NDArray[np.bool_]) -> DriveLog:
        """Return the rows for which `keep` [n] holds, for example some of the episodes."""
        return DriveLog(*(getattr(self, name)[keep] for name in self.__slots__))


def read_log(path: str | Path) -> DriveLog:
    """Read a log file. Raises `LogError` for anything else, `OSError` for a file that cannot be opened."""
    path = Path(path)
    line = 0
    numbers: list[list[float]] = []
    statuses: list[str] = []
    try:
        with path.open("rb") as raw, _text(raw) as text:
            for line, fields in _records(text):
                numbers.append([_number(fields, name, line) for name in _NUMBERS])
                statuses.append(fields["episode_status"].strip())
                if len(numbers) > MAX_ROWS:
                    raise LogError(f"expected at most {MAX_ROWS:,} rows in a log; cut it into several files")
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise LogError(
            f"the compressed log is cut or broken after this line: {error}. Copy it again.", line
        ) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise LogError(f"expected text, but after this line there is none: {error}", line) from error
    if not numbers:
        raise LogError(
            f"expected a DeepRacer log, found no row. A .csv needs the header "
            f"{','.join(FIELDS[:5])},...; a text log needs lines with {MARK}"
        )
    table = np.array(numbers)
    table[:, _NUMBERS.index("yaw")] = np.radians(table[:, _NUMBERS.index("yaw")])
    episode, steps, x_m, y_m, yaw_rad, steering_deg, speed_mps, t_s = table.T.copy()
    return DriveLog(episode, steps, x_m, y_m, yaw_rad, steering_deg, speed_mps, t_s, np.array(statuses))


def _text(raw: io.BufferedReader) -> io.TextIOWrapper:
    packed = raw.peek(2)[:2] == _GZIP_MAGIC
    stream = gzip.GzipFile(fileobj=raw) if packed else raw
    return io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")


def _records(text: io.TextIOWrapper) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows with their lines, whichever of the forms this is."""
    first = text.readline()
    header = [name.strip() for name in next(csv.reader([first]), [])]
    if set(header) & {"episode", "steps", "tstamp"}:
        yield from _csv_records(text, header)
        return
    expected = 0
    for line, words in enumerate(chain([first], text), start=1):
        if MARK in words:
            values = _fields(words)
            expected = expected or _known_count(values, line)
            yield line, _named(list(FIELDS[:expected]), values, line)


def _csv_records(text: io.TextIOWrapper, header: list[str]) -> Iterator[tuple[int, dict[str, str]]]:
    missing = [name for name in _NEEDED if name not in header]
    if missing:
        raise LogError(f"the header lacks {', '.join(missing)}. Expected {','.join(FIELDS)}", 1)
    reader = csv.reader(text)
    for values in reader:
        if values:
            line = reader.line_num + 1
            yield line, _named(header, values, line)


def _fields(words: str) -> list[str]:
    """Return the fields of a SIM_TRACE_LOG line; a continuous action is one field, "[steer speed]"."""
    content = words.split(MARK, 1)[1].split("\t")[0].strip()
    head, bracket, rest = content.partition("[")
    inside, closing, tail = rest.partition("]")
    return f"{head}{bracket}{inside.replace(',', ' ')}{closing}{tail}".split(",")


def _known_count(values: list[str], line: int) -> int:
    """Return how many fields the rows of this log have: as many as its first."""
    if not LEAST_FIELDS <= len(values) <= len(FIELDS):
        raise LogError(
            f"expected {LEAST_FIELDS} to {len(FIELDS)} fields after {MARK}, got {len(values)}. "
            "Is the log cut? Remove that line and try again.",
            line,
        )
    return len(values)


def _named(names: list[str], values: list[str], line: int) -> dict[str, str]:
    if len(values) != len(names):
        raise LogError(
            f"expected {len(names)} fields as in the first line, got {len(values)}. "
            "Is the log cut? Remove that line and try again.",
            line,
        )
    return dict(zip(names, values, strict=True))


def _number(fields: dict[str, str], name: str, line: int) -> float:
    try:
        value = float(fields[name])
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise LogError(f"{name}: expected a number, got {fields[name][:40]!r}", line)
    return value
