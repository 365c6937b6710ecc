"""Recording trials: that what is kept equals what the laps say, and that all of it happens or nothing."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from arena.league import accounts, badges, db, events, results, standings, stewards
from arena.league.models import Event, Lap, Race, Racer, Season, Standing, Submission, TimeBucket, Trial
from arena.league.results import LapResult, TrialResult
from arena.league.states import SubmissionState, Timing
from tests.conftest import NOON, Cast, Clock
from tests.driving import KEY, claim, drive_of, enter, result, to_the_start


def test_a_result_tells_lap_by_lap_and_then_the_rest(
    session: Session, race: Race, cast: Cast, clock: Clock
) -> None:
    trial = result(session, race, cast.ann, (9_000, 8_900, 8_800), clock.tick())
    log = events.read_after(session, 0, submission_id=trial.submission_id)
    after_racing = [entry.name for entry in log][log_index(log, "submission.racing") + 1 :]
    assert after_racing == [
        "lap.completed",
        "lap.completed",
        "lap.completed",
        "trial.finished",
        "submission.recorded",
        "standing.changed",
        "badge.awarded",
    ]
    assert log[log_index(log, "lap.completed")].payload == {
        "trial_id": trial.id,
        "number": 1,
        "lap_time_ms": 9_000,
        "direction": "forward",
        "off_track_count": 0,
        "crash_count": 0,
        "reset_count": 0,
        "racer_name": "Ann",
    }


def log_index(log: list[events.LogEntry], name: str) -> int:
    return [entry.name for entry in log].index(name)


def test_everything_about_the_drive_is_stored(session: Session, race: Race, cast: Cast, clock: Clock) -> None:
    submission = enter(session, race, cast.ann, clock.now)
    lease = claim(session, clock.now)
    to_the_start(session, lease, clock.now)
    drive = TrialResult(
        laps=(LapResult(9_000, 1, 1, 2_000), LapResult(8_000), LapResult(8_500)),
        total_time_ms=25_500,
        off_track_count=1,
        reset_count=1,
        finished=True,
        ended_by="laps",
        trace_key=KEY,
        policy_key=KEY[::-1],
        versions={"rules": "1"},
        seed=2**62,
        digest="cd" * 32,
        output="hello\x00",
    )
    trial = results.record_trial(session, lease, drive, clock.tick())
    assert (trial.official_ms, trial.best_lap_ms, trial.total_time_ms) == (25_500, 8_000, 25_500)
    assert [(lap.number, lap.lap_time_ms, lap.penalty_ms) for lap in trial.laps] == [
        (1, 9_000, 2_000),
        (2, 8_000, 0),
        (3, 8_500, 0),
    ]
    assert (submission.state, submission.official_time_ms) == (SubmissionState.RECORDED, 25_500)
    assert (submission.seed, submission.policy_key, submission.output) == (2**62, KEY[::-1], "hello\ufffd")
    assert submission.finished_at == clock.now


def test_a_result_is_recorded_as_a_whole_or_not_at_all(
    engine: Engine, race: Race, cast: Cast, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last step fails, as with a full disk: no lap, no standing, no event is left."""
    with db.transaction(engine) as session:
        submission = enter(session, race, cast.ann, clock.now)
        lease = claim(session, clock.now)
        to_the_start(session, lease, clock.now)
    before = _counts(engine)

    def record() -> None:
        with db.transaction(engine) as session:
            results.record_trial(session, lease, drive_of([9_000] * 3), clock.tick())

    def fail(*_: object, **__: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as broken:
        broken.setattr(badges, "on_trial", fail)
        with pytest.raises(OSError, match="disk full"):
            record()
    assert _counts(engine) == before
    record()
    with db.reading(engine) as session:
        assert session.get_one(Submission, submission.id).state is SubmissionState.RECORDED
    assert _counts(engine)[:3] == (1, 3, 1)


def _counts(engine: Engine) -> tuple[int, ...]:
    with db.reading(engine) as session:
        tables = (Trial, Lap, Standing, Event)
        return tuple(session.execute(select(func.count()).select_from(t)).scalar_one() for t in tables)


DRIVES = st.tuples(
    st.integers(0, 5), st.lists(st.integers(0, 30), max_size=4), st.integers(0, 2), st.booleans()
)
# Which of the waiting trials is decided on, and whether it is cleared.
DECISIONS = st.tuples(st.integers(0, 24), st.booleans())
HISTORIES = st.lists(DRIVES | DECISIONS, max_size=25)


def drivers(engine: Engine) -> list[Racer]:
    """Five racers and a house car, committed."""
    with db.transaction(engine) as session:
        return [
            accounts.create_racer(
                session, handle=f"driver-{i}", name=str(i), password=None, now=NOON, is_house=i == 5
            )
            for i in range(6)
        ]


def race_of(session: Session, timing: Timing) -> Race:
    season = Season(
        slug="s",
        title="S",
        opens_at=NOON,
        closes_at=NOON + timedelta(days=1),
        points=[3, 2, 1],
        created_at=NOON,
    )
    race = Race(
        season=season,
        slug="r",
        title="R",
        track="oval",
        laps=3,
        timing=timing,
        average_laps=2 if timing is Timing.AVERAGE else None,
        opens_at=NOON,
        closes_at=NOON + timedelta(days=1),
        training_steps=10_000,
        max_submissions=1_000,
        off_track_penalty_ms=0,
        seed=1,
        created_at=NOON,
    )
    session.add(race)
    session.flush()
    return race


def kept(session: Session, race: Race) -> tuple[list[Any], list[Any]]:
    """The rows of the board and of the histogram as plain values."""
    columns = (
        Standing.racer_id,
        Standing.official_ms,
        Standing.achieved_at,
        Standing.trial_id,
        Standing.submission_id,
        Standing.laps,
        Standing.trials,
        Standing.is_house,
    )
    rows = session.execute(select(*columns).where(Standing.race_id == race.id).order_by(Standing.racer_id))
    buckets = session.execute(select(TimeBucket.bucket, TimeBucket.racers).order_by(TimeBucket.bucket))
    return [tuple(row) for row in rows], [tuple(row) for row in buckets]


def expected_order(session: Session, race: Race) -> list[tuple[int, datetime, int]]:
    """The board from the trials alone, in the plainest words."""
    best: dict[int, tuple[int, datetime, int]] = {}
    trials = session.execute(select(Trial).where(Trial.race_id == race.id).order_by(Trial.id)).scalars()
    for trial in trials:
        if trial.official_ms is not None:
            entry = (trial.official_ms, trial.driven_at, trial.racer_id)
            best[trial.racer_id] = min(entry, best.get(trial.racer_id, entry))
    return sorted(best.values())


def test_what_is_kept_equals_what_the_laps_say(engine: Engine, cast: Cast) -> None:
    """Random histories with held, cleared and struck trials, each rolled back: kept, rebuilt and plainly
    sorted standings are the same.
    """
    people = drivers(engine)

    @settings(max_examples=30, deadline=None)
    @given(history=HISTORIES, timing=st.sampled_from(list(Timing)))
    def follow(history: list[tuple[Any, ...]], timing: Timing) -> None:
        with Session(engine) as session:
            race = race_of(session, timing)
            at = NOON
            for step in history:
                if len(step) == 2:
                    decide(session, *step, by=cast.olga, at=at)
                    continue
                driver, laps, seconds, doubted = step
                at += timedelta(seconds=seconds)
                times = [9_000 + 7 * ms for ms in laps]
                doubts = (1,) if doubted and laps else ()
                result(session, race, people[driver], times, at, suspicious_laps=doubts)
            compare(session, race, people)

    follow()


def decide(session: Session, pick: int, is_cleared: bool, *, by: Racer, at: datetime) -> None:
    """Decide on one of the trials that wait, if any does."""
    waiting = stewards.waiting(session)
    if not waiting:
        return
    trial = waiting[pick % len(waiting)]
    if is_cleared:
        stewards.clear(session, trial, by=by, now=at)
    else:
        stewards.strike(session, trial, by=by, now=at, reason="Too fast to be true.")


def compare(session: Session, race: Race, people: list[Racer]) -> None:
    """Expect the kept rows to equal the rebuilt ones, and the board to be in the plain order."""
    before, rows = kept(session, race), standings.board(session, race)
    results.rebuild(session, race)
    assert kept(session, race) == before
    assert standings.board(session, race) == rows
    by_id = {person.id: person for person in people}
    assert [row.racer for row in rows] == [by_id[key[2]].handle for key in expected_order(session, race)]
    ranked = [row for row in rows if not row.is_house]
    ranks = standings.ranks_of(session, race, [person.id for person in people])
    assert [row.rank for row in ranked] == list(range(1, len(ranked) + 1))
    assert {by_id[racer_id].handle: rank for racer_id, rank in ranks.items()} == {
        row.racer: row.rank for row in ranked
    }
