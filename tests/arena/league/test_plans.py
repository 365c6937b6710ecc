"""What an organiser may say about what is on the road: what each race type needs, takes and drops."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy.orm import Session

from arena.league import seasons
from arena.league.errors import InvalidInput
from arena.league.models import Season
from arena.league.plans import RacePlan, columns_of, senses_of
from arena.league.states import Direction, ObstacleKind, RaceType, Sense
from tests.conftest import Cast, Clock

PLAN = RacePlan(slug="second", title="Second", track="oval")
# Values for every field, as a form without JavaScript sends them.
EVERYTHING = replace(
    PLAN,
    obstacles="0.25,inner",
    obstacle_kind=ObstacleKind.PARKED_CAR,
    bot_count=2,
    bot_speed_mps=0.5,
    bot_lane_change=True,
    cars=4,
    collision_penalty_ms=3_000,
)
ROAD = {
    "obstacles",
    "obstacle_count",
    "obstacle_kind",
    "bot_count",
    "bot_speed_mps",
    "bot_lane_change",
    "cars",
    "collision_penalty_ms",
}


@pytest.mark.parametrize(
    ("race_type", "kept"),
    [
        (RaceType.TIME_TRIAL, {}),
        (
            RaceType.OBJECT_AVOIDANCE,
            {"obstacles": "0.25,inner", "obstacle_kind": "parked_car", "collision_penalty_ms": 3_000},
        ),
        (
            RaceType.HEAD_TO_BOTS,
            {"bot_count": 2, "bot_speed_mps": 0.5, "bot_lane_change": True, "collision_penalty_ms": 3_000},
        ),
        (RaceType.HEAD_TO_HEAD, {"cars": 4, "collision_penalty_ms": 3_000}),
    ],
)
def test_what_means_nothing_for_the_type_is_dropped(race_type: RaceType, kept: dict[str, Any]) -> None:
    columns = columns_of(replace(EVERYTHING, race_type=race_type))
    assert {name: value for name, value in columns.items() if name in ROAD} == kept


def test_a_dropped_value_is_not_even_looked_at() -> None:
    wrong = replace(PLAN, obstacles="nonsense", bot_count=99, cars=0, collision_penalty_ms=-1)
    assert ROAD.isdisjoint(columns_of(wrong))


def test_bots_are_deepracers_where_nothing_is_said() -> None:
    columns = columns_of(replace(PLAN, race_type=RaceType.HEAD_TO_BOTS))
    assert (columns["bot_count"], columns["bot_speed_mps"], columns["bot_lane_change"]) == (3, 0.2, False)


def test_positions_lose_stray_blanks_and_their_count_is_their_own() -> None:
    plan = replace(
        PLAN, race_type=RaceType.OBJECT_AVOIDANCE, obstacles=" 0.25 , Inner;\n.6,-1 ;0.75,1; 0.9,OUTER;"
    )
    columns = columns_of(plan)
    assert columns["obstacles"] == "0.25,inner;.6,-1;0.75,1;0.9,outer"
    assert "obstacle_count" not in columns


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("race_type", {"race_type": "derby"}),
        ("direction", {"direction": "sideways"}),
        ("imperfect", {"imperfect": "maybe"}),
        ("takes_agents", {"takes_agents": 1}),
        ("takes_policies", {"takes_policies": "yes"}),
        ("may_continue", {"may_continue": None}),
        ("senses", {"senses": ""}),
        ("senses", {"senses": " , "}),
        ("senses", {"senses": "vector,radar"}),
        ("obstacle_count", {"race_type": RaceType.OBJECT_AVOIDANCE}),
        ("obstacle_count", {"race_type": RaceType.OBJECT_AVOIDANCE, "obstacles": " ; "}),
        ("obstacle_count", {"race_type": RaceType.OBJECT_AVOIDANCE, "obstacle_count": 21}),
        ("obstacle_count", {"race_type": RaceType.OBJECT_AVOIDANCE, "obstacle_count": 0}),
        (
            "obstacle_count",
            {"race_type": RaceType.OBJECT_AVOIDANCE, "obstacle_count": 3, "obstacles": "0.5,1"},
        ),
        ("obstacle_kind", {"race_type": "object_avoidance", "obstacle_count": 3, "obstacle_kind": "cow"}),
        ("bot_count", {"race_type": RaceType.HEAD_TO_BOTS, "bot_count": 7}),
        ("bot_speed_mps", {"race_type": RaceType.HEAD_TO_BOTS, "bot_speed_mps": 4.1}),
        ("bot_speed_mps", {"race_type": RaceType.HEAD_TO_BOTS, "bot_speed_mps": float("nan")}),
        ("bot_speed_mps", {"race_type": RaceType.HEAD_TO_BOTS, "bot_speed_mps": True}),
        ("bot_lane_change", {"race_type": RaceType.HEAD_TO_BOTS, "bot_lane_change": None}),
        ("cars", {"race_type": RaceType.HEAD_TO_HEAD}),
        ("cars", {"race_type": RaceType.HEAD_TO_HEAD, "cars": 9}),
        (
            "collision_penalty_ms",
            {"race_type": RaceType.HEAD_TO_HEAD, "cars": 2, "collision_penalty_ms": 60_001},
        ),
    ],
)
def test_a_value_that_does_not_fit_is_refused_at_its_field(field: str, change: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as refusal:
        columns_of(replace(PLAN, **change))
    assert refusal.value.field == field


@pytest.mark.parametrize(
    "positions",
    [
        "0.5",
        "0.5,middle",
        "inner,0.5",
        "-0.5,inner",
        "1e-1,inner",
        "nan,inner",
        "0.5,inner,outer",
        "0.5,inner 0.6,outer",
        "0.5,2",
        "\u0660.\u0665,1",
        ";".join(["0.5,1"] * 21),
        "<script>",
    ],
)
def test_positions_of_another_shape_are_refused(positions: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        columns_of(replace(PLAN, race_type=RaceType.OBJECT_AVOIDANCE, obstacles=positions))
    assert refusal.value.field == "obstacles"


def test_senses_are_kept_in_their_own_order() -> None:
    assert columns_of(replace(PLAN, senses=" lidar,vector, lidar,"))["senses"] == "vector,lidar"
    assert senses_of("lidar,camera") == (Sense.CAMERA, Sense.LIDAR)


def test_a_race_remembers_what_may_be_entered(
    session: Session, season: Season, cast: Cast, clock: Clock
) -> None:
    plan = replace(PLAN, takes_agents=True, takes_policies=True, may_continue=False, senses="camera")
    race = seasons.open_race(session, session.merge(season), plan, by=cast.olga, now=clock.now)
    session.expire(race)
    assert (race.takes_agents, race.takes_policies, race.may_continue) == (True, True, False)
    assert race.senses == "camera"


def test_a_race_remembers_its_road(session: Session, season: Season, cast: Cast, clock: Clock) -> None:
    plan = replace(
        PLAN,
        race_type=RaceType.OBJECT_AVOIDANCE,
        direction=Direction.ALTERNATE,
        obstacle_count=4,
        imperfect=True,
    )
    race = seasons.open_race(session, session.merge(season), plan, by=cast.olga, now=clock.now)
    session.expire(race)
    assert (race.race_type, race.direction) == (RaceType.OBJECT_AVOIDANCE, Direction.ALTERNATE)
    assert (race.obstacle_count, race.obstacles, race.obstacle_kind) == (4, None, ObstacleKind.BOX)
    assert (race.cars, race.bot_count, race.imperfect) == (1, None, True)
