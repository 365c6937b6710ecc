"""Six badges by rule, each awarded once per racer and season, with its evidence.

The rules run inside the transaction of the verb that gives occasion: an award commits together with its
cause or not at all, and there is no cursor that could lag or be lost. Every rule looks only at what the
tables say, and the row of an award is unique, so evaluating twice awards nothing twice. House cars earn
none.

The podium waits for the close of the race, because at the first minute the first car is on the podium of an
empty board; the season finisher waits for the close of the season, because a race may still be added until
then.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from arena.league import db, events
from arena.league.columns import Json, storable_json
from arena.league.events import Subject
from arena.league.models import Award, Lap, Race, Racer, Season, Standing, Submission, Trial

PERSONAL_BESTS = 5
PODIUM = 3


@dataclass(frozen=True, slots=True)
class Badge:
    """What can be earned; `symbol` is one character for places without pictures."""

    name: str
    title: str
    description: str
    symbol: str


FIRST_SUBMISSION = Badge("first-submission", "Lights out", "Enter your first submission of a season.", "🚦")
FIRST_LAP = Badge("first-lap", "First lap", "Complete your first official lap.", "🏁")
PERSONAL_BEST_5 = Badge("personal-best-5", "Always faster", "Beat your own official time five times.", "📈")
PODIUM_PLACE = Badge("podium", "Podium", "Be among the first three when a race closes.", "🏆")
BEAT_THE_HOUSE = Badge("beat-the-house", "House beaten", "Be faster than a house car in its race.", "🏠")
SEASON_FINISHER = Badge(
    "season-finisher", "Every race", "Set an official time in every race of a season.", "🎖"
)

BADGES = {
    badge.name: badge
    for badge in (
        FIRST_SUBMISSION,
        FIRST_LAP,
        PERSONAL_BEST_5,
        PODIUM_PLACE,
        BEAT_THE_HOUSE,
        SEASON_FINISHER,
    )
}


@dataclass(frozen=True, slots=True)
class Occasion:
    """For whom, where and when a badge is due."""

    racer_id: int
    season_id: int
    race_id: int | None
    at: datetime


def award(session: Session, badge: Badge, occasion: Occasion, evidence: Json) -> bool:
    """Give the badge with its evidence; return False, and change nothing, if the racer has it this season."""
    statement = db.insert(session, Award).values(
        racer_id=occasion.racer_id,
        badge=badge.name,
        season_id=occasion.season_id,
        race_id=occasion.race_id,
        evidence=storable_json(evidence),
        awarded_at=occasion.at,
    )
    once = statement.on_conflict_do_nothing(index_elements=["racer_id", "badge", "season_id"])
    if session.execute(once.returning(Award.id)).scalar() is None:
        return False
    subject = Subject(
        occasion.season_id, occasion.race_id, occasion.racer_id, submission_id=evidence.get("submission")
    )
    payload = {"badge": badge.name, "title": badge.title, "evidence": evidence}
    events.append(session, "badge.awarded", subject, at=occasion.at, payload=payload)
    return True


def awards_of(session: Session, racer: Racer, season: Season | None = None) -> list[Award]:
    """Return the racer's awards, the newest first, of one season or all."""
    query = select(Award).where(Award.racer_id == racer.id).order_by(Award.id.desc())
    if season is not None:
        query = query.where(Award.season_id == season.id)
    return list(session.execute(query).scalars())


def on_submission(session: Session, submission: Submission, now: datetime) -> None:
    """The first submission of the season."""
    if submission.racer.is_house:
        return
    race = submission.race
    evidence = {"race": race.slug, "submission": submission.id, "number": submission.number}
    occasion = Occasion(submission.racer_id, race.season_id, race.id, now)
    award(session, FIRST_SUBMISSION, occasion, evidence)


