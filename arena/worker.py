"""The one door between the two columns: claim a submission from the league, have the garage train and race
it, record what came out.

Any number of copies may run, on any machine that reaches the database and the artifacts. A worker holds
nothing that matters: when it dies, its lease runs out and the submission goes on elsewhere, from its last
checkpoint (`checkpoints.py`). What the entrant did wrong becomes a verdict; what we did wrong is logged with
its traceback and costs the entrant nothing. SIGTERM stops the training at hand and gives it back.
"""

import json
import logging
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, func, select

from arena import probing, untrained
from arena.assignments import Assignment
from arena.checkpoints import Keeper
from arena.entry_checks import check_entry
from arena.garage import lock
from arena.garage.diagnosis import diagnose
from arena.garage.patterns import Evidence
from arena.garage.recording import DriveRecorder
from arena.garage.training_checkpoint import Checkpoint, CheckpointError
from arena.garage.verdicts import EntrantFault, SandboxUnavailableError, Verdict
from arena.league import db, jobs, results, submissions
from arena.league.artifacts import ArtifactStore
from arena.league.errors import StaleLease
from arena.league.jobs import Lease
from arena.league.models import Racer, Submission
from arena.league.seasons import find_race, keep_calendar
from arena.league.states import Direction, Driver, Hardware, JobKind
from arena.presence import Presence, offer_of
from arena.settings import ArenaSettings, Sandbox
from simulator.bots import BotError
from simulator.course import CourseError
from simulator.laps import Lap
from simulator.objects import ObstacleError
from simulator.track import TrackError

if TYPE_CHECKING:
    from arena.garage.racing import Trial
    from arena.garage.training import Progress, Training

log = logging.getLogger("arena.worker")

LEASE_S = 30.0
IDLE_S = 0.2  # between two looks at an empty queue: an indexed read without the writers' lock
CALENDAR_EVERY = timedelta(seconds=5)
# What is wrong with a race itself: neither the entrant's fault nor a failure of the machine.
RACE_FAULTS = (TrackError, CourseError, ObstacleError, BotError)


