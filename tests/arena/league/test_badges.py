"""Six badges: for whom, for what, and never twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from arena.league import badges, events, seasons
from arena.league.models import Award, Race, Racer, Season, Trial
from arena.league.plans import RacePlan
from tests.conftest import Cast, Clock
from tests.driving import enter, result, total


def held(session: Session, racer: Racer) -> list[str]:
    """The names of the racer's badges in the order in which they were given."""
    return [award.badge for award in reversed(badges.awards_of(session, racer))]


def close(session: Session, season: Season, clock: Clock) -> None:
    clock.now = season.closes_at + timedelta(seconds=1)
    seasons.keep_calendar(session, clock.now)


def test_the_catalogue_has_six_badges_for_people_to_read() -> None:
    assert len(badges.BADGES) == 6
    assert all(b.title and b.description.endswith(".") and b.symbol for b in badges.BADGES.values())


def test_the_first_submission_of_a_season_counts_once(
    session: Session, race: Race, cast: Cast, clock: Clock
) -> None:
    first = enter(session, race, cast.ann, clock.now)
    enter(session, race, cast.ann, clock.tick())
    [award] = badges.awards_of(session, cast.ann)
    assert award.badge == "first-submission"
    assert award.evidence == {"race": "oval-sprint", "submission": first.id, "number": 1}
    [told] = events.read_after(session, 0, names=["badge.awarded"])
    assert told.payload == {"badge": "first-submission", "title": "Lights out", "evidence": award.evidence}
    assert (told.racer, told.season, told.submission) == ("ann", "autumn", first.id)


def test_the_first_complete_lap_counts_even_without_an_official_time(
    session: Session, race: Race, cast: Cast, clock: Clock
) -> None:
    result(session, race, cast.ann, (), clock.tick())
    assert held(session, cast.ann) == ["first-submission"]
    trial = result(session, race, cast.ann, (9_000,), clock.tick())
    assert held(session, cast.ann) == ["first-submission", "first-lap"]
    assert badges.awards_of(session, cast.ann)[0].evidence["trial"] == trial.id


def test_the_fifth_improvement_of_ones_own_time_earns_a_badge(
    session: Session, race: Race, cast: Cast, clock: Clock
) -> None:
    session.get_one(Race, race.id).max_submissions = 50
    times = (30_000, 29_000, 29_500, 28_000, 27_000, 27_000, 26_000)
    trials = [total(session, race, cast.ann, ms, clock.tick()) for ms in times]
    assert "personal-best-5" not in held(session, cast.ann)
    last = total(session, race, cast.ann, 25_000, clock.tick())
    assert "personal-best-5" in held(session, cast.ann)
    evidence = badges.awards_of(session, cast.ann)[0].evidence
    assert evidence["trials"] == [trials[i].id for i in (1, 3, 4, 6)] + [last.id]


def test_beating_the_house_car_needs_a_smaller_time(
    session: Session, race: Race, cast: Cast, clock: Clock
) -> None:
    total(session, race, cast.house, 30_000, clock.tick())
    total(session, race, cast.ann, 30_000, clock.tick())
    assert "beat-the-house" not in held(session, cast.ann)
    total(session, race, cast.ann, 29_999, clock.tick())
    assert "beat-the-house" in held(session, cast.ann)
    evidence = badges.awards_of(session, cast.ann)[0].evidence
    assert (evidence["official_ms"], evidence["house_ms"]) == (29_999, 30_000)


def test_a_house_car_that_comes_late_is_counted_at_the_close(
    session: Session, race: Race, cast: Cast, clock: Clock
) -> None:
    race = session.get_one(Race, race.id)
    total(session, race, cast.ann, 29_000, clock.tick())
    total(session, race, cast.ben, 31_000, clock.tick())
    total(session, race, cast.house, 30_000, clock.tick())
    assert "beat-the-house" not in held(session, cast.ann)
    close(session, race.season, clock)
    assert "beat-the-house" in held(session, cast.ann)
    assert "beat-the-house" not in held(session, cast.ben)


def test_house_cars_earn_nothing_and_take_no_place_on_the_podium(
    session: Session, race: Race, cast: Cast, clock: Clock
) -> None:
    race = session.get_one(Race, race.id)
    people = (cast.house, cast.ann, cast.ben, cast.cleo, cast.sam)
    for i, person in enumerate(people):
        total(session, race, person, 30_000 + i, clock.tick())
    assert all("podium" not in held(session, person) for person in people)
    close(session, race.season, clock)
    assert held(session, cast.house) == []
    assert ["podium" in held(session, person) for person in people] == [False, True, True, True, False]
    [podium] = [award for award in badges.awards_of(session, cast.cleo) if award.badge == "podium"]
    assert podium.evidence["rank"] == 3


def test_a_season_finisher_has_an_official_time_in_every_race_that_took_place(
    session: Session, race: Race, cast: Cast, clock: Clock
) -> None:
    race = session.get_one(Race, race.id)
    plan = RacePlan(slug="second", title="Second", track="oval")
    second = seasons.open_race(session, race.season, plan, by=cast.olga, now=clock.now)
    never = replace(plan, slug="never", opens_at=clock.now + timedelta(days=1))
    seasons.open_race(session, race.season, never, by=cast.olga, now=clock.now)
    for where, person in ((race, cast.ann), (second, cast.ann), (race, cast.ben)):
        total(session, where, person, 30_000, clock.tick())
    result(session, second, cast.ben, (9_000,), clock.tick())
    seasons.close_season(session, race.season, by=cast.olga, now=clock.tick())
    assert "season-finisher" in held(session, cast.ann)
    assert "season-finisher" not in held(session, cast.ben)


def test_a_season_without_races_has_no_finishers(
    session: Session, season: Season, cast: Cast, clock: Clock
) -> None:
    close(session, session.merge(season), clock)
    assert session.execute(select(Award)).all() == []


def test_evaluating_everything_again_awards_nothing_twice(
    session: Session, race: Race, cast: Cast, clock: Clock
) -> None:
    race = session.get_one(Race, race.id)
    for person, ms in ((cast.house, 30_000), (cast.ann, 29_000), (cast.ben, 31_000)):
        total(session, race, person, ms, clock.tick())
    close(session, race.season, clock)
    before = events.latest_id(session)
    awards = len(session.execute(select(Award)).all())
    for trial in session.execute(select(Trial).order_by(Trial.id)).scalars().all():
        badges.on_submission(session, trial.submission, clock.tick())
        badges.on_trial(session, trial, improved=True, now=clock.now)
    badges.on_race_closed(session, race, clock.now)
    badges.on_season_closed(session, race.season, clock.now)
    assert events.latest_id(session) == before
    assert len(session.execute(select(Award)).all()) == awards


def test_badges_are_earned_again_in_another_season(
    session: Session, race: Race, cast: Cast, clock: Clock
) -> None:
    enter(session, race, cast.ann, clock.now)
    winter = seasons.open_season(
        session,
        slug="winter",
        title="Winter",
        opens_at=clock.now,
        closes_at=clock.now + timedelta(days=1),
        by=cast.olga,
        now=clock.now,
    )
    plan = RacePlan(slug="snow", title="Snow", track="oval")
    enter(
        session, seasons.open_race(session, winter, plan, by=cast.olga, now=clock.now), cast.ann, clock.tick()
    )
    assert held(session, cast.ann) == ["first-submission", "first-submission"]
    assert len(badges.awards_of(session, cast.ann, winter)) == 1
