"""Races with something on the road: in plain words, in the API, in the replay, on board and tracks page."""

from __future__ import annotations

from typing import Any

import pytest

from arena.league.plans import RacePlan
from arena.league.states import Direction, ObstacleKind, RaceType
from leaderboard import course_words
from tests.leaderboard import road_fixtures
from tests.leaderboard.conftest import SEASON, Visit
from tests.leaderboard.stage import Pursuit, Stage
from tests.leaderboard.visitor import Visitor

BOXES: dict[str, Any] = {"race_type": RaceType.OBJECT_AVOIDANCE, "obstacle_count": 3}


def as_organiser(visitor: Visitor, stage: Stage, **plan: Any) -> Any:
    usual = {"slug": "night", "title": "Night race", "track": "kidney"}
    headers = {"Authorization": f"Bearer {stage.token('olga')}"}
    return visitor.client.post(f"/api/v1/seasons/{SEASON}/races", json=usual | plan, headers=headers)


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({}, "Time trial on Kidney Bend"),
        (
            BOXES | {"obstacle_count": 6, "direction": Direction.REVERSED},
            "Object avoidance on Kidney Bend, reversed: 6 boxes, 5 s for a crash",
        ),
        (
            {
                "race_type": RaceType.OBJECT_AVOIDANCE,
                "obstacles": "0.5,inner",
                "obstacle_kind": ObstacleKind.PARKED_CAR,
                "collision_penalty_ms": 0,
            },
            "Object avoidance on Kidney Bend: 1 parked car, no penalty for a crash",
        ),
        (
            {
                "race_type": RaceType.HEAD_TO_BOTS,
                "bot_count": 3,
                "bot_speed_mps": 0.2,
                "bot_lane_change": True,
            },
            "Head to bots on Kidney Bend: 3 bots at 0.2 m/s that change lanes, 5 s for a crash",
        ),
        (
            {"race_type": RaceType.HEAD_TO_HEAD, "cars": 4, "direction": Direction.ALTERNATE},
            "Head to head on Kidney Bend, both ways in turn: 3 other cars of the house, 5 s for a crash",
        ),
        ({"imperfect": True}, "Time trial on Kidney Bend: an imperfect car"),
    ],
)
def test_what_is_driven_is_said_in_plain_words(rules: dict[str, Any], words: str) -> None:
    assert course_words.driven(RacePlan(slug="x", title="X", track="kidney", **rules)) == words


def test_a_race_is_opened_by_api_and_comes_back_as_it_was_sent(visit: Visit, arena_stage: Stage) -> None:
    rules = {
        "race_type": "object_avoidance",
        "direction": "alternate",
        "obstacles": "0.25,inner;0.6,-1",
        "obstacle_kind": "parked_car",
        "collision_penalty_ms": 3000,
        "imperfect": True,
    }
    answer = as_organiser(visit(""), arena_stage, **rules)
    assert answer.status_code == 201
    found = visit("").get("/api/v1/races/night").get_json()
    assert {name: found[name] for name in rules} == rules
    assert found["driven"].startswith("Object avoidance on Kidney Bend, both ways in turn: 2 parked cars")


@pytest.mark.parametrize(
    ("rules", "field"),
    [
        ({"race_type": "chess"}, "race_type"),
        ({"race_type": "object_avoidance"}, "obstacle_count"),
        ({"race_type": "object_avoidance", "obstacle_count": 20, "track": "oval"}, "obstacle_count"),
        ({"race_type": "object_avoidance", "obstacle_count": 21}, "obstacle_count"),
        ({"race_type": "object_avoidance", "obstacles": "0.5,inner;0.5,inner"}, "obstacles"),
        ({"race_type": "object_avoidance", "obstacles": "0.001,inner"}, "obstacles"),
        ({"race_type": "object_avoidance", "obstacles": "0.5,left"}, "obstacles"),
        ({"race_type": "object_avoidance", "obstacle_count": 2, "obstacle_kind": "elk"}, "obstacle_kind"),
        ({"race_type": "head_to_bots", "bot_count": 7}, "bot_count"),
        ({"race_type": "head_to_bots", "bot_speed_mps": 9.0}, "bot_speed_mps"),
        ({"race_type": "head_to_head", "cars": 9}, "cars"),
        ({"race_type": "head_to_head"}, "cars"),
        ({"direction": "up"}, "direction"),
        ({"collision_penalty_ms": -1}, "collision_penalty_ms"),
        ({"imperfect": "perhaps"}, "imperfect"),
    ],
)
def test_a_race_that_cannot_be_driven_names_its_field(
    visit: Visit, arena_stage: Stage, rules: dict[str, Any], field: str
) -> None:
    answer = as_organiser(visit(""), arena_stage, **rules)
    assert answer.status_code == 422, answer.text
    assert field in answer.get_json()["errors"]
    assert visit("").get("/api/v1/races/night").status_code == 404


