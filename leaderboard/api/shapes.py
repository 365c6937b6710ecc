"""Rows of the league as the plain values that the schemas write out."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import url_for
from sqlalchemy.orm import Session

from arena.league import admission, submissions
from arena.league.models import Lap, Race, Season, Submission
from arena.league.plans import senses_of
from arena.league.states import Direction
from leaderboard import courses
from leaderboard.course_words import driven
from simulator import tracks
from simulator.track import Track

Json = dict[str, Any]


def race(found: Race, now: datetime) -> Json:
    """Return a race with its rules."""
    columns = (
        "slug", "title", "track", "laps", "timing", "average_laps", "car", "opens_at", "closes_at",
        "training_steps", "max_submissions", "max_queued", "is_live", "off_track_penalty_ms",
        "race_type", "direction", "obstacles", "obstacle_count", "obstacle_kind",
        "bot_count", "bot_speed_mps", "bot_lane_change", "cars",
        "collision_penalty_ms", "imperfect", "takes_agents", "takes_policies", "may_continue",
    )  # fmt: skip
    return {name: getattr(found, name) for name in columns} | {
        "season": found.season.slug,
        "is_open": found.is_open(now),
        "driven": driven(found),
        "senses": senses_of(found.senses),
    }


def season(found: Season, now: datetime) -> Json:
    """Return a season with its races."""
    columns = ("slug", "title", "opens_at", "closes_at", "points")
    return {name: getattr(found, name) for name in columns} | {
        "races": [race(one, now) for one in found.races]
    }


def lap(found: Lap) -> Json:
    """Return a lap."""
    columns = (
        "number", "direction", "lap_time_ms", "off_track_count", "crash_count", "reset_count", "penalty_ms",
    )  # fmt: skip
    return {name: getattr(found, name) for name in columns}


def submission(session: Session, found: Submission, now: datetime, *, is_private: bool) -> Json:
    """Return a submission; what was wrong with its code only where the reader may see it."""
    waits = submissions.queue_place(session, found, now)
    trial = found.trial
    faults = {
        "message": found.verdict_message,
        "line": found.verdict_line,
        "detail": found.verdict_detail,
        "output": found.output,
    }
    return {
        "id": found.id,
        "url": url_for("entries.submission", public_id=found.id),
        "race": found.race.slug,
        "racer": found.racer.handle,
        "number": found.number,
        "driver": found.driver,
        "parent": found.parent_id,
        "total_steps": admission.total_steps(found),
        "state": found.state,
        "place": waits.place if waits else None,
        "expected_wait_s": waits.expected_wait_s if waits else None,
        "verdict": found.verdict,
        **(faults if is_private else dict.fromkeys(faults)),
        "official_ms": found.official_time_ms,
        "best_lap_ms": found.best_lap_ms,
        "trial_id": trial.id if trial else None,
        "trace_url": trace_url(trial.id) if trial else None,
        "crash_count": trial.crash_count if trial else None,
        "ruling": trial.ruling if trial else None,
        "ruling_reason": trial.ruling_reason if trial and is_private else None,
        "created_at": found.created_at,
        "finished_at": found.finished_at,
        "laps": [lap(one) for one in trial.laps] if trial else [],
        "curve": submissions.curve(session, found),
    }


def trace_url(trial_id: int) -> str:
    """Return the address of a drive."""
    return url_for("api_public.trace", trial_id=trial_id)


def track_url(found: Race) -> str:
    """Return the address of a race's track, turned the way it is driven."""
    way = None if found.direction is Direction.FORWARD else found.direction.value
    return url_for("api_public.track", name=found.track, direction=way)


def geometry(name: str, direction: Direction) -> Json:
    """Return a circuit with its lines, rounded to millimetres, its first lap going that way.

    Raises TrackError for an unknown name.
    """
    info, track = tracks.describe(name), courses.turned(tracks.load(name), direction)
    return {
        **{field: getattr(info, field) for field in info.__slots__},
        "is_ccw": track.is_ccw,
        "center": _line(track, "waypoints"),
        "inner": _line(track, "inner"),
        "outer": _line(track, "outer"),
    }


def _line(track: Track, name: str) -> list[list[float]]:
    rounded: list[list[float]] = getattr(track, name).round(3).tolist()
    return rounded