class StoppedError(Exception):
    """The worker was told to stop: the job goes back to the queue as if it had not begun."""


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
    ) -> None:
        self.engine = engine
        self.artifacts = artifacts
        self.name = name
        self.kinds = kinds
        self.hardware = hardware
        self.presence: Presence | None = None
        self.stopping = False
        self.serves_one_account = False  # code runs without a lock: for one person only
        self.calendar_due = datetime.min.replace(tzinfo=UTC)

    def run(self) -> None:
        """Work until told to stop. Raises Outdated for a worker that is older than the arena."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.stop)
        with self.at_its_place() as presence:
            while not self.stopping:
                if not self.work_once():
                    time.sleep(IDLE_S)
        log.info("Worker %s stopped.", self.name)
        if presence.outdated:
            raise presence.outdated

    @contextmanager
    def at_its_place(self) -> Iterator[Presence]:
        """Be there for the arena while the block works: warm, reporting, and watched over."""
        trains = JobKind.TRAIN in self.kinds
        if trains:
            from arena.garage import training, training_versions

            training.warm_up()
            training_versions.build()
        log.info("Worker %s takes %s.", self.name, " and ".join(self.kinds))
        offer = offer_of(self.name, self.hardware, trains=trains)
        with Presence(self.engine, offer, self.stop) as self.presence:
            yield self.presence

    def stop(self, *_: object) -> None:
        self.stopping = True

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
            return jobs.claim(session, self.name, now, LEASE_S, self.kinds, self.hardware)

    def work(self, lease: Lease) -> None:
        """Do one job; every end of it is written to the database or left to the lease."""
        try:
            if lease.kind is JobKind.CHECK:
                self.check(lease)
            else:
                with Keeper(self.engine, self.artifacts, lease) as keeper:
                    self.train_and_race(lease, keeper)
        except StaleLease as error:
            log.warning("%s", error)
        except StoppedError:
            self.write(jobs.release, lease)
        except Exception as error:
            log.exception("Job %d failed on our side.", lease.job_id)
            try:
                self.write(jobs.fault, lease, reason_of(error))
            except StaleLease as stale:
                log.warning("%s", stale)

    def write(self, verb: Callable[..., Any], *arguments: Any) -> Any:
        """Call a verb of the league in a transaction of its own, at this moment."""
        with db.transaction(self.engine) as session:
            return verb(session, *arguments, now=datetime.now(UTC))

    def check(self, lease: Lease) -> None:
        """Try the files of an entry in the race that the check names, and tell what came of it."""
        with db.reading(self.engine) as session:
            race = find_race(session, str(lease.payload.get("race") or ""))
        key = lease.payload.get("upload_key")
        upload = self.artifacts.get(key) if key else None
        self.write(jobs.finish_check, lease, check_entry(lease.payload, race, upload))

    def train_and_race(self, lease: Lease, keeper: Keeper) -> None:
        """Train a submission, race its policy, and record the laps, or reject it with the verdict."""
        try:
            submission = self.write(submissions.mark_training, lease)
            assignment = self.assignment(submission)
            if submission.driver is not Driver.POLICY:
                self.drive_untrained(lease, submission, assignment)
                return
            recorder = DriveRecorder()
            trained = self.train(lease, assignment, recorder, keeper)
            self.write(submissions.mark_racing, lease)
            trial = assignment.race(trained.policy)
        except EntrantFault as fault:
            rejection = submissions.Rejection(
                fault.verdict.value, fault.message, fault.line, fault.detail, fault.output
            )
            self.write(submissions.reject, lease, rejection)
        else:
            self.record(lease, trial, self.learned(recorder, trained, trial, assignment))

    def drive_untrained(self, lease: Lease, submission: Submission, assignment: Assignment) -> None:
        """Race what drives as it is: there is nothing to train. Raises `EntrantFault`."""
        self.write(submissions.mark_racing, lease)
        key = submission.upload_key
        entry = untrained.Untrained(
            submission.driver,
            upload=None if key is None else self.artifacts.get(key),
            names_actions=submission.model_metadata is not None,
        )
        driven = untrained.drive(entry, assignment)
        self.record(lease, driven.trial, driven.learned())

    def learned(
        self, recorder: DriveRecorder, trained: "Training", trial: "Trial", assignment: Assignment
    ) -> dict[str, Any]:
        """Store what a training leaves behind; return it in the words of `TrialResult`."""
        from arena.garage.training_versions import software

        return {
            "policy_key": self.artifacts.put(trained.policy.to_bytes()),
            "diagnosis_key": self.diagnose(recorder, trained, trial, assignment),
            "continuation_key": self.artifacts.put(trained.continuation.to_bytes()),
            "versions": trial.versions | software(),
            "seed": trained.seed,
            "digest": trained.digest,
            "output": trained.output,
        }

    def diagnose(
        self, recorder: DriveRecorder, trained: "Training", trial: "Trial", assignment: Assignment
    ) -> str | None:
        """Store what the training says about the reward function; return the file's key."""
        try:
            evidence = Evidence.of(recorder, trial, assignment.course, assignment.metadata.actions)
            diagnosis = diagnose(
                evidence, budget=trained.steps, wall_s=trained.wall_s, call_us=trained.reward_call_us
            )
        except Exception:
            log.exception("A diagnosis failed on our side; the result counts without it.")
            return None
        return self.artifacts.put(json.dumps(diagnosis.as_json()).encode()) if diagnosis else None

    def assignment(self, submission: Submission) -> Assignment:
        """Read the entry's files; raise EntrantFault where the settings are not valid."""
        with db.reading(self.engine) as session:
            found = session.get_one(Submission, submission.id)
            race, parent = found.race, found.parent
        assignment = Assignment.of(
            race,
            race.seed,
            source=submission.source,
            model_metadata=submission.model_metadata,
            hyperparameters=submission.hyperparameters,
        )
        return assignment.going_on_from(self.continuation(parent)) if parent else assignment

    def continuation(self, parent: Submission) -> Checkpoint:
        """Return what a training needs to go on from an earlier submission."""
        if parent.continuation_key is None:
            raise EntrantFault(
                Verdict.SETTINGS,
                f"Nothing can be trained on from entry {parent.number}: only its policy was kept. "
                "Choose a newer one, or train from the beginning.",
            )
        return Checkpoint.from_bytes(self.artifacts.get(parent.continuation_key))

    def train(
        self, lease: Lease, assignment: Assignment, recorder: DriveRecorder, keeper: Keeper
    ) -> "Training":
        def report(progress: "Progress") -> None:
            now = datetime.now(UTC)
            with db.transaction(self.engine) as session:
                jobs.renew(session, lease, now, LEASE_S)
                submissions.report_progress(session, lease, progress.as_json(), now)

        train = partial(
            assignment.train,
            on_progress=report,
            should_stop=lambda: self.stopping,
            on_checkpoint=keeper.keep,
            recorder=recorder,
        )
        try:
            trained = train(start=keeper.last())
        except CheckpointError as error:
            log.warning("Job %d begins from the beginning. %s", lease.job_id, error)
            trained = train()
        if trained.stopped:
            raise StoppedError
        return trained

    def record(self, lease: Lease, trial: "Trial", learned: dict[str, Any]) -> None:
        """Store the trace, then everything else in one transaction."""
        result = results.TrialResult(
            laps=tuple(lap_result(lap) for lap in trial.laps),
            total_time_ms=trial.total_time_ms,
            off_track_count=trial.off_track_count,
            crash_count=trial.crash_count,
            reset_count=trial.reset_count,
            suspicious_laps=trial.suspicious_laps,
            finished=trial.finished,
            ended_by=trial.ended_by,
            trace_key=self.artifacts.put(trial.trace.to_bytes()),
            **{"versions": trial.versions} | learned,
        )
        recorded = self.write(results.record_trial, lease, result)
        log.info("Submission %s: official time %s ms.", lease.submission_id, recorded.official_ms)


