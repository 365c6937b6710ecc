"""Recording trials and keeping the standings: the row of each racer's best result, and the histogram for
ranks.

Kept, not computed: `record_trial` changes them in the transaction of the laps; `rebuild` computes the same
from the laps, and a test compares the two after random histories. Order: the smaller time, then who
achieved it earlier. A drive that was faster than physics allows is held: it has its laps, but no official
time, until the stewards decide (stewards.py). House cars stand on the board in their place, but take no rank
and no points, and are not in the histogram.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from arena.league import badges, db, events, jobs, scoring, standings, transitions
from arena.league.columns import Json, storable
from arena.league.errors import NotFound
from arena.league.events import Subject
from arena.league.jobs import Lease
from arena.league.models import Lap, Race, Racer, Standing, Submission, TimeBucket, Trial
from arena.league.states import Direction, Ruling, SubmissionState
from arena.league.submissions import MAX_OUTPUT_CHARACTERS


@dataclass(frozen=True, slots=True)
class LapResult:
    """One complete circuit of a trial; the time includes the penalties that were served in it."""

    lap_time_ms: int
    off_track_count: int = 0
    reset_count: int = 0
    penalty_ms: int = 0
    crash_count: int = 0
    direction: Direction = Direction.FORWARD


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialResult:
    """What a worker hands in: the drive, the keys of its files, and what the training left behind."""

    laps: tuple[LapResult, ...]
    total_time_ms: int
    off_track_count: int
    reset_count: int
    finished: bool
    ended_by: str
    trace_key: str
    policy_key: str | None = None
    diagnosis_key: str | None = None
    continuation_key: str | None = None
    versions: Json = field(default_factory=dict)
    seed: int | None = None
    digest: str | None = None
    output: str = ""
    usage: Json | None = None
    crash_count: int = 0
    suspicious_laps: tuple[int, ...] = ()
    """The numbers of laps that were faster than the optimum allows: the trial is held for the stewards."""

    @property
    def lap_times_ms(self) -> tuple[int, ...]:
        """The times of the complete laps in the order in which they were driven."""
        return tuple(lap.lap_time_ms for lap in self.laps)


def record_trial(session: Session, lease: Lease, result: TrialResult, now: datetime) -> Trial:
    """Record a drive with everything that follows from it: laps, times, standing, events, badges, job done.

    Raises StaleLease, and then nothing is written.
    """
    db.take_turn(session)
    jobs.finish(session, lease, now)
    if lease.submission_id is None:
        raise NotFound(
            f"Job {lease.job_id} is a {lease.kind}: it has no submission whose trial could be recorded."
        )
    submission = session.get_one(Submission, lease.submission_id)
    trial = _store_trial(session, submission, result, now)
    _tell_laps(session, submission, trial)
    if trial.ruling is Ruling.HELD:
        _tell_held(session, submission, trial, result)
    _finish_submission(session, submission, trial, result, now)
    keep_standing(session, submission, trial, now)
    return trial


def rebuild(session: Session, race: Race) -> None:
    """Compute the standings and the histogram of a race anew from its laps."""
    db.take_turn(session)
    session.execute(delete(Standing).where(Standing.race_id == race.id))
    session.execute(delete(TimeBucket).where(TimeBucket.race_id == race.id))
    for standing in computed_from_laps(session, race):
        session.add(standing)
        session.flush()
        if not standing.is_house:
            _count_in_bucket(session, race.id, scoring.bucket_of(standing.official_ms), 1)


def computed_from_laps(session: Session, race: Race) -> list[Standing]:
    """Return what the standings must be, from nothing but laps; the rows are not in the session."""
    trials = session.execute(select(Trial).where(Trial.race_id == race.id).order_by(Trial.id)).scalars()
    best: dict[int, Standing] = {}
    count: dict[int, int] = {}
    for trial in trials:
        count[trial.racer_id] = count.get(trial.racer_id, 0) + 1
        times = [lap.lap_time_ms for lap in trial.laps]
        official_ms = official_ms_of(race, times) if trial.counts else None
        standing = best.get(trial.racer_id)
        if official_ms is not None and (standing is None or official_ms < standing.official_ms):
            best[trial.racer_id] = _standing_of(trial, official_ms, _is_house(session, trial.racer_id))
    for racer_id, standing in best.items():
        standing.trials = count[racer_id]
    return [best[racer_id] for racer_id in sorted(best)]


def _store_trial(session: Session, submission: Submission, result: TrialResult, now: datetime) -> Trial:
    held = bool(result.suspicious_laps)
    trial = Trial(
        submission_id=submission.id,
        race_id=submission.race_id,
        racer_id=submission.racer_id,
        driven_at=now,
        official_ms=None if held else official_ms_of(submission.race, result.lap_times_ms),
        best_lap_ms=min(result.lap_times_ms, default=None),
        total_time_ms=result.total_time_ms,
        completed_laps=len(result.laps),
        off_track_count=result.off_track_count,
        crash_count=result.crash_count,
        reset_count=result.reset_count,
        finished=result.finished,
        ended_by=result.ended_by,
        trace_key=result.trace_key,
        versions=result.versions,
        ruling=Ruling.HELD if held else Ruling.NONE,
        ruling_reason=_doubt(result) if held else None,
        laps=[_lap(submission.race_id, number, lap) for number, lap in enumerate(result.laps, start=1)],
    )
    session.add(trial)
    session.flush()
    return trial


def _lap(race_id: int, number: int, lap: LapResult) -> Lap:
    return Lap(
        number=number,
        race_id=race_id,
        direction=lap.direction,
        lap_time_ms=lap.lap_time_ms,
        off_track_count=lap.off_track_count,
        crash_count=lap.crash_count,
        reset_count=lap.reset_count,
        penalty_ms=lap.penalty_ms,
    )


def _doubt(result: TrialResult) -> str:
    numbers = ", ".join(str(number) for number in result.suspicious_laps)
    laps = "Lap" if len(result.suspicious_laps) == 1 else "Laps"
    verb = "was" if len(result.suspicious_laps) == 1 else "were"
    return (
        f"{laps} {numbers} {verb} faster than the fastest possible lap of this track and car. "
        "The stewards look at the drive before it counts."
    )


def _tell_held(session: Session, submission: Submission, trial: Trial, result: TrialResult) -> None:
    payload = {
        "trial_id": trial.id,
        "laps": list(result.suspicious_laps),
        "best_lap_ms": trial.best_lap_ms,
        "reason": trial.ruling_reason,
        "racer_name": submission.racer.name,
    }
    transitions.tell(session, submission, "trial.held", trial.driven_at, payload)


def _tell_laps(session: Session, submission: Submission, trial: Trial) -> None:
    subject = Subject.of_submission(submission)
    for lap in trial.laps:
        payload = {
            "trial_id": trial.id,
            "number": lap.number,
            "lap_time_ms": lap.lap_time_ms,
            "direction": lap.direction,
            "off_track_count": lap.off_track_count,
            "crash_count": lap.crash_count,
            "reset_count": lap.reset_count,
            "racer_name": submission.racer.name,
        }
        events.append(session, "lap.completed", subject, at=trial.driven_at, payload=payload)
    payload = {
        "trial_id": trial.id,
        "official_ms": trial.official_ms,
        "completed_laps": trial.completed_laps,
        "best_lap_ms": trial.best_lap_ms,
        "crash_count": trial.crash_count,
        "ruling": trial.ruling,
    }
    events.append(session, "trial.finished", subject, at=trial.driven_at, payload=payload)


def _finish_submission(
    session: Session, submission: Submission, trial: Trial, result: TrialResult, now: datetime
) -> None:
    transitions.move(
        session,
        submission.id,
        [SubmissionState.RACING],
        SubmissionState.RECORDED,
        finished_at=now,
        official_time_ms=trial.official_ms,
        best_lap_ms=trial.best_lap_ms if trial.counts else None,
        policy_key=result.policy_key,
        diagnosis_key=result.diagnosis_key,
        continuation_key=result.continuation_key,
        seed=result.seed,
        digest=result.digest,
        output=storable(result.output)[:MAX_OUTPUT_CHARACTERS],
        usage=result.usage,
    )
    payload = {"official_ms": trial.official_ms, "best_lap_ms": submission.best_lap_ms}
    transitions.tell(session, submission, "submission.recorded", now, payload)


def keep_standing(session: Session, submission: Submission, trial: Trial, now: datetime) -> None:
    """Upsert the racer's row if this is the best result so far, move the histogram along, tell, award.

    A trial that is cleared late comes before an equal one that was driven after it. `trials` counts every
    drive, whatever came out of it.
    """
    standing = session.get(Standing, (trial.race_id, trial.racer_id), populate_existing=True)
    previous_ms = standing.official_ms if standing else None
    improved = _is_better(trial, standing)
    if improved:
        assert trial.official_ms is not None
        better = _standing_of(trial, trial.official_ms, submission.racer.is_house)
        better.trials = _trials_of(session, trial)
        session.merge(better)
        if not submission.racer.is_house:
            _move_bucket(session, trial.race_id, previous_ms, trial.official_ms)
    elif standing is not None:
        standing.trials = _trials_of(session, trial)
    session.flush()
    if improved:
        _tell_standing(session, submission, trial, previous_ms, now)
    if trial.counts:
        badges.on_trial(session, trial, improved=improved or trial.ruling is Ruling.CLEARED, now=now)


def _is_better(trial: Trial, standing: Standing | None) -> bool:
    if trial.official_ms is None:
        return False
    if standing is None:
        return True
    return (trial.official_ms, trial.id) < (standing.official_ms, standing.trial_id)


def _tell_standing(
    session: Session, submission: Submission, trial: Trial, previous_ms: int | None, now: datetime
) -> None:
    row = standings.row_of(session, submission.race, submission.racer)
    assert row is not None
    payload = {
        "rank": row.rank,
        "official_ms": trial.official_ms,
        "previous_ms": previous_ms,
        "racer_name": row.name,
        "team": row.team,
        "trial_id": trial.id,
        "row": row.as_json(),
    }
    transitions.tell(session, submission, "standing.changed", now, payload)


def _standing_of(trial: Trial, official_ms: int, is_house: bool) -> Standing:
    return Standing(
        race_id=trial.race_id,
        racer_id=trial.racer_id,
        official_ms=official_ms,
        achieved_at=trial.driven_at,
        trial_id=trial.id,
        submission_id=trial.submission_id,
        laps=trial.completed_laps,
        trials=1,
        is_house=is_house,
    )


def official_ms_of(race: Race, lap_times_ms: Iterable[int]) -> int | None:
    """Return what consecutive complete laps are worth in this race, None when there are too few of them."""
    return scoring.official_time_ms(
        race.timing, tuple(lap_times_ms), laps=race.laps, average_laps=race.average_laps
    )


def _is_house(session: Session, racer_id: int) -> bool:
    return session.get_one(Racer, racer_id).is_house


def _trials_of(session: Session, trial: Trial) -> int:
    query = select(func.count()).where(Trial.race_id == trial.race_id, Trial.racer_id == trial.racer_id)
    return session.execute(query).scalar_one()


def _move_bucket(session: Session, race_id: int, previous_ms: int | None, official_ms: int) -> None:
    new = scoring.bucket_of(official_ms)
    old = None if previous_ms is None else scoring.bucket_of(previous_ms)
    if new == old:
        return
    # In ascending order, so that two writers on PostgreSQL cannot wait for each other.
    _count_in_bucket(session, race_id, new, 1)
    if old is not None:
        _count_in_bucket(session, race_id, old, -1)


def _count_in_bucket(session: Session, race_id: int, bucket: int, change: int) -> None:
    statement = db.insert(session, TimeBucket).values(race_id=race_id, bucket=bucket, racers=change)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["race_id", "bucket"], set_={"racers": TimeBucket.racers + change}
        )
    )
    session.execute(delete(TimeBucket).where(TimeBucket.race_id == race_id, TimeBucket.racers == 0))
