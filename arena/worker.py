"""The one door between the two columns: claim a submission from the league, have the garage train and race
it, record what came out.

Any number of copies may run, on any machine that reaches the database and the artifacts. A worker holds
nothing that matters: when it dies, its lease runs out and the submission goes on elsewhere, from its last
checkpoint (`checkpoints.py`). What the entrant did wrong becomes a verdict; what we did wrong is logged with
its traceback and costs the entrant nothing. SIGTERM stops the training at hand and gives it back.
"""

import logging
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, func, select
from sqlalchemy.exc import OperationalError

from arena import courses
from arena.checkpoints import Keeper
from arena.garage import lock
from arena.garage.verdicts import SandboxUnavailableError, Verdict
from arena.league import db, jobs, results, submissions
from arena.league.artifacts import ArtifactStore
from arena.league.errors import LeagueError, StaleLease
from arena.league.jobs import Lease
from arena.league.models import Race, Racer, Submission
from arena.league.seasons import find_race, keep_calendar
from arena.league.states import Direction, Hardware, JobKind
from arena.league.submissions import Rejection
from arena.pit_wall import PitWall
from arena.presence import Presence, offer_of
from arena.radio import Kind, Message
from arena.settings import ArenaSettings, Sandbox

log = logging.getLogger("arena.worker")

LEASE_S = 30.0
IDLE_S = 0.2  # between two looks at an empty queue: an indexed read without the writers' lock
CALENDAR_EVERY = timedelta(seconds=5)
RENEWALS_PER_LEASE = 6
DATABASE_GONE_S = 1.0


class StoppedError(Exception):
    """The worker was told to stop: the job goes back to the queue as if it had not begun."""


class PitError(RuntimeError):
    """What the pit says of a failure that no entry is to blame for."""

    def __init__(self, word: Message) -> None:
        super().__init__(str(word.facts["message"]))
        self.word = word


