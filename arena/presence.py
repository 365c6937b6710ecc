"""A worker's pulse, on a thread of its own: it says that the worker is there, and ends a worker that hangs.

The lease of a job is renewed by the work itself, so a worker that hangs loses it and another one takes over.
The one that hangs would then sit on its core for ever: when its job has been somebody else's for a while, it
ends its own process, and whoever started it starts a new one. A worker that turns out to be older than the
arena stops after its job.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Final, Self

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from arena.league import db, jobs, workers
from arena.league.errors import Outdated
from arena.league.jobs import Lease
from arena.league.states import Hardware
from arena.league.workers import Offer

log = logging.getLogger("arena.presence")

BEAT_S: Final = 5.0
HUNG_S: Final = 60.0
"""A worker whose job has been taken from it for so long, and that still works on it, hangs."""
HUNG_EXIT: Final = 70  # EX_SOFTWARE


def offer_of(name: str, hardware: tuple[Hardware, ...], *, trains: bool) -> Offer:
    """Return what a worker of this program says of itself."""
    return Offer(name, version("apex-arena"), hardware, trains)


class Presence:
    """A context manager around a worker's life. `stop` is called when the worker is to stop after its job."""

    def __init__(
        self,
        engine: Engine,
        offer: Offer,
        stop: Callable[[], None],
        *,
        beat_s: float = BEAT_S,
        hung_s: float = HUNG_S,
    ) -> None:
        self.outdated: Outdated | None = None
        self._engine, self._offer, self._stop = engine, offer, stop
        self._beat_s, self._hung_s = beat_s, hung_s
        self._lease: Lease | None = None
        self._lost_at: float | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="presence", daemon=True)

    def __enter__(self) -> Self:
        """Report for the first time. Raises Outdated."""
        self._report()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        with db.transaction(self._engine) as session:
            workers.leave(session, self._offer.name)

    @contextmanager
    def at_work(self, lease: Lease) -> Iterator[None]:
        """Watch over a job while the block works on it."""
        self._lease, self._lost_at = lease, None
        try:
            yield
        finally:
            self._lease = None

    def _run(self) -> None:
        while not self._over.wait(self._beat_s):
            try:
                self._report()
                self._end_if_hung()
            except Outdated as error:
                log.error("%s", error)
                self.outdated = error
                self._stop()
            except DBAPIError as error:
                log.warning("The database does not answer (%s); the worker goes on.", error.orig)

    def _report(self) -> None:
        with db.transaction(self._engine) as session:
            workers.report(session, self._offer, datetime.now(UTC))

    def _end_if_hung(self) -> None:
        lease = self._lease
        if lease is None:
            return
        with db.reading(self._engine) as session:
            is_ours = jobs.is_held(session, lease)
        if is_ours or lease is not self._lease:
            self._lost_at = None
            return
        self._lost_at = self._lost_at or time.monotonic()
        if time.monotonic() - self._lost_at >= self._hung_s:
            log.critical(
                "Worker %s still works on job %d, which was taken from it %.0f s ago: it hangs and is ended.",
                *(self._offer.name, lease.job_id, self._hung_s),
            )
            logging.shutdown()
            os._exit(HUNG_EXIT)
