"""What organisers do: open and close seasons and races. All of their input is checked here.

A race takes submissions while `opens_at <= now < closes_at`; nothing has to run for that. The worker's tick
calls `keep_calendar`, which announces openings and, once the last accepted submission has its result and the
stewards have decided on every trial that is held, closes the race: its results are final from then on, and
only then the podium is awarded. A season closes after its races.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from arena.league import badges, db, events
from arena.league.accounts import checked_name
from arena.league.columns import as_utc_text
from arena.league.errors import NameTaken, NotAllowed, NotFound, WrongState
from arena.league.events import Subject
from arena.league.models import Race, Racer, Season, Submission, Trial
from arena.league.plans import (
    TITLE_LENGTH,
    RacePlan,
    check_order,
    check_points,
    check_within,
    checked_slug,
    columns_of,
)
from arena.league.scoring import DEFAULT_POINTS
from arena.league.states import WAITING_OR_RUNNING, Ruling


def open_season(
    session: Session,
    *,
    slug: str,
    title: str,
    opens_at: datetime,
    closes_at: datetime,
    by: Racer,
    now: datetime,
    points: tuple[int, ...] = DEFAULT_POINTS,
) -> Season:
    """Create a season. Raises NotAllowed, InvalidInput (with the field's name) and NameTaken."""
    _must_organise(by)
    slug, title = checked_slug(slug), checked_name("title", title, TITLE_LENGTH)
    check_order(opens_at, closes_at)
    check_points(points)
    db.take_turn(session)
    if find_season(session, slug):
        raise NameTaken("slug", f"A season “{slug}” exists already. Choose another short name.")
    season = Season(
        slug=slug, title=title, opens_at=opens_at, closes_at=closes_at, points=list(points), created_at=now
    )
    session.add(season)
    session.flush()
    payload = {"title": title, "opens_at": as_utc_text(opens_at), "closes_at": as_utc_text(closes_at)}
    events.append(session, "season.opened", Subject(season.id, racer_id=by.id), at=now, payload=payload)
    return season


def open_race(session: Session, season: Season, plan: RacePlan, *, by: Racer, now: datetime) -> Race:
    """Add a race to a season; `race.opened` is written when its opening time comes (at once if it has).

    Raises NotAllowed, InvalidInput (with the field's name), NameTaken, and WrongState when the season is
    closed.
    """
    _must_organise(by)
    if season.closed_at is not None:
        raise WrongState(f"The season “{season.title}” is closed. Open a new season for new races.")
    opens_at = plan.opens_at or max(season.opens_at, now)
    closes_at = plan.closes_at or season.closes_at
    check_order(opens_at, closes_at)
    check_within(season, opens_at, closes_at)
    race = Race(
        season_id=season.id, opens_at=opens_at, closes_at=closes_at, created_at=now, **columns_of(plan)
    )
    db.take_turn(session)
    if find_race(session, race.slug):
        raise NameTaken("slug", f"A race “{race.slug}” exists already. Choose another short name.")
    session.add(race)
    session.flush()
    session.expire(session.get_one(Season, season.id), ["races"])
    events.append(
        session,
        "race.planned",
        Subject(season.id, race.id, by.id),
        at=now,
        payload={"title": race.title, "track": race.track, "opens_at": as_utc_text(opens_at)},
    )
    open_due(session, now)
    return race


def close_season(session: Session, season: Season, *, by: Racer, now: datetime) -> None:
    """End a season early: no more submissions from now on; accepted ones still get their result."""
    _must_organise(by)
    if season.closed_at is not None or season.closes_at <= now:
        raise WrongState(f"The season “{season.title}” closed at {as_utc_text(season.closes_at)} already.")
    season = session.get_one(Season, season.id)
    season.closes_at = now
    for race in season.races:
        _end_race(race, now)
    payload = {"title": season.title}
    events.append(session, "season.ended", Subject(season.id, racer_id=by.id), at=now, payload=payload)
    close_due(session, now)


def close_race(session: Session, race: Race, *, by: Racer, now: datetime) -> None:
    """End a race early: no more submissions from now on; accepted ones still get their result."""
    _must_organise(by)
    if race.closed_at is not None or race.closes_at <= now:
        raise WrongState(f"The race “{race.title}” closed at {as_utc_text(race.closes_at)} already.")
    race = session.get_one(Race, race.id)
    _end_race(race, now)
    payload = {"title": race.title}
    events.append(session, "race.ended", Subject(race.season_id, race.id, by.id), at=now, payload=payload)
    close_due(session, now)


def keep_calendar(session: Session, now: datetime) -> None:
    """Do what the calendar says is due; idempotent, so any number of workers may call it."""
    open_due(session, now)
    close_due(session, now)


def open_due(session: Session, now: datetime) -> list[Race]:
    """Announce the races whose opening time has come."""
    query = select(Race).where(Race.opened_at.is_(None), Race.opens_at <= now, Race.opens_at < Race.closes_at)
    due = list(session.execute(query.order_by(Race.opens_at, Race.id).with_for_update()).scalars())
    for race in due:
        race.opened_at = now
        payload = {"title": race.title, "track": race.track, "closes_at": as_utc_text(race.closes_at)}
        events.append(session, "race.opened", Subject(race.season_id, race.id), at=now, payload=payload)
    return due


def close_due(session: Session, now: datetime) -> list[Race]:
    """Close the races that are over with nothing left to drive or decide, then the seasons without open
    races."""
    pending = exists().where(Submission.race_id == Race.id, Submission.state.in_(WAITING_OR_RUNNING))
    held = exists().where(Trial.race_id == Race.id, Trial.ruling == Ruling.HELD)
    query = select(Race).where(Race.closed_at.is_(None), Race.closes_at <= now, ~pending, ~held)
    due = list(session.execute(query.order_by(Race.closes_at, Race.id).with_for_update()).scalars())
    for race in due:
        race.closed_at = now
        payload = {"title": race.title}
        events.append(session, "race.closed", Subject(race.season_id, race.id), at=now, payload=payload)
        badges.on_race_closed(session, race, now)
    session.flush()
    _close_due_seasons(session, now)
    return due


def find_season(session: Session, slug: str) -> Season | None:
    """Return the season of a slug, or None."""
    return session.execute(select(Season).where(Season.slug == slug)).scalar_one_or_none()


def find_race(session: Session, slug: str) -> Race | None:
    """Return the race of a slug, or None."""
    return session.execute(select(Race).where(Race.slug == slug)).scalar_one_or_none()


def race_of_slug(session: Session, slug: str) -> Race:
    """Return the race of a slug, or raise NotFound."""
    race = find_race(session, slug)
    if race is None:
        raise NotFound(f"There is no race “{slug}”. Look at the season's page for the races that exist.")
    return race


def all_seasons(session: Session) -> list[Season]:
    """Return every season, the newest first."""
    return list(session.execute(select(Season).order_by(Season.opens_at.desc(), Season.id.desc())).scalars())


def current_season(session: Session, now: datetime) -> Season | None:
    """Return the season to show first: one that is on, else the next to open, else the last one."""
    seasons = all_seasons(session)
    running = [s for s in seasons if s.opens_at <= now < s.closes_at and s.closed_at is None]
    ahead = [s for s in reversed(seasons) if s.opens_at > now]
    return next(iter(running + ahead + seasons), None)


def _end_race(race: Race, now: datetime) -> None:
    """A race that has not begun gets an empty time: it never takes place, and no finisher needs it."""
    race.closes_at = min(race.closes_at, now)
    race.opens_at = min(race.opens_at, now)


def _close_due_seasons(session: Session, now: datetime) -> None:
    open_races = exists().where(Race.season_id == Season.id, Race.closed_at.is_(None))
    query = select(Season).where(Season.closed_at.is_(None), Season.closes_at <= now, ~open_races)
    for season in session.execute(query.order_by(Season.id).with_for_update()).scalars():
        season.closed_at = now
        payload = {"title": season.title}
        events.append(session, "season.closed", Subject(season.id), at=now, payload=payload)
        badges.on_season_closed(session, season, now)
    session.flush()


def _must_organise(by: Racer) -> None:
    if not by.is_organiser:
        raise NotAllowed(f"Only organisers may do this, and {by.handle} is a racer. Ask an organiser.")
