"""The demo season: that every race of it can be driven, and that the first laps come first."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, select

from arena import courses, demo
from arena.league import accounts, db, jobs
from arena.league.models import Job, Race, Submission
from arena.league.states import Direction, RaceType, Role


@pytest.fixture
def season(engine: Engine) -> Engine:
    """The database with the demo season in it."""
    now = datetime.now(UTC)
    with db.transaction(engine) as session:
        accounts.create_racer(
            session, handle="olga", name="Olga", password=None, role=Role.ORGANISER, now=now
        )
        demo.fill(session, now)
    return engine


def test_every_race_of_the_demo_can_be_driven(season: Engine) -> None:
    with db.reading(season) as session:
        races = session.execute(select(Race)).scalars().all()
        for race in races:
            assert courses.course_of(race).race_type.value == race.race_type.value
            assert courses.rules_of(race).laps == race.laps
    assert {race.race_type for race in races} == {RaceType.TIME_TRIAL, RaceType.OBJECT_AVOIDANCE}
    assert {race.direction for race in races} == {Direction.FORWARD, Direction.REVERSED}


def test_the_whole_field_drives_the_first_race_before_any_other(season: Engine) -> None:
    with db.reading(season) as session:
        waiting = session.execute(jobs.queue(datetime.now(UTC))).scalars().all()
        order = [
            session.execute(
                select(Race.slug)
                .join(Submission, Submission.race_id == Race.id)
                .join(Job, Job.submission_id == Submission.id)
                .where(Job.id == job_id)
            ).scalar_one()
            for job_id in waiting
        ]
    field = len(demo.KITS) + 2  # and the house car and the agent
    assert order[:field] == ["first-laps"] * field
    assert order.count("box-slalom") == order.count("the-other-way") == len(demo.SMALL_FIELD) + 1
