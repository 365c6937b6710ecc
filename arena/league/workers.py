"""Who works: every worker reports in with its version and what its machine offers.

The queue asks them how many there are (one is kept free for live events, waits are shared among them) and
whether any has what a job wants. Nothing hangs on a report: a worker that does not say so works all the same,
and one that is silent is forgotten after a while.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, String, delete, func, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from arena.league import db
from arena.league.errors import Outdated
from arena.league.models import Base
from arena.league.states import Hardware

ALIVE_FOR = timedelta(seconds=60)
"""A worker reports every few seconds, in a long training too."""
FORGOTTEN_AFTER = timedelta(days=1)


class Worker(Base):
    """A process that claims jobs; `offers` are `Hardware` words with commas between."""

    __tablename__ = "worker"

    name: Mapped[str] = mapped_column(String(120), primary_key=True)
    version: Mapped[str] = mapped_column(String(40))
    offers: Mapped[str] = mapped_column(String(40))
    trains: Mapped[bool]
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]


@dataclass(frozen=True, slots=True)
class Offer:
    """What a worker says of itself."""

    name: str
    version: str
    hardware: tuple[Hardware, ...] = (Hardware.CPU,)
    trains: bool = True
    """False for one that takes only instant checks."""


def report(session: Session, offer: Offer, now: datetime) -> None:
    """Say that a worker is there; forgets those that have not been for a day.

    Raises Outdated for one that is older than another worker or than the tables: it would drive by other
    rules, or write what is no longer understood.
    """
    _refuse_outdated(session, offer, now)
    said = {
        "version": offer.version,
        "offers": ",".join(offer.hardware),
        "trains": offer.trains,
        "seen_at": now,
    }
    row = db.insert(session, Worker).values(name=offer.name, started_at=now, **said)
    session.execute(row.on_conflict_do_update(index_elements=[Worker.name], set_=said))
    session.execute(delete(Worker).where(Worker.seen_at < now - FORGOTTEN_AFTER))


def _refuse_outdated(session: Session, offer: Offer, now: datetime) -> None:
    tables = session.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if tables not in db.revisions():
        raise Outdated(
            f"The worker {offer.name} (version {offer.version}) does not know the tables of this arena "
            f"({tables}): it was updated. Update Apex Arena on this machine and start the worker again."
        )
    alive = session.scalars(select(Worker.version).where(Worker.seen_at > now - ALIVE_FOR))
    newest = max(alive, key=_ordered, default=offer.version)
    if _ordered(newest) > _ordered(offer.version):
        raise Outdated(
            f"The worker {offer.name} has version {offer.version}, others here have {newest}: results would "
            "differ. Update Apex Arena on this machine and start the worker again."
        )


def _ordered(version: str) -> tuple[int, ...]:
    """Return the leading numbers of a version, by which versions are older or newer."""
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def leave(session: Session, name: str) -> None:
    """Say that a worker has stopped in order."""
    session.execute(delete(Worker).where(Worker.name == name))


def trainers(session: Session, now: datetime) -> list[Worker]:
    """Return the workers that train and have been heard of lately, by name."""
    return list(session.scalars(select(Worker).where(*_alive(now)).order_by(Worker.name)))


def count_trainers(session: Session, now: datetime) -> int:
    """Count the workers that train."""
    return session.execute(select(func.count()).select_from(Worker).where(*_alive(now))).scalar_one()


def _alive(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Heard of lately; one that was heard of in the future reported before the clock was set back."""
    return Worker.trains.is_(True), Worker.seen_at > now - ALIVE_FOR, Worker.seen_at < now + ALIVE_FOR


def claimable(session: Session, offered: Iterable[Hardware], now: datetime) -> tuple[Hardware, ...]:
    """Return what jobs may want for a worker with `offered` to take them.

    A job that wants a GPU waits for a worker with one; where none is at work, it is done without, only later.
    """
    there = hardware_at_work(session, now)
    return tuple(kind for kind in Hardware if kind in offered or kind not in there)


def hardware_at_work(session: Session, now: datetime) -> set[Hardware]:
    """Return what the machines of the workers have that train."""
    offers = (worker.offers.split(",") for worker in trainers(session, now))
    return {Hardware(word) for words in offers for word in words}
