"""Which lines of a reward function never run, and which are dear: a study of some calls after the training.

What the first car's calls were is known from the training (`recording.CallSample`). They are made once more
in a fresh locked child that watches the lines (`line_clock.py`), a few seconds at most; a car of its own gets
the ends of laps that other cars drove. What goes wrong here costs this part of the diagnosis and nothing
else.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from arena.garage.limits import Limits
from arena.garage.recording import CallSample
from arena.garage.sandbox import RewardSandbox
from arena.garage.verdicts import EntrantFault, SandboxError
from simulator.course import Course
from simulator.params import FIRST_CALL_STEPS

log = logging.getLogger(__name__)

LIMITS: Final = Limits(cpu_s=60)
MOST_LINES: Final = 20_000
FEWEST_CALLS: Final = 100
"""After fewer calls nothing is said of lines that never ran."""
DEAR_SHARE: Final = 0.1
_SHOWN: Final = 3
_MAX_TEXT: Final = 60
# An addition to what sounds like a reward; taking something off never is as well.
_PAYS: Final = re.compile(r"\s*[\w.]*(?:reward|bonus|score)\w*\s*\+=\s*(?!-)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class LineUse:
    """One line that could run: how often it did, and its share of the function's time."""

    line: int
    runs: int
    share: float


@dataclass(frozen=True, slots=True)
class Stretch:
    """Lines that never ran, from the first to the last; `pays`: the text of one that adds reward."""

    first: int
    last: int
    text: str
    pays: str | None

    def __str__(self) -> str:
        return f"line {self.first}" if self.first == self.last else f"lines {self.first} to {self.last}"


@dataclass(frozen=True, slots=True)
class Lines:
    """What the study of a function's lines found."""

    calls: int
    laps: int
    """How many of the calls were ends of laps of other cars."""
    used: tuple[LineUse, ...]
    never: tuple[Stretch, ...]
    reach: str
    """One sentence on the lines that never ran."""
    cost: str
    """One sentence on the dearest lines."""

    @classmethod
    def of(cls, table: NDArray[np.float64], source: str, laps: int) -> Lines | None:
        """Return what a table of `LineClock` says; None where no call was made."""
        calls, total_s = int(table[0, 0]), float(table[0, 1])
        if not calls:
            return None
        used = tuple(
            LineUse(line, int(runs), round(min(1.0, max(0.0, took_s) / max(total_s, 1e-9)), 4))
            for line, (runs, took_s) in enumerate(table.tolist())
            if line and runs >= 0.0
        )
        never = tuple(_stretches(used, source.splitlines())) if calls >= FEWEST_CALLS else ()
        laps = min(laps, calls)
        return cls(calls, laps, used, never, _told_reach(never, calls, laps), _told_cost(used, calls))

    @property
    def dearest(self) -> tuple[LineUse, ...]:
        """Return the lines that take a good share of the time, the dearest first."""
        return dearest_of(self.used)


def study(
    source: str, course: Course, sample: CallSample, *, seed: int, first_step: int = FIRST_CALL_STEPS
) -> Lines | None:
    """Return which lines ran in a training's calls, or None where that cannot be found out. Never raises."""
    rows, cars = sample.calls()
    if not len(rows) or len(source.splitlines()) > MOST_LINES:
        return None
    leg = course.legs()[0]
    try:
        with RewardSandbox(source, leg, 2, limits=LIMITS, seed=seed, first_step=first_step) as reward:
            return Lines.of(reward.study(rows, cars), source, int(cars.sum()))
    except (EntrantFault, SandboxError, ValueError) as error:
        log.info("The lines of a reward function could not be studied: %s", error)
        return None


def dearest_of(used: Sequence[LineUse]) -> tuple[LineUse, ...]:
    """Return the lines that take a good share of the time, the dearest first."""
    dear = sorted((one for one in used if one.share >= DEAR_SHARE), key=lambda one: -one.share)
    return tuple(dear[:_SHOWN])


def _stretches(used: Sequence[LineUse], texts: Sequence[str]) -> Iterator[Stretch]:
    """Return neighbours that never ran as one: between them is no line that did."""
    run: list[int] = []
    for line, runs in [*((one.line, one.runs) for one in used), (0, 1)]:
        if not runs:
            run.append(line)
        elif run:
            own = [texts[each - 1].strip() if each <= len(texts) else "" for each in run]
            pays = next((_shown(text) for text in own if _PAYS.match(text)), None)
            yield Stretch(run[0], run[-1], _shown(own[0]), pays)
            run = []


def _shown(text: str) -> str:
    return text if len(text) <= _MAX_TEXT else f"{text[: _MAX_TEXT - 1]}…"


def _told_reach(never: Sequence[Stretch], calls: int, laps: int) -> str:
    among = f"{calls:,} calls"
    if laps:
        among += f" ({calls - laps:,} of one car and {laps} ends of laps)"
    if calls < FEWEST_CALLS:
        return f"{among} are too few to say which lines never run."
    if not never:
        return f"Every line of the function ran at least once in {among}."
    told = ", ".join(f"{each} ({each.text})" for each in never[:_SHOWN])
    told = told[0].upper() + told[1:]
    if len(never) > _SHOWN:
        told += f" and {len(never) - _SHOWN} more places"
    return f"{told}: never reached in {among}. What stands there had no part in what the car learned."


def _told_cost(used: Sequence[LineUse], calls: int) -> str:
    dear = dearest_of(used)
    if not dear:
        return "No line of the function takes more than a tenth of its time."
    told = [f"line {one.line} takes {100 * one.share:.0f} %{_times(one, calls)}" for one in dear]
    return f"Of the function's time, {', '.join(told)}."


def _times(one: LineUse, calls: int) -> str:
    return f" (it runs {one.runs / calls:.0f} times a call)" if one.runs >= 1.5 * calls else ""
