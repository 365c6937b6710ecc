"""Which entries a race takes: kinds, files, and what a training may go on from."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from arena.league import admission, results, seasons, standings, submissions
from arena.league.errors import InvalidInput, LeagueError, NotAllowed, NotFound
from arena.league.models import Race, Racer, Season, Submission
from arena.league.plans import RacePlan
from arena.league.states import Car, Driver, RaceType
from arena.league.submissions import Entry
from tests.conftest import Cast, Clock
from tests.driving import KEY, SOURCE, claim_of, drive_of, enter, result, to_the_start

AGENT = Entry("class Agent: ...", driver=Driver.AGENT)
POLICY = Entry("", "{}", driver=Driver.TRAINED, upload_key=KEY)


@pytest.fixture
def everything(session: Session, season: Season, cast: Cast, clock: Clock) -> Race:
    """A race that takes every kind of entry."""
    return opened(session, season, cast, clock, takes_agents=True, takes_policies=True)


def opened(session: Session, season: Season, cast: Cast, clock: Clock, **rules: object) -> Race:
    """Open another race on the oval."""
    name = f"race-{len(session.merge(season).races)}"
    plan = replace(RacePlan(slug=name, title="Another", track="oval", training_steps=20_000), **rules)  # type: ignore[arg-type]
    race = seasons.open_race(session, session.merge(season), plan, by=cast.olga, now=clock.now)
    session.expire_all()
    return race


def recorded(session: Session, race: Race, racer: Racer, clock: Clock) -> Submission:
    """A reward function with its result."""
    return result(session, race, racer, [9_000] * 3, clock.tick()).submission


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        (Entry("", driver=Driver.AGENT), "source"),
        (replace(AGENT, model_metadata="{}"), "model_metadata"),
        (replace(AGENT, hyperparameters="{}"), "hyperparameters"),
        (replace(AGENT, upload_key=KEY), "policy"),
        (replace(AGENT, parent_id="x"), "parent"),
        (replace(POLICY, upload_key=None), "policy"),
        (replace(POLICY, source=SOURCE), "source"),
        (replace(POLICY, hyperparameters="{}"), "hyperparameters"),
        (replace(POLICY, parent_id="x"), "parent"),
        (Entry(SOURCE, upload_key=KEY), "policy"),
        (Entry("", driver=Driver.REFERENCE), "driver"),
    ],
)
def test_an_entry_has_the_files_of_its_kind_and_no_others(entry: Entry, field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        admission.check_entry(entry)
    assert refusal.value.field == field


def test_a_race_takes_only_what_it_says(
    session: Session, race: Race, everything: Race, cast: Cast, clock: Clock
) -> None:
    for entry, word in ((AGENT, "does not take an agent"), (POLICY, "trained elsewhere")):
        with pytest.raises(NotAllowed, match=word):
            submissions.submit(session, session.merge(race), cast.ann, entry, clock.now)
        made = submissions.submit(session, everything, cast.ann, entry, clock.now)
        assert (made.driver, made.upload_key) == (entry.driver, entry.upload_key)
        assert (made.total_steps, admission.own_steps(made)) == (None, None)


def test_steps_of_all_ancestors_add_up(
    session: Session, race: Race, everything: Race, cast: Cast, clock: Clock
) -> None:
    """From the oval sprint of 10,000 steps into a race of 20,000, twice."""
    first = recorded(session, session.merge(race), cast.ann, clock)
    second = submissions.submit(
        session, everything, cast.ann, Entry(SOURCE, parent_id=first.id), clock.tick()
    )
    lease = claim_of(session, second, clock.now)
    to_the_start(session, lease, clock.now)
    results.record_trial(session, lease, drive_of([8_000] * 3), clock.tick())
    third = submissions.submit(
        session, everything, cast.ann, Entry(SOURCE, parent_id=second.id), clock.tick()
    )
    assert [one.total_steps for one in (first, second, third)] == [10_000, 30_000, 50_000]
    assert admission.lineage_of(session, third) == [first, second, third]
    assert admission.lineage_of(session, first) == [first]
    [row] = standings.board(session, everything)
    assert (row.driver, row.is_continued) == (Driver.POLICY, True)
    [row] = standings.board(session, session.merge(race))
    assert not row.is_continued


def test_the_steps_of_an_entry_from_before_they_were_counted_are_its_races(
    session: Session, race: Race, cast: Cast, clock: Clock
) -> None:
    old = recorded(session, session.merge(race), cast.ann, clock)
    old.total_steps = None
    session.flush()
    new = submissions.submit(
        session, session.merge(race), cast.ann, Entry(SOURCE, parent_id=old.id), clock.now
    )
    assert (admission.total_steps(old), new.total_steps) == (10_000, 20_000)


def refusal_of(session: Session, race: Race, racer: Racer, parent_id: str, clock: Clock) -> LeagueError:
    with pytest.raises(LeagueError) as refusal:
        submissions.submit(session, session.merge(race), racer, Entry(SOURCE, parent_id=parent_id), clock.now)
    assert submissions.tries_used(session, race, racer) <= 1
    return refusal.value


def test_nobody_goes_on_from_somebody_elses_entry(
    session: Session, race: Race, cast: Cast, clock: Clock
) -> None:
    anns = recorded(session, session.merge(race), cast.ann, clock)
    for stranger in (cast.ben, cast.cleo, cast.olga):
        assert isinstance(refusal_of(session, race, stranger, anns.id, clock), NotAllowed)
    assert isinstance(refusal_of(session, race, cast.ann, "0" * 26, clock), NotFound)


def test_a_training_goes_on_from_a_result_of_a_training_only(
    session: Session, race: Race, everything: Race, cast: Cast, clock: Clock
) -> None:
    waiting = enter(session, race, cast.ann, clock.now)
    assert "queued" in refusal_of(session, race, cast.ann, waiting.id, clock).message
    submissions.cancel(session, waiting, by=cast.ann, now=clock.tick())
    agent = submissions.submit(session, everything, cast.ann, AGENT, clock.tick())
    lease = claim_of(session, agent, clock.now)
    to_the_start(session, lease, clock.now)
    results.record_trial(session, lease, drive_of([8_000] * 3), clock.tick())
    assert isinstance(refusal_of(session, race, cast.ann, agent.id, clock), InvalidInput)
    assert admission.possible_parents(session, race, cast.ann) == []


def test_another_car_has_to_be_learnt_anew(
    session: Session, race: Race, season: Season, cast: Cast, clock: Clock
) -> None:
    v6 = opened(session, season, cast, clock, car=Car.V6)
    classic = recorded(session, session.merge(race), cast.ann, clock)
    refusal = refusal_of(session, v6, cast.ann, classic.id, clock)
    assert isinstance(refusal, InvalidInput)
    assert "classic car" in refusal.message
    assert admission.possible_parents(session, v6, cast.ann) == []
    assert admission.possible_parents(session, session.merge(race), cast.ann) == [classic]


def test_who_learnt_to_drive_alone_sees_no_others(
    session: Session, race: Race, season: Season, cast: Cast, clock: Clock
) -> None:
    among = opened(session, season, cast, clock, race_type=RaceType.HEAD_TO_BOTS)
    alone = recorded(session, session.merge(race), cast.ann, clock)
    assert "learnt to drive alone" in refusal_of(session, among, cast.ann, alone.id, clock).message
    assert admission.possible_parents(session, among, cast.ann) == []
    crowd = recorded(session, among, cast.ann, clock)
    assert "among others" in refusal_of(session, race, cast.ann, crowd.id, clock).message
    assert admission.possible_parents(session, among, cast.ann) == [crowd]


def test_a_race_may_ask_everybody_to_begin_anew(
    session: Session, race: Race, season: Season, cast: Cast, clock: Clock
) -> None:
    anew = opened(session, season, cast, clock, may_continue=False)
    entry = recorded(session, session.merge(race), cast.ann, clock)
    assert isinstance(refusal_of(session, anew, cast.ann, entry.id, clock), NotAllowed)


def test_more_steps_than_can_be_counted_are_refused(
    session: Session, race: Race, cast: Cast, clock: Clock
) -> None:
    entry = recorded(session, session.merge(race), cast.ann, clock)
    entry.total_steps = 2**31 - 1
    session.flush()
    clock.now += timedelta(minutes=1)
    assert "too many" in refusal_of(session, race, cast.ann, entry.id, clock).message
