"""THE PIT: the process beside a worker in which entries are checked, trained and raced.

It is started with a clean environment: no address of a database, no credentials of a storage, no secret of
the web. What it needs of an entry and its race comes as a message (`radio.py`), and what came out goes back
as one. Entrant code runs in locked children of the pit, never in it. It stays warm from one entry to the
next, because importing PyTorch takes longer than a beginner's training to its first lap.
"""

from __future__ import annotations

import json
import logging
import signal
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from types import FrameType
from typing import Any

from arena import courses, entry_checks, probing, untrained
from arena.assignments import Assignment
from arena.garage import lock
from arena.garage.debrief import debrief
from arena.garage.recording import DriveRecorder
from arena.garage.training_checkpoint import Checkpoint, CheckpointError
from arena.garage.trials import Trial
from arena.garage.verdicts import EntrantFault, SandboxUnavailableError
from arena.league.states import Driver
from arena.radio import ENDS, Kind, Message, receive, send
from arena.untrained import Untrained
from simulator.bots import BotError
from simulator.course import CourseError
from simulator.laps import Lap
from simulator.objects import ObstacleError
from simulator.track import TrackError

log = logging.getLogger("arena.pit")

Json = dict[str, Any]
# What is wrong with a race itself: neither the entrant's fault nor a failure of the machine.
RACE_FAULTS = (TrackError, CourseError, ObstacleError, BotError)


class StoppedError(Exception):
    """The work at hand was to stop."""


class Pit:
    """Answers one order after the other until the worker hangs up."""

    def __init__(self, line: Connection) -> None:
        self._line = line
        self._stopping = False
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the worker decides

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def tell(self, kind: Kind, facts: Json | None = None, **files: bytes) -> None:
        """Send a message to the worker. With the last word the wish to stop ends: it was about this order."""
        if kind in ENDS:
            self._stopping = False
        send(self._line, Message(kind, facts or {}, files))

    def serve(self) -> None:
        """Do what is asked for until the worker is gone."""
        while True:
            try:
                order = receive(self._line)
            except (EOFError, OSError):
                return
            self._answer(self._check if order.kind is Kind.CHECK else self._drive, order)

    def _answer(self, do: Callable[[Message], None], order: Message) -> None:
        try:
            do(order)
        except StoppedError:
            self.tell(Kind.STOPPED)
        except EntrantFault as fault:
            self.tell(Kind.FAULT, fault_json(fault))
        except SandboxUnavailableError as error:
            self.tell(Kind.UNAVAILABLE, {"message": str(error)})
        except RACE_FAULTS as error:
            self.tell(Kind.IMPOSSIBLE, {"message": str(error)})
        except (BrokenPipeError, ConnectionError):
            raise
        except Exception as error:
            log.exception("An entry failed on our side.")
            self.tell(Kind.FAILED, {"message": type(error).__name__})

    def _check(self, order: Message) -> None:
        facts = order.facts
        conditions = facts.get("conditions")
        race = courses.plan_of(conditions, facts["race_seed"]) if conditions else None
        found = entry_checks.check_entry(dict(facts["entry"]), race, order.files.get("upload"))
        self.tell(Kind.DONE, found)

    def _drive(self, order: Message) -> None:
        assignment = assignment_of(order)
        if order.facts["driver"] == Driver.POLICY:
            self._train_and_race(assignment, order.files.get("checkpoint"))
            return
        has_own_actions = order.facts["model_metadata"] is not None
        entry = Untrained(Driver(order.facts["driver"]), order.files.get("upload"), has_own_actions)
        self.tell(Kind.RACING)
        driven = untrained.drive(entry, assignment)
        self._done(driven.trial, driven.learned())

    def _train_and_race(self, assignment: Assignment, checkpoint: bytes | None) -> None:
        from arena.garage.training_versions import software

        recorder = DriveRecorder()
        trained = self._trained(assignment, recorder, checkpoint)
        self.tell(Kind.RACING)
        trial = assignment.race(trained.policy)
        files = {"policy": trained.policy.to_bytes(), "continuation": trained.continuation.to_bytes()}
        if diagnosis := self._diagnosis(recorder, trained, trial, assignment):
            files["diagnosis"] = diagnosis
        learned = {
            "versions": trial.versions | software(),
            "seed": trained.seed,
            "digest": trained.digest,
            "output": trained.output,
            "usage": trained.usage,
        }
        self._done(trial, learned, **files)

    def _trained(self, assignment: Assignment, recorder: DriveRecorder, checkpoint: bytes | None) -> Any:
        def train(start: Checkpoint | None) -> Any:
            return assignment.train(
                on_progress=lambda progress: self.tell(Kind.PROGRESS, progress.as_json()),
                should_stop=lambda: self._stopping,
                on_checkpoint=lambda kept: self.tell(Kind.CHECKPOINT, checkpoint=kept.to_bytes()),
                recorder=recorder,
                start=start,
            )

        try:
            trained = train(Checkpoint.from_bytes(checkpoint) if checkpoint else None)
        except CheckpointError as error:
            log.warning("A training begins from the beginning. %s", error)
            trained = train(None)
        if trained.stopped:
            raise StoppedError
        return trained

    def _diagnosis(
        self, recorder: DriveRecorder, trained: Any, trial: Trial, assignment: Assignment
    ) -> bytes | None:
        """Say what the training tells of the reward function; the result counts without it."""
        try:
            diagnosis = debrief(assignment.source, assignment.course, trained, trial, recorder)
        except Exception:
            log.exception("A diagnosis failed on our side; the result counts without it.")
            return None
        return json.dumps(diagnosis.as_json()).encode() if diagnosis else None

    def _done(self, trial: Trial, learned: Json, **files: bytes) -> None:
        self.tell(Kind.DONE, driven_json(trial) | learned, trace=trial.trace.to_bytes(), **files)


