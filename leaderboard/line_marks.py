"""What a diagnosis knows of each line of a reward function, as its listing shows it: how often, how dear."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DEAR_PERCENT = 10.0
MOST_DEAR = 3


@dataclass(frozen=True, slots=True)
class LineMark:
    """One line that can run: how often it did, and its percentage of the function's time."""

    runs: int
    percent: float


@dataclass(frozen=True, slots=True)
class DearLine:
    """A line that takes a good part of the time: of a mean call so many microseconds."""

    line: int
    text: str
    percent: float
    call_us: float
    runs_a_call: float


@dataclass(frozen=True, slots=True)
class LinesView:
    """What the page shows of the lines."""

    calls: int
    reach: str
    cost: str
    marks: Mapping[int, LineMark]
    dear: tuple[DearLine, ...]


def view_of(found: Mapping[str, Any], source: str) -> LinesView | None:
    """Return what a stored diagnosis says of the lines of `source`; older ones say nothing of them."""
    lines = found.get("lines")
    if not lines:
        return None
    texts = source.splitlines()
    marks = {
        one["line"]: LineMark(one["runs"], 100.0 * one["share"])
        for one in lines["used"]
        if one["line"] <= len(texts)
    }
    dearest = sorted(marks.items(), key=lambda item: -item[1].percent)[:MOST_DEAR]
    return LinesView(
        calls=lines["calls"],
        reach=lines["reach"],
        cost=lines["cost"],
        marks=marks,
        dear=tuple(
            DearLine(
                line,
                texts[line - 1].strip(),
                mark.percent,
                mark.percent / 100.0 * found["cost"]["call_us"],
                mark.runs / lines["calls"],
            )
            for line, mark in dearest
            if mark.percent >= DEAR_PERCENT
        ),
    )