class Worker:
    """One worker: a loop of claim, work, record."""

    def __init__(
        self,
        engine: Engine,
        artifacts: ArtifactStore,
        *,
        name: str,
        kinds: tuple[JobKind, ...] = jobs.ALL_KINDS,
        hardware: tuple[Hardware, ...] = (Hardware.CPU,),
        pit: PitWall | None = None,
        lease_s: float = LEASE_S,
    ) -> None:
        self.engine = engine
        self.artifacts = artifacts
        self.name = name
        self.kinds = kinds
        self.hardware = hardware
        self.lease_s = lease_s
        self.pit = pit or PitWall(trains=JobKind.TRAIN in kinds)
        self.presence: Presence | None = None
        self.stopping = False
        self.trusted_by_one = False  # may run code without a lock, where there is none: for one person only
        self.serves_one_account = False
        self.calendar_due = datetime.min.replace(tzinfo=UTC)

    def run(self) -> None:
        """Work until told to stop. Raises Outdated for a worker that is older than the arena."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.stop)
        with self.at_its_place() as presence:
            while not self.stopping:
                if not self.work_if_possible():
                    time.sleep(IDLE_S)
        log.info("Worker %s stopped.", self.name)
        if presence.outdated:
            raise presence.outdated

    @contextmanager
    def at_its_place(self, stop: Callable[[], None] | None = None) -> Iterator[Presence]:
        """Be there for the arena while the block works: warm, reporting, and watched over.

        `stop` ends whoever gives the worker its jobs, when it turns out to be outdated.
        """
        try:
            self.pit.start()
            self.serves_one_account = not self.pit.locked and self.trusted_by_one
            log.info("Worker %s takes %s.", self.name, " and ".join(self.kinds))
            offer = offer_of(self.name, self.hardware, trains=JobKind.TRAIN in self.kinds)
            with Presence(self.engine, offer, stop or self.stop) as self.presence:
                yield self.presence
        finally:
            self.pit.close()

    def stop(self, *_: object) -> None:
        self.stopping = True

    def work_if_possible(self) -> bool:
        """Like `work_once`, but a database that does not answer is waited for: the pit stays warm."""
        try:
            return self.work_once()
        except OperationalError as error:
            log.warning("The database does not answer (%s); it is asked again.", error.orig)
            time.sleep(DATABASE_GONE_S)
            return False

    def work_once(self) -> bool:
        """Do what the calendar says is due, then one job; return whether there was one."""
        self.require_one_account()
        now = datetime.now(UTC)
        if now >= self.calendar_due:
            self.calendar_due = now + CALENDAR_EVERY
            with db.transaction(self.engine) as session:
                jobs.reap_expired(session, now)
                keep_calendar(session, now)
        lease = self.claim()
        if lease is None:
            return False
        with self.presence.at_work(lease) if self.presence else nullcontext():
            self.work(lease)
        return True

    def require_one_account(self) -> None:
        """Stop before the code of a second person runs without a lock. Raises `SandboxUnavailableError`."""
        if not self.serves_one_account:
            return
        with db.reading(self.engine) as session:
            count = session.scalar(
                select(func.count()).select_from(Racer).where(Racer.password_hash.is_not(None))
            )
        if count and count > 1:
            raise SandboxUnavailableError(
                f"Refusing to run code without a lock: this arena has {count} accounts, and "
                "ARENA_SANDBOX=local-trusted is for one person's own files. Use Linux or a container."
            )

    def claim(self) -> Lease | None:
        with db.reading(self.engine) as session:
            if not jobs.waiting(session, self.kinds):
                return None
        with db.transaction(self.engine) as session:
            now = datetime.now(UTC)
            return jobs.claim(session, self.name, now, self.lease_s, self.kinds, self.hardware)

    def work(self, lease: Lease) -> None:
        """Do one job; every end of it is written to the database or left to the lease."""
        try:
            if lease.kind is JobKind.CHECK:
                self.check(lease)
            else:
                with Keeper(self.engine, self.artifacts, lease) as keeper:
                    self.drive(lease, keeper)
        except StaleLease as error:
            log.warning("%s", error)
        except StoppedError:
            self.give_back(jobs.release, lease)
        except Exception as error:
            log.exception("Job %d failed on our side.", lease.job_id)
            self.give_back(jobs.fault, lease, reason_of(error))

    def give_back(self, verb: Callable[..., Any], *arguments: Any) -> None:
        """Give a job back; one that is somebody else's by now, or cancelled, needs nothing from us."""
        try:
            self.write(verb, *arguments)
        except LeagueError as error:
            log.warning("%s", error)

    def write(self, verb: Callable[..., Any], *arguments: Any) -> Any:
        """Call a verb of the league in a transaction of its own, at this moment."""
        with db.transaction(self.engine) as session:
            return verb(session, *arguments, now=datetime.now(UTC))

    def check(self, lease: Lease) -> None:
        """Have the files of an entry tried in the race that the check names, and tell what came of it."""
        with db.reading(self.engine) as session:
            race = find_race(session, str(lease.payload.get("race") or ""))
        facts: dict[str, Any] = {"entry": lease.payload}
        if race is not None:
            facts |= {"conditions": courses.conditions_of(race), "race_seed": race.seed}
        files = self.files_of(upload=lease.payload.get("upload_key"))
        message = self.last_word(lease, Message(Kind.CHECK, facts, files))
        self.write(jobs.finish_check, lease, dict(message.facts))

    def drive(self, lease: Lease, keeper: Keeper) -> None:
        """Have a submission trained and raced, and record the laps, or reject it with the verdict."""
        submission = self.write(submissions.mark_training, lease)
        with db.reading(self.engine) as session:
            found = session.get_one(Submission, submission.id)
            race, parent = found.race, found.parent
        if parent is not None and parent.continuation_key is None:
            message = (
                f"Nothing can be trained on from entry {parent.number}: only its policy was kept. "
                "Choose a newer one, or train from the beginning."
            )
            self.write(submissions.reject, lease, Rejection(Verdict.SETTINGS.value, message))
            return
        word = self.last_word(lease, self.order_of(submission, race, parent, keeper), keeper)
        if word.kind is Kind.FAULT:
            self.write(submissions.reject, lease, Rejection(**word.facts))
        else:
            self.record(lease, word)

    def order_of(
        self, submission: Submission, race: Race, parent: Submission | None, keeper: Keeper
    ) -> Message:
        """Return what the pit has to know of a submission."""
        facts = {
            "driver": submission.driver,
            "conditions": courses.conditions_of(race),
            "race_seed": race.seed,
            "source": submission.source,
            "model_metadata": submission.model_metadata,
            "hyperparameters": submission.hyperparameters,
        }
        files = self.files_of(
            upload=submission.upload_key, parent=parent.continuation_key if parent else None
        )
        if (checkpoint := keeper.last()) is not None:
            files["checkpoint"] = checkpoint
        return Message(Kind.DRIVE, facts, files)

    def files_of(self, **keys: str | None) -> dict[str, bytes]:
        """Return the artifacts of those names that have a key."""
        return {name: self.artifacts.get(key) for name, key in keys.items() if key is not None}

    def last_word(self, lease: Lease, order: Message, keeper: Keeper | None = None) -> Message:
        """Give the pit an order, pass on what it reports, and return its last word: done, or a verdict.

        Raises `StoppedError`, `SandboxUnavailableError`, `PitError` for what failed on our side, and
        `StaleLease`, which ends the work.
        """
        renewal = Renewal(self.engine, lease, self.lease_s)
        work = self.pit.work(order, on_tick=renewal.tick, should_stop=lambda: self.stopping)
        with closing(work):
            for word in work:
                renewal.tick()
                match word.kind:
                    case Kind.PROGRESS:
                        self.write(submissions.report_progress, lease, dict(word.facts))
                    case Kind.CHECKPOINT if keeper is not None:
                        keeper.keep(word.files["checkpoint"])
                    case Kind.RACING:
                        self.write(submissions.mark_racing, lease)
        match word.kind:
            case Kind.STOPPED:
                raise StoppedError
            case Kind.UNAVAILABLE:
                raise SandboxUnavailableError(str(word.facts["message"]))
            case Kind.IMPOSSIBLE | Kind.FAILED:
                raise PitError(word)
        return word

    def record(self, lease: Lease, done: Message) -> None:
        """Store the files, then everything else in one transaction."""
        keys = {f"{name}_key": self.artifacts.put(content) for name, content in done.files.items()}
        result = result_of({**done.facts, **keys})
        recorded = self.write(results.record_trial, lease, result)
        log.info("Submission %s: official time %s ms.", lease.submission_id, recorded.official_ms)


