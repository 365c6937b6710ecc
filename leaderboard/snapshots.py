"""What a room's newcomer is shown first: the state of a race, a season or a submission at this moment."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from arena.league import seasons, standings, submissions
from arena.league.columns import as_utc_text
from arena.league.models import Event, Lap, Race, Submission
from arena.league.states import WAITING_OR_RUNNING
from leaderboard import queries
from leaderboard.rooms import STEWARDS

Json = dict[str, Any]

BOARD_ROWS = 100
MOST_ACTIVE = 40


def snapshot(session: Session, kind: str, name: str, *, is_private: bool = False) -> Json | None:
    """Return the state of a room's subject, or None when there is no such thing."""
    read: dict[str, Callable[[], Json | None]] = {
        "race": lambda: _race(session, name),
        "season": lambda: _season(session, name),
        "submission": lambda: _submission(session, name, is_private),
        "stewards": lambda: {"held": queries.held_count(session)} if name == STEWARDS else None,
    }
    return read[kind]()


def _race(session: Session, slug: str) -> Json | None:
    race = seasons.find_race(session, slug)
    if race is None:
        return None
    rows = [row.as_json() for row in standings.board(session, race, limit=BOARD_ROWS)]
    return {"board": rows, "active": _active(session, race)}


def _season(session: Session, slug: str) -> Json | None:
    season = seasons.find_season(session, slug)
    if season is None:
        return None
    rows = standings.season_board(session, season, limit=BOARD_ROWS)
    return {"board": [row.as_json() for row in rows]}


def _active(session: Session, race: Race) -> list[Json]:
    """Return who is queued, training or racing, the oldest first, with the share of the training."""
    active = (
        select(Submission)
        .where(Submission.race_id == race.id, Submission.state.in_(WAITING_OR_RUNNING))
        .options(joinedload(Submission.racer))
        .order_by(Submission.created_at, Submission.id)
        .limit(MOST_ACTIVE)
    )
    found = session.scalars(active).all()
    shares = _shares(session, [one.id for one in found])
    return [
        {
            "submission": one.id,
            "racer": one.racer.handle,
            "name": one.racer.name,
            "state": one.state,
            "share": shares.get(one.id),
        }
        for one in found
    ]


def _shares(session: Session, ids: list[str]) -> dict[str, float]:
    newest = (
        select(func.max(Event.id))
        .where(Event.submission_id.in_(ids), Event.name == "training.progressed")
        .group_by(Event.submission_id)
    )
    reports = session.execute(select(Event.submission_id, Event.payload).where(Event.id.in_(newest)))
    return {str(key): report["steps"] / report["budget"] for key, report in reports if report.get("budget")}


def _submission(session: Session, public_id: str, is_private: bool) -> Json | None:
    found = submissions.find_submission(session, public_id)
    if found is None:
        return None
    waits = submissions.queue_place(session, found, datetime.now(UTC))
    trial = found.trial
    shown = {
        "id": found.id,
        "state": found.state,
        "number": found.number,
        "race": found.race.slug,
        "racer": found.racer.handle,
        "place": waits.place if waits else None,
        "expected_wait_s": waits.expected_wait_s if waits else None,
        "verdict": found.verdict,
        "message": found.verdict_message if is_private else None,
        "line": found.verdict_line if is_private else None,
        "official_ms": found.official_time_ms,
        "trial_id": trial.id if trial else None,
        "ruling": trial.ruling if trial else None,
        "laps": [_lap(lap) for lap in trial.laps] if trial else [],
        "curve": submissions.curve(session, found),
        "finished_at": as_utc_text(found.finished_at) if found.finished_at else None,
    }
    return {"submission": shown}


def _lap(lap: Lap) -> Json:
    columns = (
        "number", "direction", "lap_time_ms", "off_track_count", "crash_count", "reset_count", "penalty_ms",
    )  # fmt: skip
    return {name: getattr(lap, name) for name in columns}
