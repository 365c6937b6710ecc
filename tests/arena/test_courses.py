"""From the columns of a race to the course that is driven, and that it is the same for every entrant."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy.orm import Session

from arena import courses
from arena.league import seasons
from arena.league.models import Race, Season
from arena.league.plans import RacePlan
from arena.league.states import Direction, ObstacleKind, RaceType
from simulator.bots import Bots
from simulator.course import CourseError
from simulator.imperfections import CALIBRATED
from simulator.objects import Kind, Lane, Obstacle, ObstacleError
from simulator.rules import Status
from simulator.track import TrackError
from tests.conftest import Cast, Clock

PLAN = RacePlan(slug="second", title="Second", track="oval", seed=11)


@pytest.fixture
def planned(session: Session, season: Season, cast: Cast, clock: Clock) -> Any:
    """Opens a race with these rules, as it comes back from the database."""

    def open_race(**rules: Any) -> Race:
        plan = replace(PLAN, **rules)
        race = seasons.open_race(session, session.merge(season), plan, by=cast.olga, now=clock.now)
        session.expire(race)
        return race

    return open_race


def test_a_time_trial_is_the_bare_track(planned: Any) -> None:
    course = courses.course_of(planned())
    assert (course.track.name, course.as_json(), course.text) == ("oval", {}, "")


def test_obstacles_stand_where_they_are_asked_to(planned: Any) -> None:
    race = planned(
        race_type=RaceType.OBJECT_AVOIDANCE,
        obstacles="0.6,-1; 0.25,inner",
        obstacle_kind=ObstacleKind.PARKED_CAR,
    )
    assert courses.course_of(race).obstacles == (
        Obstacle(0.25, Lane.INNER, Kind.PARKED_CAR),
        Obstacle(0.6, Lane.OUTER, Kind.PARKED_CAR),
    )


def test_drawn_obstacles_come_from_the_races_seed(planned: Any, session: Session) -> None:
    race = planned(race_type=RaceType.OBJECT_AVOIDANCE, obstacle_count=3)
    course = courses.course_of(race)
    assert len(course.obstacles) == 3
    assert courses.course_of(race) == course
    race.seed += 1
    assert courses.course_of(race) != course


def test_bots_rivals_directions_and_imperfections_reach_the_course(
    planned: Any, session: Session, season: Season, cast: Cast, clock: Clock
) -> None:
    race = planned(
        race_type=RaceType.HEAD_TO_BOTS,
        bot_count=2,
        bot_speed_mps=0.5,
        bot_lane_change=True,
        direction=Direction.REVERSED,
        imperfect=True,
    )
    course = courses.course_of(race)
    assert course.bots == Bots(2, 0.5, lane_change=True)
    assert (course.direction.value, course.imperfections) == ("reversed", CALIBRATED)
    rivals = planned(slug="third", race_type=RaceType.HEAD_TO_HEAD, cars=4)
    assert courses.course_of(rivals).cars == 4


def test_penalties_are_the_races_own(planned: Any) -> None:
    race = planned(
        race_type=RaceType.OBJECT_AVOIDANCE,
        obstacle_count=1,
        laps=2,
        off_track_penalty_ms=1_000,
        collision_penalty_ms=3_000,
    )
    rules = courses.rules_of(race)
    assert rules.laps == 2
    assert (rules.penalty_ms_for(Status.OFF_TRACK), rules.penalty_ms_for(Status.CRASHED)) == (1_000, 3_000)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"track": "gone"}, TrackError),
        ({"obstacle_count": 20}, ObstacleError),
        ({"obstacles": "0.5,inner;0.5,outer"}, CourseError),
    ],
)
def test_a_race_that_cannot_be_driven_says_why(
    planned: Any, change: dict[str, Any], error: type[ValueError]
) -> None:
    race = planned(race_type=RaceType.OBJECT_AVOIDANCE, obstacle_count=1)
    for name, value in change.items():
        setattr(race, name, value)
    with pytest.raises(error):
        courses.course_of(race)
