"""Entering a race: windows, tries, states, cancelling."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from arena.league import events, jobs, results, submissions
from arena.league.errors import (
    InvalidInput,
    NotAllowed,
    NotOpenYet,
    NoTriesLeft,
    RaceClosed,
    WrongState,
)
from arena.league.models import Race, Submission
from arena.league.states import SubmissionState
from arena.league.submissions import Entry, Rejection
from tests.conftest import Cast, Clock
from tests.driving import SOURCE, claim, drive_of, enter, to_the_start


def test_a_submission_waits_and_tells_its_place(
    session: Session, race: Race, cast: Cast, now: datetime
) -> None:
    enter(session, race, cast.ann, now)
    submission = enter(session, race, cast.ben, now)
    assert submission.state is SubmissionState.QUEUED
    [queued, _] = events.read_after(session, 0, submission_id=submission.id)
    assert (queued.name, queued.payload) == ("submission.queued", {"number": 1, "place": 2})
    assert (queued.season, queued.race, queued.racer) == ("autumn", "oval-sprint", "ben")


def test_before_the_race_opens_nothing_is_taken(session: Session, race: Race, cast: Cast) -> None:
    with pytest.raises(NotOpenYet, match=r"2026-11-23T12:00:00.000Z"):
        enter(session, race, cast.ann, race.opens_at - timedelta(milliseconds=1))


def test_at_the_closing_time_the_race_is_closed(session: Session, race: Race, cast: Cast) -> None:
    enter(session, race, cast.ann, race.closes_at - timedelta(milliseconds=1))
    with pytest.raises(RaceClosed, match=r"2026-11-30T12:00:00.000Z"):
        enter(session, race, cast.ann, race.closes_at)


def test_tries_end_and_are_counted_per_racer(session: Session, race: Race, cast: Cast, now: datetime) -> None:
    for _ in range(race.max_submissions):
        enter(session, race, cast.ann, now)
    with pytest.raises(NoTriesLeft, match="5 of 5"):
        enter(session, race, cast.ann, now)
    assert enter(session, race, cast.ben, now).number == 1


def test_a_recorded_result_costs_a_try(session: Session, race: Race, cast: Cast, clock: Clock) -> None:
    enter(session, race, cast.ann, clock.now)
    lease = claim(session, clock.now)
    to_the_start(session, lease, clock.now)
    results.record_trial(session, lease, drive_of([]), clock.tick())
    assert submissions.tries_left(session, race, cast.ann) == race.max_submissions - 1


def test_code_that_fails_costs_no_try(session: Session, race: Race, cast: Cast, clock: Clock) -> None:
    submission = enter(session, race, cast.ann, clock.now)
    lease = claim(session, clock.now)
    submissions.mark_training(session, lease, clock.tick())
    rejection = Rejection("runtime", "ZeroDivisionError in line 2.", 2, "Traceback\x00...", "printed")
    submissions.reject(session, lease, rejection, clock.tick())
    assert submission.state is SubmissionState.REJECTED
    assert (submission.verdict, submission.verdict_line) == ("runtime", 2)
    assert submission.verdict_detail == "Traceback\ufffd..."
    assert submission.finished_at == clock.now
    assert submissions.tries_left(session, race, cast.ann) == race.max_submissions
    assert enter(session, race, cast.ann, clock.tick()).number == 2


def test_cancelling_before_the_start_gives_the_try_back(
    session: Session, race: Race, cast: Cast, clock: Clock
) -> None:
    submission = enter(session, race, cast.ann, clock.now)
    submissions.cancel(session, submission, by=cast.ann, now=clock.tick())
    assert submissions.tries_left(session, race, cast.ann) == race.max_submissions
    assert jobs.claim(session, "worker", clock.tick(), 30) is None
    [cancelled] = events.read_after(session, 0, names=["submission.cancelled"])
    assert cancelled.payload == {"try_returned": True, "by": "ann"}


def test_cancelling_after_the_start_spends_the_try(
    session: Session, race: Race, cast: Cast, clock: Clock
) -> None:
    submission = enter(session, race, cast.ann, clock.now)
    claim(session, clock.tick())
    submissions.cancel(session, submission, by=cast.ann, now=clock.tick())
    assert submissions.tries_left(session, race, cast.ann) == race.max_submissions - 1


def test_cancelling_what_our_fault_sent_back_gives_the_try_back(
    session: Session, race: Race, cast: Cast, clock: Clock
) -> None:
    submission = enter(session, race, cast.ann, clock.now)
    jobs.fault(session, claim(session, clock.tick()), "The disk is full.", clock.tick())
    submissions.cancel(session, submission, by=cast.ann, now=clock.tick())
    assert submissions.tries_left(session, race, cast.ann) == race.max_submissions


def test_cleo_cannot_cancel_anns_submission_but_olga_can(
    session: Session, race: Race, cast: Cast, now: datetime
) -> None:
    submission = enter(session, race, cast.ann, now)
    with pytest.raises(NotAllowed):
        submissions.cancel(session, submission, by=cast.cleo, now=now)
    assert submissions.cancel(session, submission, by=cast.olga, now=now).state is SubmissionState.CANCELLED


def test_nothing_is_cancelled_twice(session: Session, race: Race, cast: Cast, now: datetime) -> None:
    submission = enter(session, race, cast.ann, now)
    submissions.cancel(session, submission, by=cast.ann, now=now)
    with pytest.raises(WrongState, match="cancelled"):
        submissions.cancel(session, submission, by=cast.ann, now=now)


def test_ann_cannot_send_a_stalled_submission_round_again(
    session: Session, race: Race, cast: Cast, now: datetime
) -> None:
    submission = enter(session, race, cast.ann, now)
    with pytest.raises(NotAllowed):
        submissions.requeue(session, submission, by=cast.ann, now=now)
    with pytest.raises(WrongState, match="stalled"):
        submissions.requeue(session, submission, by=cast.olga, now=now)


def test_training_cannot_begin_twice(session: Session, race: Race, cast: Cast, now: datetime) -> None:
    enter(session, race, cast.ann, now)
    lease = claim(session, now)
    submissions.mark_training(session, lease, now)
    with pytest.raises(WrongState, match="training"):
        submissions.mark_training(session, lease, now)


def test_a_result_needs_the_car_at_the_start(session: Session, race: Race, cast: Cast, now: datetime) -> None:
    submission = enter(session, race, cast.ann, now)
    lease = claim(session, now)
    session.commit()
    with pytest.raises(WrongState):
        results.record_trial(session, lease, drive_of([9_000] * 3), now)
    session.rollback()
    assert session.get_one(Submission, submission.id).state is SubmissionState.CLAIMED


def test_the_curve_is_that_of_the_newest_training(
    session: Session, race: Race, cast: Cast, clock: Clock
) -> None:
    submission = enter(session, race, cast.ann, clock.now)
    for start in (0, 100):
        lease = claim(session, clock.tick())
        submissions.mark_training(session, lease, clock.tick())
        for steps in (start + 1, start + 2):
            submissions.report_progress(session, lease, {"steps": steps}, clock.tick())
        if start == 0:
            jobs.release(session, lease, clock.tick())
    assert submissions.curve(session, submission) == [{"steps": 101}, {"steps": 102}]


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        (Entry(""), "source"),
        (Entry("  \n"), "source"),
        (Entry("x" * 140_001), "source"),
        (Entry("a\x00b"), "source"),
        (Entry("a\ud800b"), "source"),
        (Entry(SOURCE, model_metadata="x" * 100_001), "model_metadata"),
        (Entry(SOURCE, hyperparameters="\x00"), "hyperparameters"),
    ],
)
def test_files_that_do_not_fit_are_refused_and_cost_nothing(
    session: Session, race: Race, cast: Cast, now: datetime, entry: Entry, field: str
) -> None:
    with pytest.raises(InvalidInput) as refusal:
        submissions.submit(session, race, cast.ann, entry, now)
    assert refusal.value.field == field
    assert submissions.tries_used(session, race, cast.ann) == 0


def test_a_submission_that_has_a_result_has_no_place(
    session: Session, race: Race, cast: Cast, now: datetime
) -> None:
    submission = enter(session, race, cast.ann, now)
    claim(session, now)
    assert submissions.queue_place(session, submission, now) is None


def test_a_state_changed_behind_our_back_is_noticed(
    session: Session, race: Race, cast: Cast, now: datetime
) -> None:
    """Another process writes past this session's objects; the conditional UPDATE looks at the row."""
    submission = enter(session, race, cast.ann, now)
    lease = claim(session, now)
    behind = update(Submission).values(state=SubmissionState.RECORDED)
    session.execute(behind, execution_options={"synchronize_session": False})
    assert submission.state is SubmissionState.CLAIMED
    with pytest.raises(WrongState, match="recorded"):
        submissions.mark_training(session, lease, now)
