"""Opening and closing seasons and races, and what organisers may write."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from arena.league import events, jobs, seasons, submissions
from arena.league.errors import InvalidInput, NameTaken, NotAllowed, RaceClosed, WrongState
from arena.league.models import Race, Racer, Season
from arena.league.plans import RacePlan
from arena.league.states import Timing
from tests.conftest import Cast, Clock
from tests.driving import claim, enter, total

PLAN = RacePlan(slug="second", title="Second", track="oval")


def names(session: Session) -> list[str]:
    """The events of the calendar."""
    log = events.read_after(session, 0)
    return [entry.name for entry in log if entry.name.split(".")[0] in ("season", "race")]


def test_only_organisers_open_seasons_and_races(
    session: Session, season: Season, cast: Cast, now: datetime
) -> None:
    with pytest.raises(NotAllowed, match="Ask an organiser"):
        seasons.open_race(session, season, PLAN, by=cast.ann, now=now)
    with pytest.raises(NotAllowed):
        seasons.open_season(
            session, slug="x", title="X", opens_at=now, closes_at=now + timedelta(1), by=cast.ann, now=now
        )
    with pytest.raises(NotAllowed):
        seasons.close_season(session, season, by=cast.ann, now=now)


def test_times_left_out_are_those_of_the_season(
    session: Session, season: Season, cast: Cast, now: datetime
) -> None:
    race = seasons.open_race(session, session.merge(season), PLAN, by=cast.olga, now=now)
    assert (race.opens_at, race.closes_at) == (now, season.closes_at)
    assert 0 <= race.seed < 2**31
    assert race.is_open(now)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("slug", ""),
        ("slug", "With Space"),
        ("slug", "a" * 61),
        ("title", " "),
        ("title", "a" * 121),
        ("track", "../secret"),
        ("track", ""),
        ("laps", 0),
        ("laps", 101),
        ("laps", True),
        ("training_steps", 9_999),
        ("training_steps", 20_000_001),
        ("max_submissions", 0),
        ("off_track_penalty_ms", -1),
        ("off_track_penalty_ms", 60_001),
        ("seed", -1),
        ("seed", 2**31),
        ("timing", "guessed"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_field(
    session: Session, season: Season, cast: Cast, now: datetime, field: str, value: Any
) -> None:
    plan = replace(PLAN, **{field: value})
    with pytest.raises(InvalidInput) as refusal:
        seasons.open_race(session, season, plan, by=cast.olga, now=now)
    assert refusal.value.field == field
    assert refusal.value.message.endswith((".", ".."))


def test_an_average_needs_its_laps_and_not_more_than_the_race_has(
    session: Session, season: Season, cast: Cast, now: datetime
) -> None:
    for average_laps in (None, 0, 4):
        plan = replace(PLAN, timing=Timing.AVERAGE, average_laps=average_laps)
        with pytest.raises(InvalidInput) as refusal:
            seasons.open_race(session, season, plan, by=cast.olga, now=now)
        assert refusal.value.field == "average_laps"
    plan = replace(PLAN, timing=Timing.AVERAGE, average_laps=3)
    assert seasons.open_race(session, season, plan, by=cast.olga, now=now).average_laps == 3


def test_other_methods_drop_the_k_that_a_form_sends_along(
    session: Session, season: Season, cast: Cast, now: datetime
) -> None:
    plan = replace(PLAN, timing=Timing.TOTAL, average_laps=2)
    assert seasons.open_race(session, season, plan, by=cast.olga, now=now).average_laps is None


def test_a_race_lies_within_its_season(session: Session, season: Season, cast: Cast, now: datetime) -> None:
    outside = (
        ("opens_at", replace(PLAN, opens_at=season.opens_at - timedelta(seconds=1))),
        ("closes_at", replace(PLAN, closes_at=season.closes_at + timedelta(seconds=1))),
        ("closes_at", replace(PLAN, closes_at=now)),
        ("opens_at", replace(PLAN, opens_at=datetime(2026, 11, 24))),
    )
    for field, plan in outside:
        with pytest.raises(InvalidInput) as refusal:
            seasons.open_race(session, season, plan, by=cast.olga, now=now)
        assert refusal.value.field == field


@pytest.mark.parametrize("points", [(), (0,), (5, 6), (5, -1), (20_000,), tuple(range(101, 0, -1))])
def test_points_that_do_not_fall_are_refused(
    session: Session, cast: Cast, now: datetime, points: tuple[int, ...]
) -> None:
    with pytest.raises(InvalidInput) as refusal:
        seasons.open_season(
            session,
            slug="x",
            title="X",
            opens_at=now,
            closes_at=now + timedelta(1),
            by=cast.olga,
            now=now,
            points=points,
        )
    assert refusal.value.field == "points"


def test_slugs_are_given_once(
    session: Session, season: Season, race: Race, cast: Cast, now: datetime
) -> None:
    with pytest.raises(NameTaken):
        seasons.open_race(session, season, replace(PLAN, slug=race.slug), by=cast.olga, now=now)
    with pytest.raises(NameTaken):
        seasons.open_season(
            session,
            slug="autumn",
            title="X",
            opens_at=now,
            closes_at=now + timedelta(1),
            by=cast.olga,
            now=now,
        )


def test_a_race_opens_by_itself_and_says_so_once(
    session: Session, season: Season, cast: Cast, clock: Clock
) -> None:
    plan = replace(PLAN, opens_at=clock.now + timedelta(hours=1))
    race = seasons.open_race(session, session.merge(season), plan, by=cast.olga, now=clock.now)
    seasons.keep_calendar(session, clock.tick(3_599))
    assert names(session) == ["season.opened", "race.planned"]
    assert not race.is_open(clock.now)
    for _ in range(2):
        seasons.keep_calendar(session, clock.tick())
    assert names(session) == ["season.opened", "race.planned", "race.opened"]


def test_a_race_closes_when_its_last_accepted_submission_has_its_result(
    session: Session, race: Race, cast: Cast, clock: Clock
) -> None:
    race = session.get_one(Race, race.id)
    enter(session, race, cast.ann, clock.now)
    clock.now = race.closes_at
    assert seasons.close_due(session, clock.now) == []
    with pytest.raises(RaceClosed):
        enter(session, race, cast.ben, clock.now)
    lease = claim(session, clock.now)
    submissions.reject(session, lease, submissions.Rejection("runtime", "It failed."), clock.tick())
    for _ in range(2):
        seasons.keep_calendar(session, clock.tick())
    assert race.closed_at is not None
    assert race.season.closed_at == race.closed_at
    assert names(session)[-2:] == ["race.closed", "season.closed"]
    assert names(session).count("race.closed") == 1


def test_a_season_ended_early_takes_no_more_but_finishes_what_it_took(
    session: Session, race: Race, cast: Cast, clock: Clock
) -> None:
    race = session.get_one(Race, race.id)
    later = replace(PLAN, opens_at=clock.now + timedelta(days=1))
    never = seasons.open_race(session, race.season, later, by=cast.olga, now=clock.now)
    enter(session, race, cast.ann, clock.now)
    seasons.close_season(session, race.season, by=cast.olga, now=clock.tick())
    assert [race.closed_at, never.closed_at, race.season.closed_at] == [None, clock.now, None]
    with pytest.raises(RaceClosed):
        enter(session, race, cast.ben, clock.tick())
    jobs.release(session, claim(session, clock.tick()), clock.tick())
    submissions.cancel(session, enter_of(session, race, cast.ann), by=cast.ann, now=clock.tick())
    seasons.keep_calendar(session, clock.tick())
    assert race.season.closed_at == clock.now
    assert never.opened_at is None
    with pytest.raises(WrongState):
        seasons.close_season(session, race.season, by=cast.olga, now=clock.tick())


def enter_of(session: Session, race: Race, racer: Racer) -> Any:
    """The racer's only submission in the race."""
    [found] = events.read_after(session, 0, race_id=race.id, names=["submission.queued"])
    assert found.submission is not None
    return submissions.find_submission(session, found.submission)


