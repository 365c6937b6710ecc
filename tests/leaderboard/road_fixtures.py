"""Races with something on the road and drives too fast to be true, for the tests of pages and API."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from arena.courses import course_of
from arena.garage import racing
from arena.garage.policy import Policy
from arena.league import db, results, seasons, submissions
from arena.league.models import Racer, Season, Submission
from arena.league.plans import RacePlan
from arena.league.results import LapResult
from arena.pit import driven_json
from arena.worker import result_of
from tests.leaderboard.stage import Pursuit, Stage, now


def with_race(stage: Stage, **rules: Any) -> Stage:
    """Return the arena with another race of its season, set up by these rules."""
    usual = {"slug": "other", "title": "Other race", "track": "oval", "laps": 2, "training_steps": 10_000}
    with db.transaction(stage.engine) as session:
        olga = session.get_one(Racer, stage.people["olga"].id)
        season = session.get_one(Season, stage.season.id)
        plan = RacePlan(**({"seed": 7} | usual | rules))  # type: ignore[arg-type]
        race = seasons.open_race(session, season, plan, by=olga, now=now())
    return replace(stage, meeting=(stage.season, race))


def driven(stage: Stage, handle: str, driver: Pursuit | None = None, **changes: Any) -> Submission:
    """Take an entry all the way to its drive in the stage's race; `changes` are of the recorded result."""
    race = stage.race
    trial = racing.drive(cast(Policy, driver or Pursuit()), course_of(race), laps=race.laps, seed=race.seed)
    kept = {"trace_key": stage.artifacts.put(trial.trace.to_bytes()), "policy_key": "ab" * 32}
    result = result_of(driven_json(trial) | kept | {"versions": trial.versions})
    submission = stage.enter(handle)
    lease = stage.claim(submission)
    stage.train(lease)
    with db.transaction(stage.engine) as session:
        submissions.mark_racing(session, lease, now())
        results.record_trial(session, lease, replace(result, **changes), now())
    return submission


def held(stage: Stage, handle: str = "ann") -> Submission:
    """Take an entry to a drive that is held for the stewards: its second lap is impossible."""
    laps = (LapResult(9_000), LapResult(3_000), LapResult(8_000))
    return driven(stage, handle, laps=laps, total_time_ms=20_000, suspicious_laps=(2,))
