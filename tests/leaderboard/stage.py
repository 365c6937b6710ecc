"""An arena for the tests of the live face: real tables, real drives, times around the present moment.

The drives are real ones: `Pursuit` steers at a point ahead through the same `racing.drive` that races trained
policies, so replays and traces are what the product shows. Nothing is trained; that has tests of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine, select

from arena.garage import racing
from arena.garage.policy import Policy
from arena.league import accounts, db, results, seasons, submissions
from arena.league.artifacts import ArtifactStore
from arena.league.jobs import Lease
from arena.league.models import Race, Racer, Season, Submission
from arena.league.plans import RacePlan
from arena.league.results import LapResult, TrialResult
from arena.league.states import WAITING_OR_RUNNING, Role
from arena.league.submissions import Rejection
from arena.settings import ArenaSettings
from leaderboard.settings import Mode, Settings
from simulator import tracks
from simulator.actions import Continuous
from simulator.sensors import OBSERVATION_COLUMNS
from tests import driving

PASSWORD = "correct horse battery"
_numbers = count(1)
PEOPLE = {
    "ann": "Ann Arbor",
    "ben": "Ben Bolt",
    "cleo": "Cleo Clark",
    "olga": "Olga Orsini",
    "sam": "Sam Stone",
    "house": "House car",
}


ACTIONS = Continuous((-30.0, 30.0), (0.5, 4.0))


@dataclass(frozen=True, slots=True)
class Pursuit:
    """Steers at a point of the centre line ahead, slower where the road turns away."""

    ahead: int = 4
    top_mps: float = 2.5
    actions: Continuous = ACTIONS
    columns: tuple[str, ...] = OBSERVATION_COLUMNS

    def act(self, observation: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return actions [n, 2] in [-1, 1] for observations [n, 28]."""
        points = (len(OBSERVATION_COLUMNS) - 6) // 2
        forward, left = observation[:, 6 : 6 + points], observation[:, 6 + points :]
        angle = np.arctan2(left[:, self.ahead], forward[:, self.ahead])
        bend = np.abs(np.arctan2(left[:, self.ahead + 2], forward[:, self.ahead + 2]))
        speed = self.top_mps - np.minimum(1.0, bend) * (self.top_mps - 1.2)
        low, high = self.actions.speed_mps
        steering = np.clip(np.degrees(1.6 * angle) / 30.0, -1.0, 1.0)
        return np.stack([steering, 2.0 * (speed - low) / (high - low) - 1.0], axis=1)


@lru_cache(maxsize=32)
def drive(track: str, driver: Pursuit, laps: int = 3) -> racing.Trial:
    """Drive a time trial."""
    return racing.drive(cast(Policy, driver), tracks.load(track), laps=laps)


