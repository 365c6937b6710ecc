"""The house car: whom everybody may measure themselves against; it takes no rank and no points.

The reference driver drives it, near what physics allows and without training. It gets past cars but not
past boxes on narrow roads, so among obstacles the house car is a kit that learns to.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

import starter_kits
from arena.league import accounts, submissions
from arena.league.models import Race, Racer, Submission
from arena.league.states import Driver, RaceType

HANDLE = "house-car"
KIT_AMONG_OBSTACLES = "avoid_obstacles"


def enter(session: Session, race: Race, now: datetime) -> Submission:
    """Enter the house car in a race. Raises what `submissions.submit` raises."""
    house = racer(session, now)
    if race.race_type is not RaceType.OBJECT_AVOIDANCE:
        return submissions.enter_reference(session, race, house, now)
    return enter_kit(session, race, house, starter_kits.load(KIT_AMONG_OBSTACLES), now)


def enter_kit(session: Session, race: Race, racer: Racer, kit: starter_kits.Kit, now: datetime) -> Submission:
    """Enter a kit unchanged, as anybody could. Raises what `submissions.submit` raises."""
    entry = submissions.Entry(kit.reward_function, kit.model_metadata, kit.hyperparameters)
    return submissions.submit(session, race, racer, entry, now)


def enter_agent(
    session: Session, race: Race, racer: Racer, kit: starter_kits.AgentKit, now: datetime
) -> Submission:
    """Enter a kit for agents unchanged. Raises what `submissions.submit` raises."""
    return submissions.submit(session, race, racer, submissions.Entry(kit.agent, driver=Driver.AGENT), now)


def racer(session: Session, now: datetime) -> Racer:
    """Return the racer of the house car, made when it is first needed; nobody can sign in as it."""
    found = accounts.find_racer(session, HANDLE)
    return found or accounts.create_racer(
        session, handle=HANDLE, name="House car", password=None, now=now, is_house=True
    )
