"""Workers on many machines: Celery with Redis carries the numbers of jobs and nothing else.

The row in the database stays the truth. A message only says that there is work: whoever gets it claims what
is next in the queue's own order, under the same lease as a built-in worker. So a message may be lost (the
dispatcher sends another one while the job waits), doubled or late (there is nothing left to claim), and Redis
may lose all it knows.

The dispatcher is the only one that sends. It reads which jobs wait, so that neither the web process nor a
verb of the league knows of a broker. Workers: `arena worker --celery`.
"""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from celery import Celery, signals
from kombu.exceptions import OperationalError
from sqlalchemy import Engine, select
from sqlalchemy.exc import DBAPIError

from arena.league import db, jobs, workers
from arena.league.errors import LeagueError
from arena.league.models import Job
from arena.league.seasons import keep_calendar
from arena.league.states import Hardware, JobKind, JobState

if TYPE_CHECKING:
    from arena.settings import ArenaSettings
    from arena.worker import Worker

log = logging.getLogger("arena.broker")

TASK: Final = "arena.work"
CHECKS: Final = "arena.check"
SEND_AGAIN_S: Final = 20.0
"""A job that still waits after this long is sent once more: its message may be lost."""
LOOK_EVERY_S: Final = 0.2
CALENDAR_EVERY_S: Final = 5.0
BROKER_GONE_S: Final = 2.0
MOST_AT_ONCE: Final = 1_000

app = Celery("arena")
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    task_default_queue="arena.cpu",
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    worker_enable_remote_control=False,
    broker_connection_retry_on_startup=True,
    # A message whose worker died comes back after this; the lease has been taken back long before.
    broker_transport_options={"visibility_timeout": 3600, "socket_timeout": 10, "socket_keepalive": True},
    accept_content=["json"],
)


def connect(settings: ArenaSettings) -> None:
    """Name the broker to Celery. Raises LeagueError where none is set."""
    if settings.broker_url is None:
        raise LeagueError(
            "No broker is named. Set ARENA_BROKER_URL on every machine, for example redis://10.0.0.5:6379/0; "
            "without one, workers look into the database by themselves (`arena worker`)."
        )
    app.conf.broker_url = settings.broker_url


def queue_of(kind: JobKind, needs: Hardware) -> str:
    """Return the name of the queue whose workers can do such a job."""
    return CHECKS if kind is JobKind.CHECK else f"arena.{needs}"


def queues_of(kinds: tuple[JobKind, ...], hardware: tuple[Hardware, ...]) -> list[str]:
    """Return the queues that a worker listens to."""
    trains = [queue_of(JobKind.TRAIN, each) for each in hardware] if JobKind.TRAIN in kinds else []
    return [CHECKS, *trains]


@dataclass(slots=True)
class Dispatcher:
    """Sends the number of each waiting job, and again while it waits; does what the calendar says is due."""

    engine: Engine
    send: Callable[[int, str], None]
    clock: Callable[[], float] = time.monotonic
    stopping: bool = False
    _sent: dict[tuple[int, int], float] = field(default_factory=dict)
    """When each job was sent last, by its number and attempt."""
    _calendar_due: float = 0.0

    def run(self) -> None:
        """Dispatch until told to stop. A broker that is gone is waited for: nothing is lost meanwhile."""
        while not self.stopping:
            try:
                self.once()
                time.sleep(LOOK_EVERY_S)
            except OperationalError as error:
                log.warning("The broker cannot be reached (%s); jobs wait in the database.", error)
                time.sleep(BROKER_GONE_S)
            except DBAPIError as error:
                log.warning("The database does not answer (%s); it is asked again.", error.orig)
                time.sleep(BROKER_GONE_S)

    def stop(self, *_: object) -> None:
        self.stopping = True

    def once(self) -> int:
        """Send what waits and was not sent lately; return how many."""
        self._keep_calendar()
        waiting, now, sent = self._waiting(), self.clock(), 0
        self._sent = {key: at for key, at in self._sent.items() if key in waiting}
        for key, queue in waiting.items():
            if now - self._sent.get(key, -SEND_AGAIN_S) >= SEND_AGAIN_S:
                self.send(key[0], queue)
                self._sent[key] = now
                sent += 1
        return sent

    def _waiting(self) -> dict[tuple[int, int], str]:
        """Return number and attempt of the jobs that wait, each with the queue whose workers may take it."""
        now = datetime.now(UTC)
        with db.reading(self.engine) as session:
            if not jobs.waiting(session):
                return {}
            there = workers.hardware_at_work(session, now)
            rows = session.execute(
                select(Job.id, Job.attempt, Job.kind, Job.needs)
                .where(Job.state == JobState.QUEUED)
                .order_by(Job.priority.desc(), Job.id)
                .limit(MOST_AT_ONCE)
            )
            return {
                (job_id, attempt): queue_of(kind, needs if needs in there else Hardware.CPU)
                for job_id, attempt, kind, needs in rows
            }

    def _keep_calendar(self) -> None:
        if self.clock() < self._calendar_due:
            return
        self._calendar_due = self.clock() + CALENDAR_EVERY_S
        now = datetime.now(UTC)
        with db.transaction(self.engine) as session:
            jobs.reap_expired(session, now)
            keep_calendar(session, now)


def send(job_id: int, queue: str) -> None:
    """Send a job's number to a queue. Raises kombu's OperationalError where the broker is gone."""
    app.send_task(TASK, [job_id], queue=queue, retry=False)


class Listener:
    """A worker that Celery wakes: one process, one job at a time."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        app.task(self.work, name=TASK)
        # SIGTERM: the training at hand is given back. Celery keeps only weak references to who listens.
        signals.worker_shutting_down.connect(self.stop, weak=False)

    def stop(self, **_: object) -> None:
        self.worker.stop()

    def work(self, job_id: int) -> None:
        """Do what is next in the queue, which need not be the job that the message names."""
        log.debug("Woken for job %d.", job_id)
        if not self.worker.stopping:
            self.worker.work_if_possible()

    def run(self) -> None:
        """Listen until SIGTERM. Raises Outdated for a worker that is older than the arena."""
        queues = ",".join(queues_of(self.worker.kinds, self.worker.hardware))
        options = ["--pool", "solo", "--queues", queues, "--hostname", f"{self.worker.name}@%h"]
        options += ["--without-gossip", "--without-mingle", "--loglevel", "INFO"]
        with self.worker.at_its_place(lambda: os.kill(os.getpid(), signal.SIGTERM)) as presence:
            app.worker_main(["worker", *options])
        if presence.outdated:
            raise presence.outdated