def result_of(facts: dict[str, Any]) -> results.TrialResult:
    """Return a drive as the pit tells it (`pit.driven_json`), with the keys of its files."""
    laps = (lap | {"direction": Direction(lap["direction"])} for lap in facts["laps"])
    told = {
        "laps": tuple(results.LapResult(**lap) for lap in laps),
        "suspicious_laps": tuple(facts["suspicious_laps"]),
    }
    return results.TrialResult(**(facts | told))


class Renewal:
    """Renews a lease every few seconds while there is work under it."""

    def __init__(self, engine: Engine, lease: Lease, lease_s: float) -> None:
        self._engine, self._lease, self._lease_s = engine, lease, lease_s
        self._due, self._lasts_until = 0.0, time.monotonic() + lease_s

    def tick(self) -> None:
        """Renew the lease if it is time. Raises StaleLease when it is somebody else's.

        A database that does not answer is asked again while the lease lasts.
        """
        now = time.monotonic()
        if now < self._due:
            return
        self._due = now + self._lease_s / RENEWALS_PER_LEASE
        try:
            with db.transaction(self._engine) as session:
                jobs.renew(session, self._lease, datetime.now(UTC), self._lease_s)
        except OperationalError:
            if now > self._lasts_until:
                raise
            log.warning("The lease of job %d could not be renewed; it is tried again.", self._lease.job_id)
        else:
            self._lasts_until = now + self._lease_s


def reason_of(error: Exception) -> str:
    """Return what an entrant and an organiser are told of a failure on our side."""
    if isinstance(error, PitError) and error.word.kind is Kind.IMPOSSIBLE:
        return f"This race cannot be driven as it was set up: {str(error).rstrip('.')}."
    if isinstance(error, SandboxUnavailableError):
        return "Sandbox unavailable: this machine cannot lock up code, so nothing was run."
    failed = str(error) if isinstance(error, PitError) else type(error).__name__
    return f"The arena failed ({failed})."


def hire(
    arena_settings: ArenaSettings,
    *,
    name: str,
    kinds: tuple[JobKind, ...] = jobs.ALL_KINDS,
    hardware: tuple[Hardware, ...] = (Hardware.CPU,),
) -> Worker:
    """Return a worker in this process, which is to be run yet.

    Raises Outdated. Running it raises `SandboxUnavailableError` where entrants' code cannot be held.
    """
    lock.make_undumpable()
    engine = db.connect(arena_settings.database_url)
    db.upgrade(engine)
    pit = PitWall(trains=JobKind.TRAIN in kinds, trusting=arena_settings.sandbox is not Sandbox.LOCKED)
    artifacts = ArtifactStore(arena_settings.artifacts)
    worker = Worker(engine, artifacts, name=name, kinds=kinds, hardware=hardware, pit=pit)
    worker.lease_s = arena_settings.lease_s
    worker.trusted_by_one = arena_settings.sandbox is Sandbox.LOCAL_TRUSTED
    return worker