def test_a_race_ended_early_is_final(session: Session, race: Race, cast: Cast, clock: Clock) -> None:
    race = session.get_one(Race, race.id)
    total(session, race, cast.ann, 30_000, clock.tick())
    seasons.close_race(session, race, by=cast.olga, now=clock.tick())
    assert race.closed_at == race.closes_at == clock.now
    with pytest.raises(WrongState, match="already"):
        seasons.close_race(session, race, by=cast.olga, now=clock.tick())


def test_a_closed_season_takes_no_races(session: Session, season: Season, cast: Cast, clock: Clock) -> None:
    season = session.merge(season)
    seasons.close_season(session, season, by=cast.olga, now=clock.tick())
    assert season.closed_at == clock.now
    with pytest.raises(WrongState, match="new season"):
        seasons.open_race(session, season, PLAN, by=cast.olga, now=clock.tick())


def test_the_season_shown_first_is_the_one_that_is_on(session: Session, cast: Cast, now: datetime) -> None:
    for slug, start in (("past", -20), ("next", 5), ("after", 30)):
        opens_at = now + timedelta(days=start)
        seasons.open_season(
            session,
            slug=slug,
            title=slug,
            opens_at=opens_at,
            closes_at=opens_at + timedelta(10),
            by=cast.olga,
            now=now,
        )

    def shown(days: int) -> str | None:
        season = seasons.current_season(session, now + timedelta(days=days))
        return season.slug if season else None

    assert [shown(days) for days in (-15, 0, 6, 20, 50)] == ["past", "next", "next", "after", "after"]
