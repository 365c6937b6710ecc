"""Two entries side by side: results, sectors, both cars on the track, and, for those who may read both, what
was changed in code and settings and how the trainings went.

A lap is compared with a lap of the same race and direction only. What cannot be told (no lap yet, a lost
trace, no training) is left out of the page; the rest stands.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from arena import courses
from arena.garage import settings
from arena.garage.hyperparameters import parse_hyperparameters
from arena.garage.verdicts import EntrantFault
from arena.league import standings
from arena.league.models import Submission
from arena.league.states import Driver, SubmissionState
from leaderboard import comparing, diagnosing
from leaderboard.auth import load_submission, may_read_source
from leaderboard.comparing import Comparison
from leaderboard.context import arena
from leaderboard.diagnosing import Chart

blueprint = Blueprint("beside", __name__)

MOST_LINES = 2_000
"""Longer files are not compared line by line: the time it takes grows with the square."""
CONTEXT_LINES = 3
LEAST_GAIN_MS = 10


@dataclass(frozen=True, slots=True)
class SectorPair:
    """One sector of the two laps; `gain_ms` is how much the first one was faster."""

    number: int
    first_ms: int
    second_ms: int

    @property
    def gain_ms(self) -> int:
        return self.second_ms - self.first_ms


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the difference of two files: `sign` is "+", "-", " " or "" for a gap."""

    sign: str
    text: str


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting in which two entries differ, as people write it."""

    name: str
    first: str
    second: str


@dataclass(frozen=True)
class Pair:
    """Two entries of one race and what can be told of both; `is_open` when both may be read whole."""

    first: Submission
    second: Submission
    is_open: bool

    @property
    def are_alike(self) -> bool:
        """Whether both have code of one kind, which can be compared."""
        return self.first.driver is self.second.driver and bool(self.first.source)

    @property
    def are_trained(self) -> bool:
        """Whether both were trained here, by settings and with curves."""
        return self.first.driver is self.second.driver is Driver.POLICY

    @cached_property
    def sectors(self) -> tuple[SectorPair, ...]:
        """Return the best laps in sectors, where both can be told and go the same way round."""
        laps = [comparing.comparison_of(arena(), one.race, one.trial) for one in (self.first, self.second)]
        return sector_pairs(*laps)

    @cached_property
    def changes(self) -> tuple[Line, ...] | None:
        """Return how the code differs; None for files that are too long or are no text."""
        return changes(self.second.source, self.first.source)

    @cached_property
    def settings(self) -> tuple[Setting, ...]:
        """Return the settings that differ, those left out counted with their defaults."""
        return differing(*(effective_settings(one) for one in (self.first, self.second)))

    @cached_property
    def curves(self) -> tuple[Chart, ...]:
        """Return both trainings' curves in one picture each."""
        found = [diagnosing.read(arena(), one) for one in (self.first, self.second)]
        if found[0] is None or found[1] is None:
            return ()
        return diagnosing.curves_of_two(found[0]["learning"], found[1]["learning"])

    @cached_property
    def findings(self) -> tuple[Sequence[Any], Sequence[Any]]:
        """Return what the diagnosis of each found."""
        found = [diagnosing.read(arena(), one) for one in (self.first, self.second)]
        first, second = (one["findings"] if one else () for one in found)
        return first, second


@blueprint.get("/submissions/<public_id>/beside")
def beside(public_id: str) -> ResponseReturnValue:
    """Show an entry beside another one of its race: `?other=`, else an earlier own one or the leader's.

    :raise 404: there is no such entry, or the other one is of another race
    """
    with arena().reading() as session:
        found = load_submission(session, public_id)
        choices = others_of(session, found)
        other = _other(session, found, choices)
        if other is not None and other not in choices:
            choices = [other, *choices]
        pair = Pair(found, other, may_read_source(found) and may_read_source(other)) if other else None
        return render_template(
            "beside.html",
            submission=found,
            race=found.race,
            other=other,
            choices=choices,
            pair=pair,
            told=told,
            named=named,
        )


