"""Races with something on the road and the stewards, in a real Chromium against a real server."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from arena.league.states import Direction, RaceType
from tests.leaderboard import road_fixtures
from tests.leaderboard.browsing import (
    colours_of_canvas,
    live,
    mounted,
    serious_violations,
    sign_in,
)
from tests.leaderboard.live_fixtures import address, arena_stage, grounds
from tests.leaderboard.stage import Pursuit, Stage

__all__ = ["address", "arena_stage", "grounds"]

pytestmark = pytest.mark.browser


def pick(page: Page, name: str, value: str) -> None:
    page.check(f"input[name={name}][value={value}]")


def boxes(stage: Stage, **rules: Any) -> Stage:
    """Another race of the test's own, with boxes in the way."""
    usual = {"slug": f"{stage.race.slug}-boxes", "race_type": RaceType.OBJECT_AVOIDANCE, "obstacle_count": 3}
    return road_fixtures.with_race(stage, **(usual | rules))


def test_the_form_of_a_race_shows_the_fields_of_its_kind_and_draws_the_road(
    page: Page, arena_stage: Stage
) -> None:
    sign_in(page, "olga")
    page.goto(f"/organise/seasons/{arena_stage.season.slug}/races/new")
    mounted(page, "race_form")
    road = page.locator("[data-preview]")
    for kind, field in (
        ("object_avoidance", "#obstacle_count"),
        ("head_to_bots", "#bot_count"),
        ("head_to_head", "#cars"),
    ):
        expect(page.locator(field)).to_be_hidden()
        pick(page, "race_type", kind)
        expect(page.locator(field)).to_be_visible()
        expect(page.locator("#collision_penalty_s")).to_be_visible()
    expect(road).to_contain_text("Head to head on Oval: 3 other cars of the house")
    pick(page, "race_type", "object_avoidance")
    pick(page, "direction", "reversed")
    expect(road).to_contain_text("Object avoidance on Oval, reversed: 6 boxes")
    expect(road.locator(".box")).to_have_count(6)
    places = road.locator(".track-objects").inner_html()
    page.click("[data-draw-again] button")
    expect(road.locator(".track-objects")).not_to_have_js_property("innerHTML", places)
    page.fill("#obstacles", "0.3,inner;0.3,outer")
    expect(road.locator(".fault")).to_contain_text("leave no way through")
    page.fill("#obstacles", "0.3,inner;0.7,outer")
    expect(road.locator(".box")).to_have_count(2)
    page.fill("#title", f"Boxes of {arena_stage.season.title}")
    page.uncheck("#house_car")
    page.click("button.primary")
    page.wait_for_url("**/organise/races/*")
    expect(page.locator("h1")).to_have_text(f"Boxes of {arena_stage.season.title}")


def test_a_drive_that_is_held_reaches_the_stewards_and_their_decision_the_racer(
    page: Page, arena_stage: Stage
) -> None:
    sign_in(page, "olga")
    page.goto("/organise/stewards")
    live(page)
    entry = road_fixtures.held(arena_stage)
    drive = page.locator(".held-list > li", has_text="Ann Arbor")
    expect(drive).to_contain_text("Ann Arbor, entry 1")
    expect(page.locator(".nav-count")).to_be_visible()
    expect(drive.locator("[data-island=replay]")).to_have_attribute("data-mounted", "yes")

    racer = page.context.new_page()
    racer.goto(f"/submissions/{entry.id}")
    live(racer)
    expect(racer.locator("main")).to_contain_text("Held for the stewards")

    drive.locator("textarea").fill("Seen twice: it is right.")
    second = road_fixtures.held(arena_stage, "ben")
    expect(page.locator(".held-list > li", has_text="Ben Bolt")).to_have_count(1)
    expect(drive.locator("textarea")).to_have_value("Seen twice: it is right.")
    drive.locator("button[value=cleared]").click()
    expect(page.locator(".flash.good")).to_contain_text("The drive of Ann Arbor counts.")
    expect(racer.locator("main")).to_contain_text("this drive counts")
    expect(racer.locator("main .figures")).to_contain_text("20.000")

    other = page.locator(".held-list > li", has_text="Ben Bolt")
    other.locator("button[value=struck]").click()
    expect(page.locator(".held-list .fault")).to_contain_text("struck for a reason")
    other.locator("textarea").fill("It cut the bend.")
    other.locator("button[value=struck]").click()
    expect(page.locator(".decided")).to_contain_text("It cut the bend.")
    racer.goto(f"/submissions/{second.id}")
    expect(racer.locator("main")).to_contain_text("The stewards do not count this drive")


def test_the_board_counts_crashes_and_the_replay_shows_the_boxes(page: Page, arena_stage: Stage) -> None:
    there = boxes(arena_stage)
    page.emulate_media(reduced_motion="reduce")
    page.goto(f"/races/{there.race.slug}")
    live(page)
    road_fixtures.driven(there, "ann")
    row = page.locator("tr[data-racer=ann]")
    expect(row.locator(".crashes")).to_have_text(re.compile(r"^[1-9]\d*$"))
    expect(page.locator(".replay-car")).to_have_count(1)
    with_boxes = page.locator(".replay-canvas").screenshot()
    page.locator(".replay-car").click()  # hides the car, and what it met
    assert page.locator(".replay-canvas").screenshot() != with_boxes


def test_a_reversed_race_is_drawn_and_driven_the_other_way(page: Page, arena_stage: Stage) -> None:
    there = boxes(arena_stage, slug=f"{arena_stage.race.slug}-back", direction=Direction.REVERSED)
    entry = road_fixtures.driven(there, "ann", Pursuit(top_mps=2.0))
    page.emulate_media(reduced_motion="reduce")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"/submissions/{entry.id}")
    mounted(page, "replay")
    assert any(url.endswith("/tracks/oval?direction=reversed") for url in asked)
    assert colours_of_canvas(page) > 50
    expect(page.locator("main")).to_contain_text("reversed: 3 boxes")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_of_races_have_no_serious_barriers(page: Page, arena_stage: Stage, scheme: Any) -> None:
    there = boxes(arena_stage, slug=f"{arena_stage.race.slug}-{scheme}")
    entry = road_fixtures.driven(there, "ann")
    flown = arena_stage.result("ben")
    held = road_fixtures.held(arena_stage, "cleo")
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    sign_in(page, "olga")
    for url, island in (
        ("/organise/stewards", "replay"),
        (f"/organise/seasons/{arena_stage.season.slug}/races/new", "race_form"),
        (f"/races/{there.race.slug}", "replay"),
        (f"/submissions/{entry.id}", "replay"),
        (f"/submissions/{flown.id}", "replay"),
        (f"/submissions/{held.id}", "replay"),
        ("/tracks", None),
        ("/tracks/oval", None),
    ):
        page.goto(url)
        if island:
            mounted(page, island)
        if island == "race_form":
            pick(page, "race_type", "object_avoidance")
        assert serious_violations(page) == [], url
