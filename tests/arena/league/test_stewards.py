"""The stewards: what a held trial has and has not, and that a decision is made once and followed through."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from arena.league import badges, db, events, results, seasons, standings, stewards, submissions
from arena.league.errors import InvalidInput, NotAllowed, WrongState
from arena.league.models import Award, Event, Race, Racer, Standing, TimeBucket, Trial
from arena.league.states import Ruling, SubmissionState
from tests.conftest import Cast, Clock
from tests.driving import result, total

FAST = (5_000, 8_000, 8_000)


def doubted(session: Session, race: Race, racer: Racer, clock: Clock) -> Trial:
    """A trial whose first lap nobody believes."""
    return result(session, race, racer, FAST, clock.tick(), suspicious_laps=(1,))


def names_after(session: Session, cursor: int) -> list[str]:
    return [entry.name for entry in events.read_after(session, cursor)]


def badges_of(session: Session, racer: Racer) -> set[str]:
    return {award.badge for award in badges.awards_of(session, racer)}


def test_a_drive_too_fast_to_be_true_has_laps_and_nothing_else(
    session: Session, race: Race, cast: Cast, clock: Clock
) -> None:
    trial = doubted(session, race, cast.ann, clock)
    assert (trial.ruling, trial.counts, trial.official_ms) == (Ruling.HELD, False, None)
    assert [lap.lap_time_ms for lap in trial.laps] == list(FAST)
    submission = trial.submission
    assert (submission.state, submission.official_time_ms) == (SubmissionState.RECORDED, None)
    assert submission.best_lap_ms is None
    assert standings.board(session, race) == []
    assert badges_of(session, cast.ann) == {"first-submission"}
    [told] = events.read_after(session, 0, names=["trial.held"])
    assert (told.payload["laps"], told.payload["trial_id"]) == ([1], trial.id)
    assert "Lap 1 was faster" in told.payload["reason"]
    assert trial.ruling_reason == told.payload["reason"]
    assert stewards.waiting(session) == [trial]
    assert stewards.waiting(session, race) == [trial]


def test_a_held_drive_costs_its_try(session: Session, race: Race, cast: Cast, clock: Clock) -> None:
    race, before = session.get_one(Race, race.id), race.max_submissions
    doubted(session, race, cast.ann, clock)
    assert submissions.tries_left(session, race, cast.ann) == before - 1


def test_a_held_drive_leaves_an_older_result_where_it_is(
    session: Session, race: Race, cast: Cast, clock: Clock
) -> None:
    total(session, race, cast.ann, 30_000, clock.tick())
    doubted(session, race, cast.ann, clock)
    [row] = standings.board(session, race)
    assert (row.official_ms, row.submissions) == (30_000, 2)


def test_clearing_does_what_recording_would_have_done(
    session: Session, race: Race, cast: Cast, clock: Clock
) -> None:
    total(session, race, cast.house, 27_000, clock.tick())
    trial = doubted(session, race, cast.ann, clock)
    driven_at, cursor = clock.now, events.latest_id(session)
    stewards.clear(session, trial, by=cast.olga, now=clock.tick(60), reason="The timing was right.")
    assert (trial.ruling, trial.counts, trial.official_ms) == (Ruling.CLEARED, True, 21_000)
    assert (trial.ruled_by, trial.ruled_at) == (session.get_one(Racer, cast.olga.id), clock.now)
    assert trial.ruling_reason == "The timing was right."
    assert (trial.submission.official_time_ms, trial.submission.best_lap_ms) == (21_000, 5_000)
    row = standings.board(session, race)[0]
    assert (row.rank, row.racer, row.official_ms, row.submissions) == (1, "ann", 21_000, 1)
    assert row.achieved_at == driven_at
    assert badges_of(session, cast.ann) == {"first-submission", "first-lap", "beat-the-house"}
    told = names_after(session, cursor)
    assert told == ["trial.cleared", "standing.changed", "badge.awarded", "badge.awarded"]
    assert stewards.waiting(session) == []


def test_of_equal_times_the_one_driven_first_is_ahead_however_late_it_is_cleared(
    session: Session, race: Race, cast: Cast, clock: Clock
) -> None:
    trial = doubted(session, race, cast.ann, clock)
    total(session, race, cast.ben, sum(FAST), clock.tick())
    stewards.clear(session, trial, by=cast.olga, now=clock.tick(), reason="")
    assert [row.racer for row in standings.board(session, race)] == ["ann", "ben"]


def test_an_equal_time_of_ones_own_counts_from_when_it_was_first_driven(
    session: Session, race: Race, cast: Cast, clock: Clock
) -> None:
    trial = doubted(session, race, cast.ann, clock)
    total(session, race, cast.ann, sum(FAST), clock.tick())
    stewards.clear(session, trial, by=cast.olga, now=clock.tick())
    [row] = standings.board(session, race)
    assert (row.trial_id, row.achieved_at, row.submissions) == (trial.id, trial.driven_at, 2)


def test_clearing_a_slower_drive_changes_no_standing_but_counts_for_badges(
    session: Session, race: Race, cast: Cast, clock: Clock
) -> None:
    """Five improvements, the first of them over a time that was held."""
    session.get_one(Race, race.id).max_submissions = 50
    trial = doubted(session, race, cast.ann, clock)
    for ms in (20_900, 20_800, 20_700, 20_600, 20_500):
        total(session, race, cast.ann, ms, clock.tick())
    assert "personal-best-5" not in badges_of(session, cast.ann)
    cursor = events.latest_id(session)
    stewards.clear(session, trial, by=cast.olga, now=clock.tick())
    assert "standing.changed" not in names_after(session, cursor)
    assert "personal-best-5" in badges_of(session, cast.ann)
    assert standings.board(session, race)[0].official_ms == 20_500


def test_a_struck_drive_is_out_for_good_and_says_why(
    session: Session, race: Race, cast: Cast, clock: Clock
) -> None:
    trial = doubted(session, race, cast.ann, clock)
    cursor = events.latest_id(session)
    stewards.strike(session, trial, by=cast.olga, now=clock.tick(), reason=" A gap in the border. ")
    assert (trial.ruling, trial.official_ms, trial.ruling_reason) == (
        Ruling.STRUCK,
        None,
        "A gap in the border.",
    )
    assert names_after(session, cursor) == ["trial.struck"]
    [told] = events.read_after(session, cursor)
    assert (told.payload["reason"], told.payload["by"]) == ("A gap in the border.", "olga")
    assert told.submission == trial.submission_id
    assert standings.board(session, race) == []
    results.rebuild(session, session.get_one(Race, race.id))
    assert standings.board(session, race) == []
    assert badges_of(session, cast.ann) == {"first-submission"}


def test_a_strike_needs_a_reason_that_fits(session: Session, race: Race, cast: Cast, clock: Clock) -> None:
    trial = doubted(session, race, cast.ann, clock)
    for reason in ("", "  \n", "x" * 1_001):
        with pytest.raises(InvalidInput) as refusal:
            stewards.strike(session, trial, by=cast.olga, now=clock.now, reason=reason)
        assert refusal.value.field == "reason"
    assert trial.ruling is Ruling.HELD


def test_only_organisers_decide(session: Session, race: Race, cast: Cast, clock: Clock) -> None:
    trial = doubted(session, race, cast.ann, clock)
    with pytest.raises(NotAllowed, match="organiser"):
        stewards.clear(session, trial, by=cast.ann, now=clock.now)
    with pytest.raises(NotAllowed):
        stewards.strike(session, trial, by=cast.ben, now=clock.now, reason="Envy.")
    assert stewards.waiting(session) == [trial]


def test_a_second_decision_is_refused_and_changes_nothing(
    session: Session, race: Race, cast: Cast, clock: Clock
) -> None:
    trial = doubted(session, race, cast.ann, clock)
    stewards.clear(session, trial, by=cast.olga, now=clock.tick())
    before = session.execute(select(func.count()).select_from(Event)).scalar_one()
    with pytest.raises(WrongState, match="cleared by Olga already"):
        stewards.strike(session, trial, by=cast.olga, now=clock.tick(), reason="On second thought.")
    with pytest.raises(WrongState):
        stewards.clear(session, trial, by=cast.olga, now=clock.tick())
    assert session.execute(select(func.count()).select_from(Event)).scalar_one() == before
    assert session.execute(select(TimeBucket.racers)).scalars().all() == [1]
    assert (trial.ruling, trial.official_ms) == (Ruling.CLEARED, 21_000)


def test_of_two_organisers_at_once_the_later_one_is_refused(
    engine: Engine, race: Race, cast: Cast, clock: Clock
) -> None:
    """Both have the page open and hold the trial as it was."""
    with db.transaction(engine) as session:
        seen = doubted(session, race, cast.ann, clock)
    with db.transaction(engine) as first:
        stewards.strike(first, seen, by=cast.olga, now=clock.tick(), reason="No.")
    with pytest.raises(WrongState, match="struck"), db.transaction(engine) as second:
        stewards.clear(second, seen, by=cast.olga, now=clock.tick())
    with db.reading(engine) as session:
        assert session.execute(select(func.count()).select_from(Standing)).scalar_one() == 0


def test_a_trial_that_nobody_doubts_cannot_be_decided_on(
    session: Session, race: Race, cast: Cast, clock: Clock
) -> None:
    trial = total(session, race, cast.ann, 30_000, clock.tick())
    with pytest.raises(WrongState, match="never held"):
        stewards.strike(session, trial, by=cast.olga, now=clock.tick(), reason="I dislike it.")
    assert standings.board(session, race)[0].official_ms == 30_000


@pytest.mark.parametrize(("is_cleared", "winner"), [(True, "ann"), (False, "ben")])
def test_a_race_stays_provisional_until_the_stewards_have_decided(
    session: Session, race: Race, cast: Cast, clock: Clock, is_cleared: bool, winner: str
) -> None:
    race = session.get_one(Race, race.id)
    trial = doubted(session, race, cast.ann, clock)
    total(session, race, cast.ben, 30_000, clock.tick())
    clock.now = race.closes_at + timedelta(hours=1)
    seasons.keep_calendar(session, clock.now)
    assert (race.closed_at, race.season.closed_at) == (None, None)
    assert not race.is_open(clock.now)
    assert "podium" not in badges_of(session, cast.ben)
    if is_cleared:
        stewards.clear(session, trial, by=cast.olga, now=clock.tick())
    else:
        stewards.strike(session, trial, by=cast.olga, now=clock.tick(), reason="Impossible.")
    seasons.keep_calendar(session, clock.tick())
    assert (race.closed_at, race.season.closed_at) == (clock.now, clock.now)
    table = standings.season_board(session, race.season)
    assert (table[0].racer, table[0].points) == (winner, 25)
    [first] = [a for a in _awards(session, cast) if a.badge == "podium" and a.evidence["rank"] == 1]
    assert session.get_one(Racer, first.racer_id).handle == winner


def _awards(session: Session, cast: Cast) -> list[Award]:
    return [award for person in (cast.ann, cast.ben) for award in badges.awards_of(session, person)]