def lap_result(lap: Lap) -> results.LapResult:
    """Say a lap of the garage in the league's words."""
    return results.LapResult(
        lap_time_ms=lap.lap_time_ms,
        off_track_count=lap.off_track_count,
        reset_count=lap.reset_count,
        penalty_ms=lap.penalty_ms,
        crash_count=lap.crash_count,
        direction=Direction(lap.direction),
    )


def reason_of(error: Exception) -> str:
    """Return what an entrant and an organiser are told of a failure on our side."""
    if isinstance(error, RACE_FAULTS):
        return f"This race cannot be driven as it was set up: {str(error).rstrip('.')}."
    if isinstance(error, SandboxUnavailableError):
        return "Sandbox unavailable: this machine cannot lock up code, so nothing was run."
    return f"The arena failed ({type(error).__name__})."


def hire(
    arena_settings: ArenaSettings,
    *,
    name: str,
    kinds: tuple[JobKind, ...] = jobs.ALL_KINDS,
    hardware: tuple[Hardware, ...] = (Hardware.CPU,),
) -> Worker:
    """Return a worker in this process, which is to be run yet.

    Raises `SandboxUnavailableError` where entrants' code cannot be held, and Outdated.
    """
    held = probing.hold_entries(arena_settings.sandbox is not Sandbox.LOCKED)
    lock.make_undumpable()
    engine = db.connect(arena_settings.database_url)
    db.upgrade(engine)
    worker = Worker(
        engine, ArtifactStore(arena_settings.artifacts), name=name, kinds=kinds, hardware=hardware
    )
    worker.serves_one_account = held.profile is None and arena_settings.sandbox is Sandbox.LOCAL_TRUSTED
    return worker
