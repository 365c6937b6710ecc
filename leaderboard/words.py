"""Facts in plain words and figures, as template filters: lap times, moments, rules, states, verdicts.

Lap times are integers in milliseconds and are printed as 12.345 or 1:02.345. Moments are UTC; they are
printed in the arena's zone inside a `<time data-local>` element that the browser rewrites to the reader's
own zone.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol

from flask import Flask
from markupsafe import Markup

from leaderboard.context import arena

NOTHING = "–"

STATES: dict[str, str] = {
    "queued": "Waiting in the queue",
    "claimed": "Starting",
    "training": "Training",
    "racing": "Racing",
    "recorded": "Finished",
    "rejected": "Could not run",
    "stalled": "Stopped by a fault of ours",
    "cancelled": "Cancelled",
}

VERDICTS: dict[str, str] = {
    "empty": "The file is empty",
    "too_large": "The file is too large",
    "encoding": "The file is not plain text",
    "syntax": "Python cannot read the file",
    "no_function": "There is no reward_function",
    "signature": "reward_function takes the wrong parameters",
    "import": "An import failed",
    "runtime": "The function raised an error",
    "bad_value": "The function did not return a usable number",
    "timeout": "The function took too long",
    "memory": "The function used too much memory",
    "output": "The function printed too much",
    "crashed": "The function's process ended",
    "settings": "The settings cannot be used",
    "policy": "The policy file cannot be used",
    "track": "The track cannot be used",
    "log": "The log cannot be used",
}

ENDINGS: dict[str, str] = {
    "finished": "it finished",
    "time_up": "its time was up",
    "off_track": "it left the track",
    "crashed": "it crashed",
    "immobilized": "it stood still",
    "reversed": "it drove the wrong way",
    "time_bank_empty": "its agent used up its overtime",
    "fault": "its code failed during the race",
}
"""Of `Trial.ended_by`."""

DIFFICULTIES = ("", "For beginners", "Easy", "Medium", "Hard", "For experts")


class Timed(Protocol):
    """What the timing sentence needs to know of a race."""

    laps: int
    timing: str
    average_laps: int | None


def lap_time(ms: int | None) -> str:
    """Format a time: 12.345 below a minute, 1:02.345 from there on, a dash for none."""
    if ms is None:
        return NOTHING
    minutes, rest = divmod(ms, 60_000)
    seconds = f"{rest // 1000:02d}.{rest % 1000:03d}" if minutes else f"{rest // 1000}.{rest % 1000:03d}"
    return f"{minutes}:{seconds}" if minutes else seconds


def gap(ms: int | None) -> str:
    """Format the distance to the leader: +0.123, a dash for the leader."""
    return NOTHING if not ms else f"+{lap_time(ms)}"


def count(number: int | None, noun: str = "", plural: str = "") -> str:
    """Write 1 try, 2 tries, 500,000 steps; only the figure without a noun."""
    if number is None:
        return NOTHING
    figure = f"{number:,}"
    return f"{figure} {noun if number == 1 else plural or noun + 's'}" if noun else figure


def duration(seconds: float | None) -> str:
    """Write a wait for people: 40 s, 3 min, 2 h."""
    if seconds is None:
        return NOTHING
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{round(seconds / 3600)} h"


def timing_method(race: Timed) -> str:
    """Say in one sentence which time counts."""
    laps = count(race.laps, "lap")
    if race.timing == "total":
        return f"The total time of {laps} from a standing start counts. Who does not finish has no time."
    if race.timing == "average":
        best = count(race.average_laps or race.laps, "lap")
        return f"The average of the best {best} in a run of {laps} counts."
    if race.laps == 1:
        return "The time of one lap from a standing start counts."
    return f"Your best single lap in a run of {laps} counts. All but the first have a flying start."


def timing_name(race: Timed) -> str:
    """Name the timing method in a few words for cards and facts."""
    if race.timing == "total":
        return f"Total of {count(race.laps, 'lap')}"
    if race.timing == "average":
        return f"Average of the best {race.average_laps or race.laps} of {race.laps} laps"
    return f"Best lap of {race.laps}" if race.laps > 1 else "One lap"


def moment(at: datetime | None) -> Markup | str:
    """Print a moment with its zone, in an element that the browser localises."""
    if at is None:
        return NOTHING
    return Markup('<time datetime="{}" data-local>{}</time>').format(iso(at), stamp(at))


def stamp(at: datetime) -> str:
    """Write a moment in the arena's zone, for places that must not be localised."""
    local = at.astimezone(arena().settings.zone)
    return f"{local.day} {local:%b %Y, %H:%M %Z}"


def day(at: datetime) -> Markup:
    """Print the day of a moment in the arena's zone."""
    local = at.astimezone(arena().settings.zone)
    return Markup('<time datetime="{}">{}</time>').format(iso(at), f"{local.day} {local:%b %Y}")


def iso(at: datetime) -> str:
    """Write a moment as the machine form in UTC, to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def local_input(at: datetime | None) -> str:
    """Write a moment as the value of a datetime-local field, in the arena's zone."""
    return "" if at is None else at.astimezone(arena().settings.zone).strftime("%Y-%m-%dT%H:%M")


def state_name(state: str) -> str:
    """Say a submission's state in words."""
    return STATES.get(str(state), str(state))


def verdict_name(verdict: str | None) -> str:
    """Say a verdict in words; one that this version does not know is shown as it is."""
    return VERDICTS.get(str(verdict), str(verdict or "").replace("_", " ").capitalize())


def ending(ended_by: str) -> str:
    """Say what ended a drive; what this version does not know is shown as it is."""
    return ENDINGS.get(ended_by, ended_by.replace("_", " "))


def difficulty(level: int) -> str:
    """Say a track's difficulty (1 to 5) in words."""
    return DIFFICULTIES[min(max(level, 1), 5)]


def register(app: Flask) -> None:
    """Make the words available to every template."""
    for word in (
        lap_time, gap, count, duration, difficulty,
        timing_method, timing_name, state_name, verdict_name, ending,
        moment, stamp, day, local_input,
    ):  # fmt: skip
        app.jinja_env.filters[word.__name__] = word
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
