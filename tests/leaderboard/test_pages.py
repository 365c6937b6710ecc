"""What people see: each page for a passer-by, a racer and an organiser; nothing typed becomes mark-up."""

from __future__ import annotations

import io
import re

import pytest
from flask import Flask
from sqlalchemy import event

from arena.league import accounts, db, jobs, submissions
from arena.league.models import Race, Racer, Season
from arena.league.submissions import Rejection
from leaderboard import create_app
from leaderboard.context import arena
from tests.leaderboard import stage
from tests.leaderboard.conftest import RACE, SEASON, Visit
from tests.leaderboard.stage import Pursuit, Stage
from tests.leaderboard.visitor import Visitor, text_of

EVIL = "<script>alert(1)</script>"
PUBLIC = [
    *("/", "/seasons", f"/seasons/{SEASON}", f"/races/{RACE}", f"/races/{RACE}/live", "/tracks", "/teams"),
    *("/racers/ann", "/racers/house", "/sign-in", "/sign-up"),
]
OF_RACERS = ["/account", "/submissions", f"/races/{RACE}/enter"]
OF_ORGANISERS = [
    *("/organise/", "/organise/racers", "/organise/seasons/new"),
    *(f"/organise/seasons/{SEASON}/races/new", f"/organise/races/{RACE}"),
]


@pytest.mark.parametrize("path", PUBLIC)
def test_a_passer_by_may_watch_everything(visit: Visit, path: str) -> None:
    answer = visit("").get(path)
    assert answer.status_code == 200
    assert answer.text.count("<h1") == 1


@pytest.mark.parametrize("path", OF_RACERS + OF_ORGANISERS)
def test_a_passer_by_is_led_to_the_sign_in_page(visit: Visit, path: str) -> None:
    answer = visit("").get(path)
    assert answer.status_code == 302
    assert answer.location.startswith("/sign-in?next=")


@pytest.mark.parametrize("path", OF_RACERS)
def test_a_racer_has_an_account_and_an_editor(visit: Visit, path: str) -> None:
    assert visit("ann").get(path).status_code == 200


@pytest.mark.parametrize("path", OF_ORGANISERS)
def test_only_organisers_organise(visit: Visit, path: str) -> None:
    refused = visit("ann").get(path)
    assert refused.status_code == 403
    assert "not yours" in text_of(refused)
    assert visit("olga").get(path).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/seasons/nothing",
        "/races/nothing",
        "/races/nothing/live",
        "/racers/nobody",
        "/submissions/0",
    ],
)
def test_what_does_not_exist_says_what_to_do(visit: Visit, path: str) -> None:
    answer = visit("ann").get(path)
    assert answer.status_code == 404
    assert "start again from the list of races" in text_of(answer)


@pytest.mark.parametrize("page", ["0", "-3", "2", "x", "9" * 40])
def test_any_page_number_gives_a_page(visit: Visit, arena_stage: Stage, page: str) -> None:
    arena_stage.result("ann")
    assert visit("").get(f"/races/{RACE}?page={page}").status_code == 200


@pytest.mark.parametrize(
    "path", ["/racers/%00", "/races/a%00b", f"/races/{RACE}?page=%00", "/sign-in?next=%00"]
)
def test_an_address_with_nul_is_refused(visit: Visit, path: str) -> None:
    assert visit("").get(path).status_code == 400


def test_an_empty_arena_tells_the_organiser_what_to_do_next(
    arena_stage: Stage, live_app: Flask, visit: Visit
) -> None:
    with db.transaction(arena_stage.engine) as session:
        for table in ("event", "race", "season"):
            session.connection().exec_driver_sql(f"DELETE FROM {table}")
    assert "Open the first season" in visit("olga").read("/")
    assert "No season is set up yet." in visit("").read("/")
    assert "Open the first season" in visit("olga").read("/organise/")


