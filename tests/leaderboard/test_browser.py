"""The islands in a real Chromium against a real server: board, replay, training, editor, accessibility."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from arena.league import accounts, db
from tests.leaderboard.browsing import (
    colours_of_canvas,
    live,
    mounted,
    serious_violations,
    sign_in,
    write,
)
from tests.leaderboard.live_fixtures import address, arena_stage, checker, grounds
from tests.leaderboard.stage import Pursuit, Stage, now

__all__ = ["address", "arena_stage", "checker", "grounds"]

pytestmark = pytest.mark.browser

GOOD = "def reward_function(params):\n    return float(params['speed'])\n"


def test_the_board_changes_in_place_when_a_lap_arrives(page: Page, arena_stage: Stage) -> None:
    arena_stage.result("ben", Pursuit(top_mps=2.2))
    page.goto(f"/races/{arena_stage.race.slug}")
    live(page)
    rows = page.locator("table.board tbody tr")
    expect(rows).to_have_count(1)
    page.evaluate("() => { window.stayed = document.querySelector('tr[data-racer=ben]'); }")
    arena_stage.result("ann", Pursuit(top_mps=2.5))
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_have_attribute("data-racer", "ann")
    expect(rows.nth(0)).to_have_class(re.compile("is-new"))
    expect(rows.nth(0).locator(".time")).to_have_text(re.compile(r"^\d+\.\d{3}$"))
    expect(rows.nth(1).locator(".rank")).to_have_text("2")
    expect(rows.nth(1).locator(".gap")).to_have_text(re.compile(r"^\+"))
    expect(page.locator(".newest-lap")).to_contain_text("Ann Arbor")
    same = "() => window.stayed === document.querySelector('tr[data-racer=ben]')"
    assert page.evaluate(same), "the row must be kept, not made anew"
    expect(page.locator("[data-island=board] [role=status]")).to_contain_text("Ann Arbor")


def test_the_board_says_that_it_reconnects_and_catches_up(page: Page, arena_stage: Stage) -> None:
    page.goto(f"/races/{arena_stage.race.slug}")
    live(page)
    page.context.set_offline(True)
    expect(page.locator(".connection").first).to_have_text("reconnecting", timeout=60_000)
    arena_stage.result("ann")
    page.context.set_offline(False)
    expect(page.locator("tr[data-racer=ann]")).to_have_count(1, timeout=20_000)
    live(page)


def test_who_trains_now_is_shown_with_the_progress(page: Page, arena_stage: Stage) -> None:
    page.goto(f"/races/{arena_stage.race.slug}")
    live(page)
    lease = arena_stage.claim(arena_stage.enter("cleo"))
    arena_stage.train(lease)
    arena_stage.report(lease, steps=4000)
    garage = page.locator(".garage-cars li")
    expect(garage).to_contain_text("Cleo Clark")
    expect(garage).to_contain_text("40 %")
    arena_stage.race_and_record(lease, Pursuit())
    expect(garage).to_have_count(0)


def test_the_replay_draws_the_cars_and_obeys_the_keyboard(page: Page, arena_stage: Stage) -> None:
    arena_stage.result("ann", Pursuit(top_mps=2.5))
    arena_stage.result("ben", Pursuit(top_mps=2.2))
    page.emulate_media(reduced_motion="reduce")  # it does not start by itself then
    page.goto(f"/races/{arena_stage.race.slug}")
    mounted(page, "replay")
    expect(page.locator(".replay-car")).to_have_count(2)
    assert colours_of_canvas(page) > 50
    canvas = page.locator(".replay-canvas")
    slider = page.locator(".replay-slider")
    canvas.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert float(slider.input_value()) == pytest.approx(2.0, abs=0.06)
    still = canvas.screenshot()
    page.keyboard.press("Space")
    expect(page.locator(".replay-play")).to_have_text("Pause")
    page.wait_for_timeout(600)
    page.keyboard.press("Space")
    expect(page.locator(".replay-play")).to_have_text("Play")
    assert float(slider.input_value()) > 2.1
    assert canvas.screenshot() != still
    page.keyboard.press("End")
    expect(page.locator(".replay-car .now").first).to_have_text("finished")
    page.locator(".replay-car").first.click()
    expect(page.locator(".replay-car").first).to_have_attribute("aria-pressed", "false")


def test_a_new_official_trial_joins_the_replay(page: Page, arena_stage: Stage) -> None:
    arena_stage.result("ann", Pursuit(top_mps=2.2))
    page.goto(f"/races/{arena_stage.race.slug}")
    mounted(page, "replay")
    live(page)
    expect(page.locator(".replay-car")).to_have_count(1)
    arena_stage.result("ben", Pursuit(top_mps=2.5))
    expect(page.locator(".replay-car")).to_have_count(2)


def test_the_page_of_an_entry_follows_it_to_its_result(page: Page, arena_stage: Stage) -> None:
    submission = arena_stage.enter("ann")
    page.goto(f"/submissions/{submission.id}")
    live(page)
    status = page.locator(".training-status")
    expect(status).to_contain_text("Place 1")
    lease = arena_stage.claim(submission)
    arena_stage.train(lease)
    for step in (1000, 3000, 5000):
        arena_stage.report(lease, steps=step, mean_return=step / 10)
        page.wait_for_timeout(1100)
    expect(status).to_contain_text("5,000 of 10,000")
    expect(page.locator(".curve canvas")).to_have_count(3)
    expect(page.locator("[data-step=training]")).to_have_attribute("aria-current", "step")
    arena_stage.race_and_record(lease, Pursuit())
    expect(page.locator("#result-heading")).to_have_text("Result")
    expect(page.locator(".figures")).to_contain_text(re.compile(r"\d+\.\d{3}"))
    expect(page.locator(".page-head .chip")).to_have_text("Finished")
    expect(page.locator(".curve canvas")).to_have_count(3)


def test_the_owner_sees_at_once_why_an_entry_was_turned_down(page: Page, arena_stage: Stage) -> None:
    submission = arena_stage.enter("ann")
    sign_in(page, "ann")
    page.goto(f"/submissions/{submission.id}")
    live(page)
    arena_stage.reject(
        arena_stage.claim(submission), "runtime", "KeyError: 'sped'. Did you mean speed?", line=2
    )
    expect(page.locator("main .callout.bad")).to_have_count(1)
    expect(page.locator("main .callout.bad")).to_contain_text("Line 2: KeyError")
    expect(page.locator('[data-line="2"].is-marked').first).to_be_visible()
    expect(page.locator("main")).to_contain_text("Mend and enter again")
    expect(page.locator(".page-head .chip")).to_be_visible()


def test_the_editor_checks_marks_the_line_and_submits(page: Page, arena_stage: Stage, checker: None) -> None:
    sign_in(page, "ann")
    page.goto(f"/races/{arena_stage.race.slug}/enter")
    mounted(page, "editor")
    write(page, "def reward_function(params):\n    return 1 +\n")
    page.click("button[value=check]")
    expect(page.locator(".check-answer")).to_contain_text("line 2")
    expect(page.locator(".cm-lintRange-error, .cm-lintPoint-error")).to_have_count(1)
    write(page, GOOD)
    page.click("button[value=check]")
    expect(page.locator(".check-rewards tbody tr").nth(8)).to_be_visible()
    expect(page.locator(".cm-lintRange-error")).to_have_count(0)
    page.click("button[value=submit]")
    page.wait_for_url("**/submissions/*")
    expect(page.locator("h1")).to_have_text("Entry 1")


def test_typing_over_a_selection_keeps_the_browser_from_styling(page: Page, arena_stage: Stage) -> None:
    sign_in(page, "ann")
    page.goto(f"/races/{arena_stage.race.slug}/enter")
    mounted(page, "editor")
    content = page.locator(".cm-content")
    content.click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("x = [")
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.insert_text("y = 1\nz = 2\n")
    expect(page.locator(".cm-line")).to_have_text(["y = 1", "z = 2", ""])
    assert page.locator(".cm-content [style]").count() == 0  # and the page saw no refused style


def test_a_file_that_is_too_large_is_told_before_it_is_sent(page: Page, arena_stage: Stage) -> None:
    sign_in(page, "ann")
    page.goto(f"/races/{arena_stage.race.slug}/enter")
    mounted(page, "editor")
    write(page, "# typed for an hour\n")
    page.locator("details", has_text="Upload files instead").locator("summary").click()
    page.set_input_files(
        "#file-source",
        files={"name": "model.tar.gz", "mimeType": "application/gzip", "buffer": b"0" * 1_200_000},
    )
    page.click("button[value=submit]")
    expect(page.locator(".check-answer .bad")).to_contain_text("model.tar.gz has 1,200,000 bytes")
    expect(page.locator(".cm-content")).to_contain_text("# typed for an hour")
    assert page.url.endswith("/enter")
    page.on("dialog", lambda dialog: dialog.accept())


def test_the_short_name_follows_the_title_until_it_has_one_of_its_own(page: Page, arena_stage: Stage) -> None:
    sign_in(page, "olga")
    page.goto("/organise/seasons/new")
    mounted(page, "slug")
    page.locator("#title").press_sequentially("Winter Cup")
    expect(page.locator("#slug")).to_have_value("winter-cup")
    page.fill("#slug", "our-cup")
    page.locator("#title").press_sequentially(" 2027")
    expect(page.locator("#slug")).to_have_value("our-cup")


def test_the_ticker_hears_who_joins(page: Page, arena_stage: Stage) -> None:
    page.goto(f"/seasons/{arena_stage.season.slug}")
    live(page)
    handle = f"new-{arena_stage.race.slug}"
    with db.transaction(arena_stage.engine) as session:
        accounts.create_racer(session, handle=handle, name="Nina New", password=None, now=now())
    expect(page.locator(".ticker li").first).to_contain_text("Nina New has joined.")


def test_the_editor_asks_before_a_kit_replaces_what_was_written(page: Page, arena_stage: Stage) -> None:
    sign_in(page, "ann")
    page.goto(f"/races/{arena_stage.race.slug}/enter")
    mounted(page, "editor")
    write(page, "# mine\n")
    asked: list[str] = []

    def refuse(dialog: Any) -> None:
        asked.append(dialog.message)
        dialog.dismiss()

    page.once("dialog", refuse)
    page.select_option("#kit", "centre_line")
    expect(page.locator(".cm-content")).to_contain_text("# mine")
    page.once("dialog", lambda dialog: dialog.accept())
    page.select_option("#kit", "make_progress")
    expect(page.locator(".cm-content")).to_contain_text("def reward_function")
    assert len(asked) == 1
    page.on("dialog", lambda dialog: dialog.accept())


def test_the_action_space_form_and_the_file_are_one(page: Page, arena_stage: Stage) -> None:
    sign_in(page, "ann")
    page.goto(f"/races/{arena_stage.race.slug}/enter?kit=racing_line")
    mounted(page, "editor")
    page.check("input[value=discrete]")
    page.locator(".actions-table input").first.fill("-20")
    metadata = page.locator("textarea[name=model_metadata]")
    expect(metadata).to_have_value(re.compile(r'"steering_angle": -20'))
    page.click(".actions-json summary")
    ranges = {"steering_angle": {"low": -9, "high": 9}, "speed": {"low": 1, "high": 2}}
    metadata.fill(json.dumps({"action_space": ranges}))
    expect(page.locator(".actions-range input").first).to_have_value("-9")


def test_the_keyboard_gets_out_of_the_editor(page: Page, arena_stage: Stage) -> None:
    sign_in(page, "ann")
    page.goto(f"/races/{arena_stage.race.slug}/enter")
    mounted(page, "editor")
    page.locator(".cm-content").focus()
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    assert page.evaluate("() => !document.activeElement.closest('.cm-editor')")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_have_no_serious_barriers(page: Page, arena_stage: Stage, scheme: Any) -> None:
    arena_stage.result("ann")
    trained = arena_stage.enter("ben")
    lease = arena_stage.claim(trained)
    arena_stage.train(lease)
    arena_stage.report(lease, steps=4000)
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    sign_in(page, "ann")
    for url, island in (
        (f"/seasons/{arena_stage.season.slug}", "board"),
        (f"/races/{arena_stage.race.slug}", "replay"),
        (f"/races/{arena_stage.race.slug}/live", "replay"),
        (f"/races/{arena_stage.race.slug}/enter", "editor"),
        (f"/submissions/{trained.id}", "training"),
        ("/api/docs", None),
    ):
        page.goto(url)
        if island:
            mounted(page, island)
        if island == "editor":
            write(page, "x = 1\n" * 80)  # more than fits: what scrolls must be reached by the keyboard
        assert serious_violations(page) == [], url
