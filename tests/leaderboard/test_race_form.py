"""The form of a race by its kind: what is read, what is refused beside its field, what the preview draws."""

from __future__ import annotations

import pytest

from arena.league.states import Direction, ObstacleKind, RaceType
from tests.leaderboard.conftest import SEASON, Visit
from tests.leaderboard.stage import Stage
from tests.leaderboard.test_organise import race_fields, race_of
from tests.leaderboard.visitor import text_of

FORM = f"/organise/seasons/{SEASON}/races/new"


def test_olga_opens_object_avoidance_with_positions(visit: Visit, arena_stage: Stage) -> None:
    fields = race_fields(
        race_type="object_avoidance",
        direction="reversed",
        obstacles="0.25, inner; .6,-1",
        obstacle_count="6",
        obstacle_kind="parked_car",
        collision_penalty_s="3,5",
        imperfect="on",
    )
    assert visit("olga").post(FORM, **fields).status_code == 302
    race = race_of(arena_stage, "night-race")
    assert race is not None
    assert (race.race_type, race.direction) == (RaceType.OBJECT_AVOIDANCE, Direction.REVERSED)
    assert (race.obstacles, race.obstacle_count) == ("0.25,inner;.6,-1", None)
    assert race.obstacle_kind is ObstacleKind.PARKED_CAR
    assert race.collision_penalty_ms == 3500
    assert race.imperfect


def test_obstacles_are_drawn_from_the_number_that_the_form_has_shown(
    visit: Visit, arena_stage: Stage
) -> None:
    fields = race_fields(
        race_type="object_avoidance",
        obstacle_count="4",
        obstacle_kind="box",
        collision_penalty_s="5",
        seed="12345",
    )
    assert visit("olga").post(FORM, **fields).status_code == 302
    race = race_of(arena_stage, "night-race")
    assert race is not None
    assert (race.obstacle_count, race.seed) == (4, 12345)


@pytest.mark.parametrize("seed", ["", "none", "-1", "99999999999", "²"])
def test_a_number_that_was_tampered_with_is_drawn_anew(visit: Visit, arena_stage: Stage, seed: str) -> None:
    assert visit("olga").post(FORM, **race_fields(seed=seed)).status_code == 302
    race = race_of(arena_stage, "night-race")
    assert race is not None
    assert 0 <= race.seed < 2**31


def test_olga_opens_head_to_bots_and_head_to_head(visit: Visit, arena_stage: Stage) -> None:
    olga = visit("olga")
    bots = {"bot_count": "2", "bot_speed_mps": "0,5", "bot_lane_change": "on", "collision_penalty_s": "5"}
    assert olga.post(FORM, **race_fields(race_type="head_to_bots", **bots)).status_code == 302
    race = race_of(arena_stage, "night-race")
    assert race is not None
    assert (race.bot_count, race.bot_speed_mps, race.bot_lane_change) == (2, 0.5, True)
    heads = race_fields(slug="heads", race_type="head_to_head", cars="3", collision_penalty_s="0")
    assert olga.post(FORM, **heads).status_code == 302
    race = race_of(arena_stage, "heads")
    assert race is not None
    assert (race.cars, race.collision_penalty_ms) == (3, 0)


def test_a_time_trial_reads_nothing_of_the_other_kinds(visit: Visit, arena_stage: Stage) -> None:
    fields = race_fields(
        race_type="time_trial", obstacles="?", bot_count="many", cars="99", obstacle_count="x"
    )
    assert visit("olga").post(FORM, **fields).status_code == 302
    race = race_of(arena_stage, "night-race")
    assert race is not None
    assert (race.obstacles, race.obstacle_count, race.bot_count, race.cars) == (None, None, None, 1)


OBJECTS = {"race_type": "object_avoidance", "obstacle_kind": "box", "collision_penalty_s": "5"}
BOTS = {
    "race_type": "head_to_bots",
    "bot_count": "3",
    "bot_speed_mps": "0.2",
    "collision_penalty_s": "5",
}


