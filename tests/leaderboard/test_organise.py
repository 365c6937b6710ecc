"""The organiser's forms: what they make, what they refuse, and that nothing typed is lost."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from arena.league import db, jobs
from arena.league.models import Race, Racer, Season, Submission
from arena.league.states import Car, Driver, SubmissionState, Timing
from leaderboard import create_app
from tests.leaderboard import stage
from tests.leaderboard.conftest import RACE, SEASON, Visit
from tests.leaderboard.stage import Stage
from tests.leaderboard.visitor import Visitor, text_of

DAY = timedelta(days=1)


def typed(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M")


def season_fields(**changes: str) -> dict[str, str]:
    fields = {
        "title": "Winter Cup",
        "slug": "winter-cup",
        "opens_at": typed(stage.now()),
        "closes_at": typed(stage.now() + 3 * DAY),
        "points": "10, 6, 3",
    }
    return fields | changes


def race_fields(**changes: str) -> dict[str, str]:
    fields = {
        "title": "Night Race",
        "slug": "night-race",
        "track": "paperclip",
        "timing": "average",
        "car": "v6",
        "laps": "5",
        "average_laps": "3",
        "penalty_s": "2,5",
        "opens_at": typed(stage.now()),
        "closes_at": typed(stage.now() + DAY),
        "training_steps": "250,000",
        "max_submissions": "12",
        "max_queued": "4",
        "is_live": "on",
        "sees_vector": "on",
    }
    return fields | changes


def race_of(arena_stage: Stage, slug: str) -> Race | None:
    with db.reading(arena_stage.engine) as session:
        return session.scalar(select(Race).where(Race.slug == slug))


def test_olga_opens_a_season_and_is_led_to_its_first_race(visit: Visit, arena_stage: Stage) -> None:
    answer = visit("olga").post("/organise/seasons/new", **season_fields())
    assert answer.status_code == 302
    assert answer.location == "/organise/seasons/winter-cup/races/new"
    with db.reading(arena_stage.engine) as session:
        season = session.scalars(select(Season).where(Season.slug == "winter-cup")).one()
    assert (season.title, season.points) == ("Winter Cup", [10, 6, 3])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"title": ""}, "The title is missing."),
        ({"title": "x" * 121}, "may have 120 characters, this has 121"),
        ({"slug": "Winter Cup"}, "small letters, digits and hyphens"),
        ({"slug": SEASON}, "exists already"),
        ({"opens_at": "tomorrow"}, "The opening time must be a date and a time"),
        ({"closes_at": ""}, "The closing time must be a date and a time"),
        ({"closes_at": "2020-01-01T00:00"}, "must come after the opening time"),
        ({"points": "many"}, "Points are whole numbers with commas"),
        ({"points": "3, 6"}, "none larger than the one before"),
    ],
)
def test_a_season_at_fault_is_told_beside_its_field(
    visit: Visit, arena_stage: Stage, change: dict[str, str], sentence: str
) -> None:
    answer = visit("olga").post("/organise/seasons/new", **season_fields(**change))
    assert answer.status_code == 422
    assert sentence in text_of(answer)
    assert f'aria-describedby="{next(iter(change))}' in answer.text or "-fault" in answer.text
    for name, value in season_fields(**change).items():
        if name not in change and name != "closes_at":
            assert f'value="{value}"' in answer.text, name
    with db.reading(arena_stage.engine) as session:
        assert len(session.scalars(select(Season)).all()) == 1


def test_olga_opens_a_race_with_the_house_car(visit: Visit, arena_stage: Stage) -> None:
    olga = visit("olga")
    answer = olga.post(f"/organise/seasons/{SEASON}/races/new", **race_fields(house_car="on"))
    assert answer.status_code == 302
    race = race_of(arena_stage, "night-race")
    assert race is not None
    assert (race.timing, race.laps, race.average_laps) == (Timing.AVERAGE, 5, 3)
    assert race.car is Car.V6
    assert (race.training_steps, race.max_submissions, race.off_track_penalty_ms) == (250_000, 12, 2_500)
    assert (race.max_queued, race.is_live) == (4, True)
    with db.reading(arena_stage.engine) as session:
        entry = session.scalars(select(Submission).where(Submission.race_id == race.id)).one()
        assert session.get_one(Racer, entry.racer_id).is_house
        assert entry.driver is Driver.REFERENCE
    assert "The house car is in the queue." in olga.read(answer.location)


@pytest.mark.parametrize(
    ("title", "slug"), [("Opening Sprint", "opening-sprint"), ("  Köln: 3. Rennen! ", "koln-3-rennen")]
)
def test_a_short_name_left_empty_is_made_from_the_title(
    visit: Visit, arena_stage: Stage, title: str, slug: str
) -> None:
    fields = race_fields(title=title, slug="")
    answer = visit("olga").post(f"/organise/seasons/{SEASON}/races/new", **fields)
    assert answer.status_code == 302
    assert race_of(arena_stage, slug) is not None


def test_a_title_without_a_letter_for_addresses_asks_for_a_short_name(visit: Visit) -> None:
    fields = race_fields(title="東京", slug="")
    answer = visit("olga").post(f"/organise/seasons/{SEASON}/races/new", **fields)
    assert answer.status_code == 422
    assert "The short name is missing." in text_of(answer)


def test_the_house_car_enters_a_race_once_however_often_it_is_asked(visit: Visit, arena_stage: Stage) -> None:
    olga = visit("olga")
    olga.post(f"/organise/seasons/{SEASON}/races/new", **race_fields(house_car="on"))
    for _ in range(2):
        answer = olga.post("/organise/races/night-race/house-car")
        assert "in this race already" in olga.read(answer.location)
    race = race_of(arena_stage, "night-race")
    with db.reading(arena_stage.engine) as session:
        assert race is not None
        assert len(session.scalars(select(Submission).where(Submission.race_id == race.id)).all()) == 1


def test_the_house_car_waits_for_the_opening(visit: Visit, arena_stage: Stage) -> None:
    olga = visit("olga")
    later = race_fields(
        opens_at=typed(stage.now() + DAY), closes_at=typed(stage.now() + 2 * DAY), house_car="on"
    )
    answer = olga.post(f"/organise/seasons/{SEASON}/races/new", **later)
    assert "can enter once the race is open" in olga.read(answer.location)
    with db.reading(arena_stage.engine) as session:
        assert session.scalars(select(Submission)).all() == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"title": " "}, "The title is missing."),
        ({"slug": RACE}, "exists already"),
        ({"track": "../../etc/passwd"}, "The track: choose one of"),
        ({"timing": "luck"}, "What counts: choose one of"),
        ({"car": "tank"}, "The car: choose one of"),
        ({"laps": "0"}, "must lie between 1 and 100"),
        ({"laps": "three"}, "must be a whole number from 1 to 100"),
        ({"average_laps": "9"}, "laps"),
        ({"penalty_s": "-1"}, "number of seconds from 0 to 60"),
        ({"penalty_s": "1e9"}, "number of seconds from 0 to 60"),
        ({"training_steps": "10"}, "must lie between 10,000 and 20,000,000"),
        ({"max_submissions": ""}, "must be a whole number"),
        ({"opens_at": "2000-01-01T00:00"}, "A race lies within its season"),
        ({"closes_at": "9999-12-31T23:59"}, "A race lies within its season"),
        ({"opens_at": "10000-01-01T00:00"}, "must be a date and a time"),
    ],
)
def test_a_race_at_fault_is_told_beside_its_field(
    visit: Visit, arena_stage: Stage, change: dict[str, str], sentence: str
) -> None:
    answer = visit("olga").post(f"/organise/seasons/{SEASON}/races/new", **race_fields(**change))
    assert answer.status_code == 422
    assert sentence in text_of(answer)
    if "title" not in change:
        assert 'value="Night Race"' in answer.text
    if "track" not in change:
        assert 'value="paperclip" required checked' in answer.text
    assert race_of(arena_stage, "night-race") is None


def test_times_are_read_in_the_arenas_zone(arena_stage: Stage) -> None:
    tokyo = ZoneInfo("Asia/Tokyo")
    olga = Visitor(create_app(stage.settings(arena_stage, time_zone="Asia/Tokyo")))
    olga.sign_in("olga")
    assert "All times here are in Asia/Tokyo" in olga.read("/organise/seasons/new")
    opens_at = (stage.now() + DAY).astimezone(tokyo).replace(hour=9, minute=0, second=0, microsecond=0)
    closes_at = opens_at + DAY
    olga.post("/organise/seasons/new", **season_fields(opens_at=typed(opens_at), closes_at=typed(closes_at)))
    with db.reading(arena_stage.engine) as session:
        season = session.scalars(select(Season).where(Season.slug == "winter-cup")).one()
    assert season.opens_at == opens_at.astimezone(UTC)


def test_olga_ends_a_race(visit: Visit, arena_stage: Stage) -> None:
    olga = visit("olga")
    assert olga.post(f"/organise/races/{RACE}/close").status_code == 302
    assert "takes no more entries" in olga.read(f"/organise/races/{RACE}")
    assert "Enter this race" not in olga.read(f"/races/{RACE}")


def test_olga_ends_the_season(visit: Visit, arena_stage: Stage) -> None:
    olga = visit("olga")
    assert olga.post(f"/organise/seasons/{SEASON}/close").status_code == 302
    again = olga.post(f"/organise/seasons/{SEASON}/close")
    assert again.status_code == 409
    assert "already" in text_of(again)


def test_ann_ends_nothing(visit: Visit, arena_stage: Stage) -> None:
    ann = visit("ann")
    for path in (
        f"/organise/races/{RACE}/close",
        f"/organise/seasons/{SEASON}/close",
        "/organise/seasons/new",
    ):
        assert ann.post(path, **season_fields()).status_code == 403
    race = race_of(arena_stage, RACE)
    assert race is not None
    assert race.is_open(stage.now())


def test_a_stalled_entry_is_listed_and_sent_round_again(visit: Visit, arena_stage: Stage) -> None:
    entry = arena_stage.enter("ann")
    for _ in range(jobs.MAX_FAULTS):
        lease = arena_stage.claim(entry)
        with db.transaction(arena_stage.engine) as session:
            jobs.fault(session, lease, "The disk was full.", stage.now())
    olga = visit("olga")
    assert "The disk was full." in olga.read("/organise/")
    assert visit("ann").post(f"/organise/submissions/{entry.id}/requeue").status_code == 403
    assert olga.post(f"/organise/submissions/{entry.id}/requeue").status_code == 302
    with db.reading(arena_stage.engine) as session:
        assert session.get_one(Submission, entry.id).state is SubmissionState.QUEUED


def test_the_list_of_racers_leaves_the_house_car_out(visit: Visit) -> None:
    page = visit("olga").read("/organise/racers")
    assert "Ann Arbor" in page
    assert "House car" not in page


def test_a_new_season_is_open_at_once_when_nothing_is_changed(visit: Visit) -> None:
    page = visit("olga").get("/organise/seasons/new").text
    found = re.search(r'name="opens_at"[^>]*value="([^"]+)"', page) or re.search(
        r'value="([^"]+)"[^>]*name="opens_at"', page
    )
    assert found is not None
    opens_at = datetime.fromisoformat(found[1]).replace(tzinfo=UTC)
    assert timedelta(0) <= stage.now() - opens_at < timedelta(hours=1, minutes=1)