def _other(session: Session, found: Submission, choices: Sequence[Submission]) -> Submission | None:
    wanted = request.args.get("other")
    if not wanted:
        earlier = [one for one in choices if one.racer_id == found.racer_id and one.number < found.number]
        return next(iter(earlier or choices), None)
    other = load_submission(session, wanted)
    if other.race_id != found.race_id:
        abort(404, "These two entries are of different races. Choose two entries of one race.")
    return other


def others_of(session: Session, found: Submission) -> list[Submission]:
    """Return what an entry may be put beside: its racer's other drives there, and the best of the board."""
    recorded = select(Submission).where(
        Submission.race_id == found.race_id,
        Submission.state == SubmissionState.RECORDED,
        Submission.id != found.id,
    )
    own = session.scalars(
        recorded.where(Submission.racer_id == found.racer_id).order_by(Submission.number.desc()).limit(50)
    ).all()
    best = [row.submission_id for row in standings.board(session, found.race, limit=5)]
    leaders = session.scalars(
        recorded.where(Submission.id.in_(best), Submission.racer_id != found.racer_id)
    ).all()
    return [*own, *sorted(leaders, key=lambda one: best.index(one.id))]


def named(one: Submission, beside: Submission) -> str:
    """Return what an entry is called next to another one: by its racer where they have two."""
    return f"Entry {one.number}" if one.racer_id == beside.racer_id else one.racer.name


def sector_pairs(first: Comparison | None, second: Comparison | None) -> tuple[SectorPair, ...]:
    """Return two laps in sectors; nothing where one is missing, goes the other way round or began at rest."""
    if first is None or second is None or first.track.is_reversed != second.track.is_reversed:
        return ()
    if first.lap.is_standing_start != second.lap.is_standing_start:
        return ()
    return tuple(
        SectorPair(one.number, one.time_ms, other.time_ms)
        for one, other in zip(first.lap.sectors, second.lap.sectors, strict=True)
    )


def told(sectors: Sequence[SectorPair]) -> str:
    """Say in one sentence where the first lap won and lost against the second."""
    gains = sorted(sectors, key=lambda one: one.gain_ms)
    best, worst = gains[-1], gains[0]
    parts = []
    if best.gain_ms >= LEAST_GAIN_MS:
        parts.append(f"gains most in sector {best.number} ({best.gain_ms / 1000:.2f} s)")
    if worst.gain_ms <= -LEAST_GAIN_MS:
        parts.append(f"loses most in sector {worst.number} ({-worst.gain_ms / 1000:.2f} s)")
    return " and ".join(parts) if parts else "is as fast in every sector"


def changes(old: str, new: str) -> tuple[Line, ...] | None:
    """Return what was changed between two texts, with some lines around; None where they are too long."""
    before, after = old.splitlines(), new.splitlines()
    if max(len(before), len(after)) > MOST_LINES:
        return None
    return tuple(_lines(difflib.unified_diff(before, after, lineterm="", n=CONTEXT_LINES)))


def _lines(unified: Iterator[str]) -> Iterator[Line]:
    for number, line in enumerate(unified):
        if number < 2:  # the names of the files
            continue
        if line.startswith("@@"):
            if number > 2:
                yield Line("", "")
            continue
        yield Line(line[0], line[1:])


def effective_settings(submission: Submission) -> dict[str, Any]:
    """Return the settings by which an entry trained, defaults included; what cannot be read is left out."""
    try:
        senses = courses.senses_of(submission.race)
        metadata = settings.parse_model_metadata(submission.model_metadata, senses)
        learning = parse_hyperparameters(submission.hyperparameters, metadata.algorithm)
    except EntrantFault:
        return {}
    return {**metadata.as_json(), **learning.as_json()}


def differing(first: dict[str, Any], second: dict[str, Any]) -> tuple[Setting, ...]:
    """Return the settings that are not the same, in the order of the first."""
    names = [*first, *(name for name in second if name not in first)]
    return tuple(
        Setting(name, _shown(first.get(name)), _shown(second.get(name)))
        for name in names
        if first.get(name) != second.get(name)
    )


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    return value if isinstance(value, str) else json.dumps(value)
