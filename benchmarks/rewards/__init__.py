"""A set of reward functions in all the styles that people publish, written by us.

Cheap and dear ones (0.1 to 150 us a call), with memory in globals, classes and attributes, with NumPy,
shapely, bisect, json, logs and prints, with racing lines (the long one is 60 kB), with tabs and Windows
lines. They stay as they are: no formatter or type checker reads `functions/`. The lines are the shipped plans
(`simulator.tracks.plan`) at even distances. The tests run them all through the sandbox; `python -m
benchmarks.rewards` trains with them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from simulator import tracks
from simulator.track import Track

FOLDER = Path(__file__).parent / "functions"
TRACK = "oval"
OTHER_TRACKS = {"racing_line_long": "grand_tour"}
"""Of the functions that hold the line of another one."""
DEAREST = "target_ahead"


@dataclass(frozen=True, slots=True)
class Entry:
    """One reward function, byte for byte as somebody would upload it, and the track that it is for."""

    name: str
    source: bytes
    track_name: str

    @property
    def text(self) -> str:
        return self.source.decode()

    @property
    def track(self) -> Track:
        return tracks.load(self.track_name)


def entries() -> tuple[Entry, ...]:
    """Return the whole set, by name."""
    return tuple(
        Entry(path.stem, path.read_bytes(), OTHER_TRACKS.get(path.stem, TRACK))
        for path in sorted(FOLDER.glob("*.py"))
    )