def test_the_board_stands_in_the_page_without_javascript(visit: Visit, arena_stage: Stage) -> None:
    slow = arena_stage.result("ben", Pursuit(top_mps=1.5))
    fast = arena_stage.result("ann", Pursuit(top_mps=2.5))
    page = visit("ann").get(f"/races/{RACE}").text
    rows = re.findall(r'<tr data-racer="(\w+)" class="([^"]*)">', page)
    assert [handle for handle, _ in rows] == ["ann", "ben"]
    assert "is-me" in rows[0][1]
    assert "is-me" not in rows[1][1]
    with db.reading(arena_stage.engine) as session:
        times = [session.get_one(type(entry), entry.id).official_time_ms for entry in (fast, slow)]
    assert None not in times
    best, worst = times
    assert best is not None
    assert worst is not None
    assert f"{best // 1000}.{best % 1000:03d}" in page
    assert f"+{(worst - best) // 1000}.{(worst - best) % 1000:03d}" in page


def test_the_house_car_has_no_place(visit: Visit, arena_stage: Stage) -> None:
    arena_stage.result("house")
    arena_stage.result("ann", Pursuit(top_mps=1.5))
    page = visit("").read(f"/races/{RACE}")
    assert re.search(r"– House car house car", page)
    assert re.search(r"1 Ann Arbor", page)


def test_the_islands_have_their_mount_points(visit: Visit, arena_stage: Stage) -> None:
    race = visit("ann").get(f"/races/{RACE}").text
    assert f'data-island="board" data-kind="race" data-slug="{RACE}" data-me="ann"' in race
    assert f'data-island="replay" data-race="{RACE}"' in race
    season = visit("").get(f"/seasons/{SEASON}").text
    assert f'data-island="board" data-kind="season" data-slug="{SEASON}" data-me=""' in season
    assert f'data-island="feed" data-room="season:{SEASON}"' in season
    editor = visit("ann").get(f"/races/{RACE}/enter").text
    assert f'data-island="editor" data-race="{RACE}"' in editor
    entry = arena_stage.enter("ann")
    followed = visit("").get(f"/submissions/{entry.id}").text
    assert f'data-island="training" data-submission="{entry.id}" data-state="queued"' in followed


def test_the_big_screen_has_no_navigation(visit: Visit) -> None:
    by_path, by_query = (
        visit("").get(f"/races/{RACE}/live").text,
        visit("").get(f"/races/{RACE}?screen=1").text,
    )
    for page in (by_path, by_query):
        assert "<nav" not in page
        assert 'class="screen"' in page


def test_the_season_page_counts_points(visit: Visit, arena_stage: Stage) -> None:
    arena_stage.result("ann")
    page = visit("ben").read(f"/seasons/{SEASON}")
    assert re.search(r"1 Ann Arbor Apex 25 25", page)
    assert "Ann Arbor is on place 1 with" in page


def test_a_profile_shows_badges_with_what_they_were_given_for(visit: Visit, arena_stage: Stage) -> None:
    entry = arena_stage.result("ann")
    page = visit("cleo").get("/racers/ann").text
    assert "First lap" in page
    assert f"/submissions/{entry.id}" in page
    assert "Still to win." not in page
    assert "Still to win." in visit("ann").read("/racers/ann")


def test_names_titles_and_teams_are_never_mark_up(visit: Visit, arena_stage: Stage) -> None:
    arena_stage.result("ann")
    with db.transaction(arena_stage.engine) as session:
        ann = session.get_one(Racer, arena_stage.people["ann"].id)
        ann.name = f"Ann {EVIL}"
        assert ann.team is not None
        ann.team.name = f"Apex {EVIL}"
        session.get_one(Season, arena_stage.season.id).title = f"Spring {EVIL}"
        session.get_one(Race, arena_stage.race.id).title = f"Oval {EVIL}"
    olga = visit("olga")
    for path in [*PUBLIC[:-2], *OF_RACERS, *OF_ORGANISERS]:
        page = olga.get(path).text
        assert EVIL not in page, path
    assert "&lt;script&gt;" in olga.get(f"/races/{RACE}").text


def test_source_and_verdict_are_never_mark_up(visit: Visit, arena_stage: Stage) -> None:
    entry = arena_stage.enter("ann")
    lease = arena_stage.claim(entry)
    arena_stage.train(lease)
    rejection = Rejection(
        verdict=f"runtime{EVIL}"[:32],
        message=EVIL,
        line=1,
        detail=f"Traceback {EVIL}",
        output=f"print {EVIL}",
    )
    with db.transaction(arena_stage.engine) as session:
        submissions.reject(session, lease, rejection, stage.now())
        session.get_one(type(entry), entry.id).source = f"# {EVIL}"
    ann = visit("ann")
    for path in (f"/submissions/{entry.id}", "/submissions", f"/races/{RACE}/enter", "/racers/ann"):
        assert EVIL not in ann.get(path).text, path
    assert "Traceback &lt;script&gt;" in ann.get(f"/submissions/{entry.id}").text


