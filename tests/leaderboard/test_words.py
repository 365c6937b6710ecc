"""Times, gaps and rules in words; form values; tracks as drawings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.garage.verdicts import Verdict
from arena.league.states import SubmissionState
from leaderboard import words
from leaderboard.drawing import track_svg
from leaderboard.forms import Form
from simulator import tracks


@dataclass
class Rules:
    laps: int = 3
    timing: str = "best_lap"
    average_laps: int | None = None


@pytest.mark.parametrize(
    ("ms", "text"), [(0, "0.000"), (7, "0.007"), (12345, "12.345"), (59999, "59.999"), (60000, "1:00.000"),
                     (62345, "1:02.345"), (3_600_000, "60:00.000"), (None, "–")],
)  # fmt: skip
def test_lap_times(ms: int | None, text: str) -> None:
    assert words.lap_time(ms) == text


@given(st.integers(min_value=0, max_value=10_000_000))
def test_a_lap_time_loses_no_millisecond(ms: int) -> None:
    minutes, _, seconds = words.lap_time(ms).rpartition(":")
    assert round((int(minutes or 0) * 60 + float(seconds)) * 1000) == ms


def test_gaps_and_counts() -> None:
    assert (words.gap(0), words.gap(None), words.gap(412), words.gap(61000)) == (
        "–",
        "–",
        "+0.412",
        "+1:01.000",
    )
    assert words.count(1, "try", "tries") == "1 try"
    assert words.count(500_000, "step") == "500,000 steps"
    assert [words.duration(seconds) for seconds in (0.2, 40, 180, 7200, None)] == [
        "1 s",
        "40 s",
        "3 min",
        "2 h",
        "–",
    ]


def test_what_ended_a_drive_is_said_in_words_and_an_unknown_end_as_it_is() -> None:
    assert words.ending("time_bank_empty") == "its agent used up its overtime"
    assert words.ending("reversed") == "it drove the wrong way"
    assert words.ending("struck_by_lightning") == "struck by lightning"


def test_the_timing_method_is_said_in_a_sentence() -> None:
    assert "best single lap in a run of 3 laps" in words.timing_method(Rules())
    assert "one lap from a standing start" in words.timing_method(Rules(laps=1))
    assert "average of the best 2 laps in a run of 5 laps" in words.timing_method(Rules(5, "average", 2))
    assert "total time of 10 laps" in words.timing_method(Rules(10, "total"))


def test_every_state_and_verdict_has_words() -> None:
    assert set(words.STATES) == {state.value for state in SubmissionState}
    assert set(words.VERDICTS) >= {verdict.value for verdict in Verdict} - {Verdict.OK.value}
    assert words.verdict_name("a_new_one") == "A new one"


@pytest.mark.parametrize("name", tracks.names())
def test_every_track_has_a_drawing(name: str) -> None:
    drawing = track_svg(name)
    assert drawing.startswith('<svg class="track"')
    assert "nan" not in drawing
    assert "style=" not in drawing


def test_an_unknown_track_has_none_and_breaks_nothing() -> None:
    assert track_svg("<script>") == ""


def test_a_form_keeps_the_first_fault_of_each_field_and_all_values() -> None:
    form = Form({"laps": "x", "title": " a\x00b "})
    assert form.integer("laps", label="Laps", low=1, high=9) == 1
    form.fault("laps", "another")
    form.text("title", longest=10, label="The title")
    assert form.faults == {
        "laps": "Laps must be a whole number from 1 to 9.",
        "title": "The title must be one line of text.",
    }
    assert form.typed("laps") == "x"


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2", 2000),
        ("2.5", 2500),
        ("2,5", 2500),
        ("0", 0),
        ("", None),
        ("-1", None),
        ("61", None),
        ("nan", None),
    ],
)
def test_seconds_become_milliseconds(text: str, ms: int | None) -> None:
    form = Form({"penalty": text})
    assert form.seconds_as_ms("penalty", label="The penalty", high_s=60) == (ms or 0)
    assert form.ok == (ms is not None)


def test_a_time_of_day_is_read_in_the_zone_of_the_form() -> None:
    form = Form({"at": "2027-01-31T09:00"}, ZoneInfo("Europe/Berlin"))
    assert form.moment("at", label="It") == datetime(2027, 1, 31, 8, 0, tzinfo=UTC)


@given(st.text(max_size=40))
def test_no_text_breaks_a_form(text: str) -> None:
    form = Form({"field": text})
    form.text("field", longest=10, label="A")
    form.slug("field", label="B")
    form.integer("field", label="C", low=0, high=9)
    form.seconds_as_ms("field", label="D", high_s=60)
    form.decimal("field", label="D", low=0.1, high=4)
    form.moment("field", label="E")
    form.choice("field", ["a"], label="F")
    assert form.typed("field") == text.replace("\0", "")