def test_pages_tell_crashes_where_there_is_something_to_crash_into(visit: Visit, arena_stage: Stage) -> None:
    there = road_fixtures.with_race(arena_stage, **BOXES)
    entry = road_fixtures.driven(there, "ann")
    race = visit("").get("/races/other")
    assert "Object avoidance on Oval: 3 boxes, 5 s for a crash." in race.text
    assert race.text.count('class="box"') >= 3
    assert 'class="crashes"' in race.text
    (row,) = visit("").get("/api/v1/races/other/board").get_json()["rows"]
    assert row["crashes"] > 0, "a driver that sees no boxes hits them"
    page = visit("").read(f"/submissions/{entry.id}")
    assert "Crashes" in page
    assert "% of what physics allows" not in page
    assert "Where the time went" not in page
    plain = visit("").get(f"/races/{arena_stage.race.slug}").text
    assert 'class="crashes"' not in plain


def test_a_drive_tells_what_stood_on_the_road(visit: Visit, arena_stage: Stage) -> None:
    there = road_fixtures.with_race(arena_stage, **BOXES)
    road_fixtures.driven(there, "ann")
    replay = visit("").get("/api/v1/races/other/replay").get_json()
    trace = visit("").get(replay["cars"][0]["trace_url"]).get_json()
    assert len(trace["objects"]) == 3
    for box in trace["objects"]:
        assert (box["length_m"], box["width_m"]) == (0.5, 0.4)
        assert len(box["x_m"]) == len(box["y_m"]) == len(box["yaw_rad"]) == 1


def test_the_drive_on_a_free_road_has_no_objects(visit: Visit, arena_stage: Stage) -> None:
    arena_stage.result("ann")
    replay = visit("").get(f"/api/v1/races/{arena_stage.race.slug}/replay").get_json()
    assert replay["direction"] == "forward"
    assert replay["track_url"] == "/api/v1/tracks/oval"
    assert "objects" not in visit("").get(replay["cars"][0]["trace_url"]).get_json()


def test_bots_drive_through_the_trace(visit: Visit, arena_stage: Stage) -> None:
    rules = {"race_type": RaceType.HEAD_TO_BOTS, "bot_count": 2, "bot_speed_mps": 0.4}
    there = road_fixtures.with_race(arena_stage, **rules)
    road_fixtures.driven(there, "ann")
    replay = visit("").get("/api/v1/races/other/replay").get_json()
    trace = visit("").get(replay["cars"][0]["trace_url"]).get_json()
    assert len(trace["objects"]) == 2
    assert all(len(bot["x_m"]) == len(trace["columns"]["t_s"]) for bot in trace["objects"])


def test_a_reversed_race_shows_the_track_the_way_it_is_driven(visit: Visit, arena_stage: Stage) -> None:
    there = road_fixtures.with_race(arena_stage, direction=Direction.REVERSED)
    entry = road_fixtures.driven(there, "ann")
    replay = visit("").get("/api/v1/races/other/replay").get_json()
    assert replay["direction"] == "reversed"
    turned = visit("").get(replay["track_url"]).get_json()
    forward = visit("").get("/api/v1/tracks/oval").get_json()
    assert turned["center"][1] == forward["center"][-2]
    assert turned["is_ccw"] is not forward["is_ccw"]
    page = visit("").read(f"/submissions/{entry.id}")
    assert "Most is lost in sector" in page
    assert "% of what physics allows" in page


def test_laps_that_alternate_tell_their_way(visit: Visit, arena_stage: Stage) -> None:
    there = road_fixtures.with_race(arena_stage, direction=Direction.ALTERNATE)
    entry = road_fixtures.driven(there, "ann", Pursuit(top_mps=2.0))
    laps = visit("").get(f"/api/v1/submissions/{entry.id}").get_json()["laps"]
    assert [lap["direction"] for lap in laps] == ["forward", "reversed"]
    page = visit("").read(f"/submissions/{entry.id}")
    assert "reversed" in page
    assert "began at rest" in page
    assert "% of what physics allows" not in page


def test_the_tracks_page_has_a_record_for_each_way_and_car(visit: Visit, arena_stage: Stage) -> None:
    arena_stage.result("ann")
    arena_stage.result("ben", Pursuit(top_mps=2.2))
    reversed_ = road_fixtures.with_race(arena_stage, direction=Direction.REVERSED)
    road_fixtures.driven(reversed_, "cleo")
    page = visit("").read("/tracks")
    assert "Forward, classic" in page
    assert "Reversed, classic" in page
    assert "Cleo Clark" in page
    records = visit("").get("/api/v1/tracks/oval/records").get_json()
    assert [row["racer"] for row in records] == ["ann", "ben"]
    way = visit("").get("/api/v1/tracks/oval/records?direction=reversed").get_json()
    assert [(row["racer"], row["rank"]) for row in way] == [("cleo", 1)]
    assert visit("").get("/api/v1/tracks/oval/records?car=v6").get_json() == []
    assert visit("").get("/api/v1/tracks/nowhere/records").status_code == 404
    assert visit("").get("/api/v1/tracks/oval/records?direction=alternate").status_code == 422


def test_the_page_of_a_track_lists_its_fastest_laps(visit: Visit, arena_stage: Stage) -> None:
    arena_stage.result("ann")
    arena_stage.result("house", Pursuit(top_mps=2.2))
    page = visit("").read("/tracks/oval")
    assert "Forward, classic car" in page
    assert page.index("Ann Arbor") < page.index("House car")
    assert "possible:" in page
    assert "No lap has been driven here yet." in visit("").read("/tracks/kidney")
    assert visit("").get("/tracks/nowhere").status_code == 404