@pytest.mark.parametrize(
    ("change", "field", "sentence"),
    [
        ({"race_type": "chess"}, "race_type", "The kind of race: choose one of"),
        ({"direction": "up"}, "direction", "The direction: choose one of"),
        (OBJECTS | {"obstacles": "0.25,inner;0.255,inner"}, "obstacles", "stand on top of each other; move"),
        (OBJECTS | {"obstacles": "0.5,inner;0.5,outer"}, "obstacles", "leave no way through"),
        (OBJECTS | {"obstacles": "0.001,inner"}, "obstacles", "from the start; choose a fraction from"),
        (OBJECTS | {"obstacles": "1.5,inner"}, "obstacles", "share of the lap from 0 to below 1"),
        (OBJECTS | {"obstacles": "left"}, "obstacles", "0.25,inner"),
        (OBJECTS | {"obstacle_count": "0"}, "obstacle_count", "must lie between 1 and 20"),
        (OBJECTS | {"obstacle_count": ""}, "obstacle_count", "must be a whole number"),
        (OBJECTS | {"obstacle_count": "20", "track": "oval"}, "obstacle_count", "do not fit on oval"),
        (OBJECTS | {"obstacle_kind": "elk", "obstacle_count": "2"}, "obstacle_kind", "choose one of"),
        (
            OBJECTS | {"obstacle_count": "2", "collision_penalty_s": "-1"},
            "collision_penalty_s",
            "from 0 to 60",
        ),
        (BOTS | {"bot_count": "9"}, "bot_count", "must lie between 1 and 6"),
        (BOTS | {"bot_speed_mps": "fast"}, "bot_speed_mps", "must be a number from 0.1 to 4"),
        ({"race_type": "head_to_head", "cars": "1", "collision_penalty_s": "5"}, "cars", "between 2 and 8"),
    ],
)
def test_what_cannot_be_driven_is_told_beside_its_field(
    visit: Visit, arena_stage: Stage, change: dict[str, str], field: str, sentence: str
) -> None:
    answer = visit("olga").post(FORM, **race_fields(**change))
    assert answer.status_code == 422
    beside = answer.text.split(f'id="{field}-fault"')[1].split("</p>")[0]
    assert sentence in text_of(answer)
    assert sentence.split(";")[0].split(":")[0] in beside
    assert race_of(arena_stage, "night-race") is None


def test_without_javascript_a_button_draws_the_road_and_opens_nothing(
    visit: Visit, arena_stage: Stage
) -> None:
    fields = race_fields(**OBJECTS, obstacles="0.3,inner;0.7,outer", title="", slug="")
    answer = visit("olga").post(FORM, action="preview", **fields)
    assert answer.status_code == 200
    assert answer.text.split("road-preview")[1].count('class="box"') == 2
    assert "is missing" not in text_of(answer)
    assert race_of(arena_stage, "night-race") is None


def test_the_preview_says_what_is_driven_or_what_is_wrong(visit: Visit) -> None:
    olga = visit("olga")
    asked = "track=kidney&race_type=object_avoidance&direction=reversed&obstacle_kind=box&seed=1"
    good = olga.get(f"/organise/preview?{asked}&obstacle_count=6&collision_penalty_s=5")
    assert "Object avoidance on Kidney Bend, reversed: 6 boxes, 5 s for a crash." in text_of(good)
    assert good.text.count('class="box"') == 6
    bad = olga.get(f"/organise/preview?{asked}&obstacles=0.5,inner;0.5,inner&collision_penalty_s=5")
    assert "stand on top of each other" in text_of(bad)
    assert visit("ann").get(f"/organise/preview?{asked}").status_code == 403
    assert olga.get("/organise/preview?track=<b>").status_code == 200


def test_olga_says_what_may_be_entered_and_seen(visit: Visit, arena_stage: Stage) -> None:
    fields = race_fields(takes_agents="on", takes_policies="on", sees_lidar="on", sees_vector="on")
    olga = visit("olga")
    assert 'name="may_continue" aria-describedby="may_continue-hint" checked' in olga.get(FORM).text
    assert olga.post(FORM, **fields).status_code == 302
    race = race_of(arena_stage, "night-race")
    assert race is not None
    assert (race.takes_agents, race.takes_policies, race.may_continue) == (True, True, False)
    assert race.senses == "vector,lidar"


def test_cars_must_see_by_something(visit: Visit, arena_stage: Stage) -> None:
    fields = race_fields(takes_agents="on")
    del fields["sees_vector"]
    answer = visit("olga").post(FORM, **fields)
    assert answer.status_code == 422
    assert "Tick at least one" in text_of(answer)
    assert 'name="takes_agents" aria-describedby="takes_agents-hint" checked' in answer.text
    assert race_of(arena_stage, "night-race") is None