def assignment_of(order: Message) -> Assignment:
    """Return what an order is about. Raises `EntrantFault` for settings that are not valid."""
    facts = order.facts
    assignment = Assignment.of(
        courses.plan_of(facts["conditions"], facts["race_seed"]),
        facts["race_seed"],
        source=facts["source"],
        model_metadata=facts["model_metadata"],
        hyperparameters=facts["hyperparameters"],
    )
    parent = order.files.get("parent")
    return assignment.going_on_from(Checkpoint.from_bytes(parent)) if parent else assignment


def driven_json(trial: Trial) -> Json:
    """Say a drive in the words of `results.TrialResult`, its laps in those of `LapResult`."""
    return {
        "laps": [lap_json(lap) for lap in trial.laps],
        "total_time_ms": trial.total_time_ms,
        "off_track_count": trial.off_track_count,
        "crash_count": trial.crash_count,
        "reset_count": trial.reset_count,
        "suspicious_laps": trial.suspicious_laps,
        "finished": trial.finished,
        "ended_by": trial.ended_by,
    }


def lap_json(lap: Lap) -> Json:
    """Say a lap in the words of `results.LapResult`."""
    return {
        "lap_time_ms": lap.lap_time_ms,
        "off_track_count": lap.off_track_count,
        "reset_count": lap.reset_count,
        "penalty_ms": lap.penalty_ms,
        "crash_count": lap.crash_count,
        "direction": lap.direction.value,
    }


def fault_json(fault: EntrantFault) -> Json:
    """Say a verdict in the words of `submissions.Rejection`."""
    return {
        "verdict": fault.verdict.value,
        "message": fault.message,
        "line": fault.line,
        "detail": fault.detail,
        "output": fault.output,
        "usage": fault.usage,
    }


def main() -> None:
    """Serve the worker at the other end of the socket that the command line names."""
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    descriptor, *modes = sys.argv[1:]
    pit = Pit(Connection(int(descriptor)))
    try:
        held = probing.hold_entries(trusting="trusting" in modes)
    except SandboxUnavailableError as error:
        pit.tell(Kind.UNAVAILABLE, {"message": str(error)})
        return
    lock.make_undumpable()
    if "trains" in modes:
        from arena.garage import training, training_versions

        training.warm_up()
        training_versions.build()
    pit.tell(Kind.READY, {"locked": held.profile is not None})
    pit.serve()


if __name__ == "__main__":
    main()