def test_a_fault_of_ours_shows_no_detail(arena_stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    app = create_app(stage.settings(arena_stage))

    @app.get("/broken")
    def broken() -> str:
        raise RuntimeError("the secret detail")

    answer = Visitor(app).get("/broken")
    assert answer.status_code == 500
    assert "That was our fault." in text_of(answer)
    assert "secret detail" not in answer.text
    assert "the secret detail" in caplog.text
    caplog.clear()


def test_an_upload_that_is_too_large_is_told_so(arena_stage: Stage) -> None:
    ann = Visitor(create_app(stage.settings(arena_stage, max_upload_bytes=20_000)))
    ann.sign_in("ann")
    answer = ann.post(f"/races/{RACE}/enter", source="x" * 30_000)
    assert answer.status_code == 413
    assert "Choose the .py file" in text_of(answer)
    assert "x" * 30_000 in answer.text, "what was typed stays in the editor"


def test_a_model_chosen_by_mistake_does_not_cost_what_was_typed(arena_stage: Stage) -> None:
    ann = Visitor(create_app(stage.settings(arena_stage, max_upload_bytes=20_000)))
    ann.sign_in("ann")
    model = (io.BytesIO(b"\x00" * 50_000), "model.tar.gz")
    answer = ann.post(f"/races/{RACE}/enter", source="# typed for an hour", reward_function=model)
    assert answer.status_code == 413
    assert "The files have 50,000 bytes; at most 20,000 are accepted." in text_of(answer)
    assert "# typed for an hour" in answer.text


def test_what_is_larger_than_any_editor_is_not_read_at_all(arena_stage: Stage) -> None:
    ann = Visitor(create_app(stage.settings(arena_stage, max_upload_bytes=20_000)))
    ann.sign_in("ann")
    answer = ann.post(f"/races/{RACE}/enter", source="x" * 200_000)
    assert answer.status_code == 413
    assert "That file is too large" in text_of(answer)


def test_a_board_of_many_costs_no_query_per_row(live_app: Flask, arena_stage: Stage, visit: Visit) -> None:
    def queries() -> int:
        seen: list[str] = []

        def note(*arguments: object) -> None:
            seen.append(str(arguments[2]))

        with live_app.app_context():
            engine = arena().engine
        event.listen(engine, "before_cursor_execute", note)
        assert visit("").get(f"/races/{RACE}").status_code == 200
        event.remove(engine, "before_cursor_execute", note)
        return len(seen)

    arena_stage.result("ann")
    queries()
    with_one = queries()
    for handle in ("ben", "cleo", "sam"):
        arena_stage.result(handle)
    assert queries() == with_one


def test_a_calendar_is_told_in_words(visit: Visit, arena_stage: Stage) -> None:
    with db.transaction(arena_stage.engine) as session:
        race = session.get_one(Race, arena_stage.race.id)
        race.closes_at = stage.now()
    page = visit("ann").read(f"/races/{RACE}")
    assert "Over" in page
    assert "Enter this race" not in page
    assert "the last entries are still driving" in page
    assert "This race takes no more entries." in visit("ann").read(f"/races/{RACE}/enter")


def test_a_queue_place_is_shown_to_those_without_javascript(visit: Visit, arena_stage: Stage) -> None:
    arena_stage.enter("ben")
    entry = arena_stage.enter("ann")
    assert "Place 2 in the queue" in visit("").read(f"/submissions/{entry.id}")
    with db.reading(arena_stage.engine) as session:
        assert jobs.waiting(session)


def test_the_ticker_of_the_season_tells_who_has_joined(visit: Visit, arena_stage: Stage) -> None:
    with db.transaction(arena_stage.engine) as session:
        accounts.create_racer(session, handle="dora", name="Dora Dim", password=None, now=stage.now())
    assert "Dora Dim has joined." in visit("").read(f"/seasons/{SEASON}")