def on_trial(session: Session, trial: Trial, *, improved: bool, now: datetime) -> None:
    """The first complete lap; with a better official time, also the personal bests and the house."""
    race = session.get_one(Race, trial.race_id)
    if session.get_one(Racer, trial.racer_id).is_house:
        return
    occasion = Occasion(trial.racer_id, race.season_id, race.id, now)
    first = session.get(Lap, (trial.id, 1))
    if first is not None:
        evidence = _evidence(race, trial.submission_id, trial.id, lap_time_ms=first.lap_time_ms)
        award(session, FIRST_LAP, occasion, evidence)
    if improved:
        _on_personal_best(session, race, trial, occasion)
        house_ms = _slowest_house_ms(session, race)
        if house_ms is not None and trial.official_ms is not None and trial.official_ms < house_ms:
            evidence = _evidence(
                race, trial.submission_id, trial.id, official_ms=trial.official_ms, house_ms=house_ms
            )
            award(session, BEAT_THE_HOUSE, occasion, evidence)


def on_race_closed(session: Session, race: Race, now: datetime) -> None:
    """The podium; and the house beaten, for those whose time stood before the house car set its own."""
    in_order = (Standing.official_ms, Standing.achieved_at, Standing.racer_id)
    ranked = select(Standing).where(Standing.race_id == race.id, Standing.is_house.is_(False))
    for rank, standing in enumerate(
        session.execute(ranked.order_by(*in_order).limit(PODIUM)).scalars().all(), start=1
    ):
        evidence = _evidence(
            race, standing.submission_id, standing.trial_id, official_ms=standing.official_ms, rank=rank
        )
        award(session, PODIUM_PLACE, Occasion(standing.racer_id, race.season_id, race.id, now), evidence)
    house_ms = _slowest_house_ms(session, race)
    if house_ms is None:
        return
    for standing in (
        session.execute(ranked.where(Standing.official_ms < house_ms).order_by(*in_order)).scalars().all()
    ):
        evidence = _evidence(
            race,
            standing.submission_id,
            standing.trial_id,
            official_ms=standing.official_ms,
            house_ms=house_ms,
        )
        award(session, BEAT_THE_HOUSE, Occasion(standing.racer_id, race.season_id, race.id, now), evidence)


def on_season_closed(session: Session, season: Season, now: datetime) -> None:
    """An official time in every race that took place."""
    races = [race for race in season.races if race.opened_at is not None]
    finishers = (
        select(Standing.racer_id)
        .where(Standing.race_id.in_([race.id for race in races]), Standing.is_house.is_(False))
        .group_by(Standing.racer_id)
        .having(func.count() == len(races))
        .order_by(Standing.racer_id)
    )
    for racer_id in session.execute(finishers).scalars().all():
        times = {race.slug: session.get_one(Standing, (race.id, racer_id)).official_ms for race in races}
        award(session, SEASON_FINISHER, Occasion(racer_id, season.id, None, now), {"official_ms": times})


def _on_personal_best(session: Session, race: Race, trial: Trial, occasion: Occasion) -> None:
    better = _personal_bests(session, race.season_id, trial.racer_id)
    if len(better) >= PERSONAL_BESTS:
        evidence = _evidence(
            race, trial.submission_id, trial.id, official_ms=trial.official_ms, trials=better[:PERSONAL_BESTS]
        )
        award(session, PERSONAL_BEST_5, occasion, evidence)


def _personal_bests(session: Session, season_id: int, racer_id: int) -> list[int]:
    """Return the trials of the season that beat an official time of the same racer in the same race."""
    query = (
        select(Trial.id, Trial.race_id, Trial.official_ms)
        .join(Race, Race.id == Trial.race_id)
        .where(Race.season_id == season_id, Trial.racer_id == racer_id, Trial.official_ms.is_not(None))
        .order_by(Trial.id)
    )
    best: dict[int, int] = {}
    better = []
    for trial_id, race_id, official_ms in session.execute(query):
        assert official_ms is not None
        if race_id in best and official_ms < best[race_id]:
            better.append(trial_id)
        best[race_id] = min(official_ms, best.get(race_id, official_ms))
    return better


def _slowest_house_ms(session: Session, race: Race) -> int | None:
    """Return the time of the slowest house car: with several, beating any one of them counts."""
    query = select(func.max(Standing.official_ms))
    return session.execute(query.where(Standing.race_id == race.id, Standing.is_house.is_(True))).scalar()


def _evidence(race: Race, submission_id: str, trial_id: int, **facts: object) -> Json:
    return {"race": race.slug, "submission": submission_id, "trial": trial_id, **facts}