@dataclass(frozen=True, slots=True)
class Stage:
    """An arena with people; `new_meeting` gives each test a season and an open race of its own in it."""

    folder: Path
    engine: Engine
    artifacts: ArtifactStore
    people: dict[str, Racer]
    meeting: tuple[Season, Race] | None = None

    @property
    def season(self) -> Season:
        """The test's own season."""
        assert self.meeting is not None
        return self.meeting[0]

    @property
    def race(self) -> Race:
        """The test's own race."""
        assert self.meeting is not None
        return self.meeting[1]

    def new_meeting(self, *, track: str = "oval", laps: int = 3) -> Stage:
        """Return this arena with a new season and an open race in it."""
        number = next(_numbers)
        with db.transaction(self.engine) as session:
            olga = session.get_one(Racer, self.people["olga"].id)
            season = seasons.open_season(
                session,
                slug=f"season-{number}",
                title=f"Season {number}",
                opens_at=now() - timedelta(hours=1),
                closes_at=now() + timedelta(days=7),
                by=olga,
                now=now(),
            )
            plan = RacePlan(
                slug=f"race-{number}",
                title=f"Race {number}",
                track=track,
                laps=laps,
                max_submissions=5,
                max_queued=5,
                training_steps=10_000,
                seed=7,
            )
            race = seasons.open_race(session, season, plan, by=olga, now=now())
        return replace(self, meeting=(season, race))

    def clear_queue(self) -> None:
        """Withdraw what a test has left waiting: the queue is common to all races."""
        waiting = select(Submission).where(Submission.state.in_(WAITING_OR_RUNNING))
        with db.transaction(self.engine) as session:
            olga = session.get_one(Racer, self.people["olga"].id)
            for submission in session.scalars(waiting).all():
                submissions.cancel(session, submission, by=olga, now=now())

    def token(self, handle: str) -> str:
        """Make a token for somebody."""
        with db.transaction(self.engine) as session:
            return accounts.issue_token(
                session, session.get_one(Racer, self.people[handle].id), "test", now()
            )

    def enter(self, handle: str) -> Submission:
        """Enter the race."""
        with db.transaction(self.engine) as session:
            return driving.enter(session, self.race, self.people[handle], now())

    def claim(self, submission: Submission) -> Lease:
        """Take a submission's job, as a worker does."""
        with db.transaction(self.engine) as session:
            return driving.claim_of(session, session.get_one(Submission, submission.id), now())

    def report(self, lease: Lease, **progress: Any) -> None:
        """Report how the training goes."""
        usual = {
            "steps": 1000,
            "budget": 10_000,
            "elapsed_s": 1.0,
            "eta_s": 9.0,
            "steps_per_s": 1000.0,
            "episodes": 12,
            "completed_laps": 3,
            "mean_return": 41.5,
            "mean_progress": 37.0,
            "best_lap_ms": 9123,
        }
        with db.transaction(self.engine) as session:
            submissions.report_progress(session, lease, usual | progress, now())

    def train(self, lease: Lease) -> None:
        """Bring a submission into its training."""
        with db.transaction(self.engine) as session:
            submissions.mark_training(session, lease, now())

    def reject(self, lease: Lease, verdict: str, message: str, line: int | None = None) -> None:
        """Turn a submission down for a fault in its code."""
        with db.transaction(self.engine) as session:
            submissions.mark_training(session, lease, now())
            submissions.reject(session, lease, Rejection(verdict, message, line), now())

    def race_and_record(self, lease: Lease, driver: Pursuit) -> int:
        """Race the driver's car and record the drive; return the trial's id."""
        driven = drive(self.race.track, driver, self.race.laps)
        result = TrialResult(
            laps=tuple(
                LapResult(lap.lap_time_ms, lap.off_track_count, lap.reset_count, lap.penalty_ms)
                for lap in driven.laps
            ),
            total_time_ms=driven.total_time_ms,
            off_track_count=driven.off_track_count,
            reset_count=driven.reset_count,
            finished=driven.finished,
            ended_by=driven.ended_by,
            trace_key=self.artifacts.put(driven.trace.to_bytes()),
            policy_key="ab" * 32,
            versions=driven.versions,
        )
        with db.transaction(self.engine) as session:
            submissions.mark_racing(session, lease, now())
            return results.record_trial(session, lease, result, now()).id

    def result(self, handle: str, driver: Pursuit | None = None) -> Submission:
        """Take a new submission of somebody all the way to its recorded trial."""
        submission = self.enter(handle)
        lease = self.claim(submission)
        self.train(lease)
        self.race_and_record(lease, driver or Pursuit())
        return submission


def build(folder: Path, *, password_hash: str | None = None) -> Iterator[Stage]:
    """Make an arena with people in a folder; close it at the end."""
    arena = ArenaSettings(f"sqlite:///{folder / 'arena.db'}", folder)
    engine = db.connect(arena.database_url)
    db.upgrade(engine)
    with db.transaction(engine) as session:
        people = {
            handle: accounts.create_racer(
                session,
                handle=handle,
                name=name,
                password=None,
                role=Role.ORGANISER if handle == "olga" else Role.RACER,
                is_house=handle == "house",
                now=now(),
            )
            for handle, name in PEOPLE.items()
        }
        for handle, racer in people.items():
            racer.password_hash = None if handle == "house" else password_hash
        team = accounts.create_team(session, people["ann"], name="Apex", now=now())
        accounts.join_team(session, people["ben"], team.invite_code, now())
    yield Stage(folder, engine, ArtifactStore(arena.artifacts), people)
    engine.dispose()


def settings(stage: Stage, **changes: Any) -> Settings:
    """Settings of a web process on this arena."""
    usual: dict[str, Any] = {
        "arena": ArenaSettings(f"sqlite:///{stage.folder / 'arena.db'}", stage.folder),
        "secret_key": "only for this test, 32 characters",
        "mode": Mode.DEVELOPMENT,
        "async_mode": "threading",
        "cookie_secure": False,
        "rate_limits": False,
    }
    return Settings(**(usual | changes))


def now() -> datetime:
    """The present moment: the web process has no other clock."""
    return datetime.now(UTC)
