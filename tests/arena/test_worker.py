"""The door between league and garage, with a real database, real children and real (small) trainings."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

import starter_kits
from arena import courses
from arena.garage import racing
from arena.garage.policy import Policy
from arena.garage.training_checkpoint import Checkpoint
from arena.league import accounts, db, events, jobs, seasons, standings, stewards, submissions
from arena.league.artifacts import ArtifactStore
from arena.league.errors import ArtifactMissing, NotAllowed
from arena.league.models import Job, Race, Racer, Submission
from arena.league.plans import RacePlan
from arena.league.states import (
    Car,
    Direction,
    JobKind,
    JobState,
    RaceType,
    Ruling,
    SubmissionState,
    Timing,
)
from arena.league.submissions import Entry
from arena.pit import driven_json
from arena.pit_wall import PitWall
from arena.radio import Kind, Message
from arena.worker import Worker
from simulator import tracks
from simulator.car import CLASSIC
from simulator.laps import Lap
from simulator.trace import Trace
from tests.conftest import Cast

KIT = starter_kits.load("make_progress")
STEPS = 60_000


@pytest.fixture
def artifacts(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "artifacts")


@pytest.fixture
def worker(engine: Engine, artifacts: ArtifactStore, pit: PitWall) -> Worker:
    return Worker(engine, artifacts, name="test", pit=pit)


@pytest.fixture
def race(engine: Engine, cast: Cast) -> Race:
    """An open race at the real time, for the worker has a real clock."""
    now = datetime.now(UTC)
    with db.transaction(engine) as session:
        season = seasons.open_season(
            session,
            slug="now",
            title="Now",
            opens_at=now - timedelta(hours=1),
            closes_at=now + timedelta(days=1),
            by=cast.olga,
            now=now,
        )
        plan = RacePlan(
            slug="now-oval",
            title="Now",
            track="oval",
            laps=2,
            timing=Timing.BEST_LAP,
            training_steps=STEPS,
            seed=7,
        )
        return seasons.open_race(session, season, plan, by=cast.olga, now=now)


def enter(
    engine: Engine, race: Race, racer: Racer, source: str = KIT.reward_function, **settings: str
) -> str:
    """Submit and return the submission's id."""
    with db.transaction(engine) as session:
        own_race, own_racer = session.get_one(Race, race.id), session.get_one(Racer, racer.id)
        entry = Entry(source, settings.get("model_metadata"), settings.get("hyperparameters"))
        return submissions.submit(session, own_race, own_racer, entry, datetime.now(UTC)).id


def submission_of(engine: Engine, submission_id: str) -> Submission:
    with db.reading(engine) as session:
        return session.get_one(Submission, submission_id)


def names_of_events(engine: Engine, submission_id: str) -> list[str]:
    with db.reading(engine) as session:
        return [entry.name for entry in events.read_after(session, 0, submission_id=submission_id)]


def test_a_submission_is_trained_raced_and_recorded(
    engine: Engine, artifacts: ArtifactStore, worker: Worker, race: Race, cast: Cast
) -> None:
    submission_id = enter(engine, race, cast.ann)
    assert worker.work_once() is True
    submission = submission_of(engine, submission_id)
    assert submission.state is SubmissionState.RECORDED
    assert submission.official_time_ms is not None
    with db.reading(engine) as session:
        rows = standings.board(session, session.get_one(Race, race.id))
        trial = session.get_one(Submission, submission_id).trial
        assert trial is not None
        trace_key, versions = trial.trace_key, trial.versions
    assert [(row.racer, row.official_ms) for row in rows] == [("ann", submission.official_time_ms)]
    assert {"rules", "car", "track"} <= versions.keys()
    assert len(Trace.from_bytes(artifacts.get(trace_key))) > 15
    assert submission.policy_key is not None
    Policy.from_bytes(artifacts.get(submission.policy_key))
    names = names_of_events(engine, submission_id)
    assert names.index("submission.training") < names.index("training.progressed")
    assert (
        names.index("submission.racing") < names.index("lap.completed") < names.index("submission.recorded")
    )


def test_what_the_training_says_of_the_reward_function_is_kept(
    engine: Engine, artifacts: ArtifactStore, worker: Worker, race: Race, cast: Cast
) -> None:
    source = "def reward_function(params):\n    return 1.0\n"
    submission_id = enter(engine, race, cast.ann, source)
    worker.work_once()
    key = submission_of(engine, submission_id).diagnosis_key
    assert key is not None
    diagnosis = json.loads(artifacts.get(key))
    assert [finding["pattern"] for finding in diagnosis["findings"]] == ["constant"]
    assert diagnosis["learning"][-1]["steps"] <= STEPS


def test_a_house_car_is_driven_by_the_reference_driver_without_training(
    engine: Engine, worker: Worker, race: Race, cast: Cast
) -> None:
    now = datetime.now(UTC)
    with db.transaction(engine) as session:
        house = accounts.create_racer(
            session, handle="house-two", name="House car", password=None, now=now, is_house=True
        )
        own_race = session.get_one(Race, race.id)
        submission_id = submissions.enter_reference(session, own_race, house, now).id
        with pytest.raises(NotAllowed, match="Only a house car"):
            submissions.enter_reference(session, own_race, session.get_one(Racer, cast.ann.id), now)
    worker.work_once()
    driven = submission_of(engine, submission_id)
    assert (driven.state, driven.policy_key, driven.digest) == (SubmissionState.RECORDED, None, None)
    optimum = tracks.optimum_of(tracks.load("oval"), CLASSIC)
    assert optimum is not None
    assert driven.best_lap_ms is not None
    assert 1.0 <= driven.best_lap_ms / (1000 * optimum.lap_s) < 1.1
    assert "training.progressed" not in names_of_events(engine, submission_id)


def test_a_race_is_driven_with_its_car(engine: Engine, worker: Worker, race: Race, cast: Cast) -> None:
    with db.transaction(engine) as session:
        session.get_one(Race, race.id).car = Car.V6
    submission_id = enter(engine, race, cast.ann)
    worker.work_once()
    with db.reading(engine) as session:
        trial = session.get_one(Submission, submission_id).trial
        assert trial is not None
        assert trial.versions["spec"] == "v6"


def test_the_same_code_with_other_comments_and_spaces_gets_the_same_policy_drive_and_time(
    engine: Engine, worker: Worker, race: Race, cast: Cast
) -> None:
    looks_other = "# my very own idea\n" + KIT.reward_function.replace("\n", "  \r\n").replace(" * ", "*")
    first, second = enter(engine, race, cast.ann), enter(engine, race, cast.cleo, looks_other)
    while worker.work_once():
        pass
    assert result_of(engine, first) == result_of(engine, second)
    assert submission_of(engine, first).official_time_ms is not None


def result_of(engine: Engine, submission_id: str) -> tuple[Any, ...]:
    """Return all that must be equal where code, settings and race are."""
    with db.reading(engine) as session:
        found = session.get_one(Submission, submission_id)
        assert found.trial is not None
        laps = [(lap.lap_time_ms, lap.off_track_count, lap.penalty_ms) for lap in found.trial.laps]
        return (found.digest, found.seed, found.policy_key, found.trial.trace_key, laps)


def test_resubmitting_and_the_order_of_jobs_change_nothing(
    engine: Engine, worker: Worker, race: Race, cast: Cast
) -> None:
    with db.transaction(engine) as session:
        session.get_one(Race, race.id).training_steps = 10_000
    other = "import random\n\ndef reward_function(params):\n    return random.random()\n"
    results: dict[str, list[tuple[Any, ...]]] = {KIT.reward_function: [], other: []}
    for source in (KIT.reward_function, other, other, KIT.reward_function):
        submission_id = enter(engine, race, cast.ann, source)
        worker.work_once()
        results[source].append(result_of(engine, submission_id))
    for first, again in results.values():
        assert first == again
    assert results[other][0] != results[KIT.reward_function][0]


def test_a_fault_in_the_entrants_code_is_a_verdict_and_the_next_submission_goes_on(
    engine: Engine, worker: Worker, race: Race, cast: Cast
) -> None:
    broken = enter(engine, race, cast.ann, "def reward_function(params):\n    return params['nope']\n")
    fine = enter(engine, race, cast.cleo)
    while worker.work_once():
        pass
    rejected = submission_of(engine, broken)
    assert rejected.state is SubmissionState.REJECTED
    assert (rejected.verdict, rejected.verdict_line) == ("runtime", 2)
    assert rejected.verdict_message is not None
    assert "nope" in rejected.verdict_message
    trained = submission_of(engine, fine)
    assert trained.state is SubmissionState.RECORDED
    for usage in (rejected.usage, trained.usage):
        assert usage is not None
        assert usage["cpu_s"] > 0.0
        assert usage["wall_s"] > 0.0
        assert usage["peak_mb"] > 1.0


def test_impossible_settings_are_a_verdict(engine: Engine, worker: Worker, race: Race, cast: Cast) -> None:
    metadata = '{"action_space": [{"steering_angle": 90, "speed": 1}, {"steering_angle": 0, "speed": 1}]}'
    submission_id = enter(engine, race, cast.ann, model_metadata=metadata)
    worker.work_once()
    assert submission_of(engine, submission_id).verdict == "settings"


def test_our_own_fault_costs_no_try_and_is_tried_again(
    engine: Engine, worker: Worker, race: Race, cast: Cast, caplog: pytest.LogCaptureFixture
) -> None:
    submission_id = enter(engine, race, cast.ann)
    with db.transaction(engine) as session:
        session.get_one(Race, race.id).track = "a-track-that-was-removed"
    worker.work_once()
    assert submission_of(engine, submission_id).state is SubmissionState.QUEUED
    assert "failed on our side" in caplog.text
    while worker.work_once():
        pass
    stalled = submission_of(engine, submission_id)
    assert stalled.state is SubmissionState.STALLED
    with db.reading(engine) as session:
        own_race, ann = session.get_one(Race, race.id), session.get_one(Racer, cast.ann.id)
        assert submissions.tries_left(session, own_race, ann) == own_race.max_submissions


@pytest.mark.parametrize(
    "road",
    [
        {"race_type": RaceType.OBJECT_AVOIDANCE, "obstacle_count": 2, "direction": Direction.REVERSED},
        {"race_type": RaceType.HEAD_TO_BOTS, "bot_count": 2, "bot_speed_mps": 0.2},
        {"race_type": RaceType.HEAD_TO_HEAD, "cars": 3},
        {"direction": Direction.ALTERNATE, "imperfect": True},
    ],
    ids=["obstacles", "bots", "rivals", "alternate"],
)
def test_what_a_race_puts_on_its_road_is_trained_and_driven(
    engine: Engine, worker: Worker, race: Race, cast: Cast, road: dict[str, Any]
) -> None:
    with db.transaction(engine) as session:
        own = session.get_one(Race, race.id)
        for name, value in (road | {"training_steps": 10_000, "laps": 1}).items():
            setattr(own, name, value)
        course = courses.course_of(own)
    submission_id = enter(engine, race, cast.ann)
    worker.work_once()
    assert submission_of(engine, submission_id).state is SubmissionState.RECORDED
    with db.reading(engine) as session:
        trial = session.get_one(Submission, submission_id).trial
        assert trial is not None
        assert trial.versions["course"] == course.text
        assert {lap.direction.value for lap in trial.laps} <= {way.value for way in course.directions}


def test_what_the_garage_counted_and_doubted_is_recorded(
    engine: Engine, worker: Worker, race: Race, cast: Cast
) -> None:
    """A car as fast as this cannot be built, so its first lap is written into the trial."""
    with db.transaction(engine) as session:
        session.get_one(Race, race.id).training_steps = 10_000
    submission_id = enter(engine, race, cast.ann)
    lease = worker.claim()
    assert lease is not None
    worker.write(submissions.mark_training, lease)
    worker.write(submissions.mark_racing, lease)
    driven = racing.drive("reference", courses.course_of(race), laps=1)
    lap = Lap(1, 1_000, 0, 2, 7_000, crash_count=2)
    facts = driven_json(replace(driven, laps=(lap,), crash_count=3)) | {"versions": driven.versions}
    worker.record(lease, Message(Kind.DONE, facts, {"trace": driven.trace.to_bytes()}))
    with db.reading(engine) as session:
        trial = session.get_one(Submission, submission_id).trial
        assert trial is not None
        assert (trial.ruling, trial.official_ms, trial.crash_count) == (Ruling.HELD, None, 3)
        assert [(own.lap_time_ms, own.crash_count, own.direction) for own in trial.laps] == [
            (1_000, 2, Direction.FORWARD)
        ]
        assert [waiting.id for waiting in stewards.waiting(session)] == [trial.id]


def test_a_race_that_cannot_be_driven_is_not_the_entrants_fault(
    engine: Engine, worker: Worker, race: Race, cast: Cast
) -> None:
    submission_id = enter(engine, race, cast.ann)
    with db.transaction(engine) as session:
        own = session.get_one(Race, race.id)
        own.race_type, own.obstacles = RaceType.OBJECT_AVOIDANCE, "0.5,inner;0.5,outer"
    while worker.work_once():
        pass
    stalled = submission_of(engine, submission_id)
    assert stalled.state is SubmissionState.STALLED
    assert stalled.verdict_message is not None
    assert "cannot be driven as it was set up: the obstacles at 0.500 and 0.500" in stalled.verdict_message
    with db.reading(engine) as session:
        own_race, ann = session.get_one(Race, race.id), session.get_one(Racer, cast.ann.id)
        assert submissions.tries_left(session, own_race, ann) == own_race.max_submissions


def test_a_cancelled_submission_stops_its_training(
    engine: Engine, worker: Worker, race: Race, cast: Cast
) -> None:
    submission_id = enter(engine, race, cast.ann)
    lease = worker.claim()
    assert lease is not None
    with db.transaction(engine) as session:
        submission = session.get_one(Submission, submission_id)
        ann = session.get_one(Racer, cast.ann.id)
        submissions.cancel(session, submission, by=ann, now=datetime.now(UTC))
    worker.work(lease)
    assert submission_of(engine, submission_id).state is SubmissionState.CANCELLED


def test_cancelling_a_training_under_way_frees_its_worker_and_costs_the_try(
    engine: Engine, worker: Worker, race: Race, cast: Cast
) -> None:
    with db.transaction(engine) as session:
        session.get_one(Race, race.id).training_steps = 20_000_000
    submission_id = enter(engine, race, cast.ann)
    working = threading.Thread(target=worker.work_once)
    working.start()
    while "training.progressed" not in names_of_events(engine, submission_id):
        assert working.is_alive()
        time.sleep(0.02)
    with db.transaction(engine) as session:
        submission, ann = session.get_one(Submission, submission_id), session.get_one(Racer, cast.ann.id)
        left = submissions.tries_left(session, submission.race, ann)
        submissions.cancel(session, submission, by=ann, now=datetime.now(UTC))
        assert submissions.tries_left(session, submission.race, ann) == left
    working.join(5)
    assert not working.is_alive()
    assert submission_of(engine, submission_id).state is SubmissionState.CANCELLED


def test_a_check_answers_without_spending_a_try(engine: Engine, worker: Worker, cast: Cast) -> None:
    with db.transaction(engine) as session:
        ann = session.get_one(Racer, cast.ann.id)
        payload = {"source": KIT.reward_function, "track": "oval"}
        job_id = jobs.request_check(session, ann, payload, datetime.now(UTC)).id
    worker.work_once()
    with db.reading(engine) as session:
        job = session.get_one(Job, job_id)
        assert job.state is JobState.DONE
        assert job.result is not None
        assert job.result["ok"] is True
        assert len(job.result["rewards"]) >= 12


def test_a_check_for_a_race_meets_what_is_on_its_road(
    engine: Engine, worker: Worker, race: Race, cast: Cast
) -> None:
    source = "def reward_function(params):\n    return float(len(params['objects_location']))\n"
    with db.transaction(engine) as session:
        own = session.get_one(Race, race.id)
        own.race_type, own.obstacle_count = RaceType.OBJECT_AVOIDANCE, 3
        ann = session.get_one(Racer, cast.ann.id)
        payload = {"source": source, "race": race.slug}
        job_id = jobs.request_check(session, ann, payload, datetime.now(UTC)).id
    worker.work_once()
    with db.reading(engine) as session:
        result = session.get_one(Job, job_id).result
        assert result is not None
        assert {each["reward"] for each in result["rewards"]} == {3.0}


def test_a_checker_leaves_trainings_alone(
    engine: Engine, artifacts: ArtifactStore, race: Race, cast: Cast
) -> None:
    submission_id = enter(engine, race, cast.ann)
    checker = Worker(engine, artifacts, name="checker", kinds=(JobKind.CHECK,))
    assert checker.work_once() is False
    assert checker.pit.pid is None
    assert submission_of(engine, submission_id).state is SubmissionState.QUEUED


def start_worker(data: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "ARENA_DATA_DIR": str(data)}
    return subprocess.Popen([sys.executable, "-m", "arena", "worker", "--name", "w"], env=environment)


def wait_for_state(
    engine: Engine, submission_id: str, state: SubmissionState, within_s: float = 60.0
) -> None:
    deadline = time.monotonic() + within_s
    while submission_of(engine, submission_id).state is not state:
        assert time.monotonic() < deadline, f"still {submission_of(engine, submission_id).state}"
        time.sleep(0.05)


def test_sigterm_gives_the_training_back_to_the_queue(
    engine: Engine, tmp_path: Path, race: Race, cast: Cast
) -> None:
    with db.transaction(engine) as session:
        session.get_one(Race, race.id).training_steps = 20_000_000
    submission_id = enter(engine, race, cast.ann)
    with start_worker(tmp_path) as process:
        wait_for_state(engine, submission_id, SubmissionState.TRAINING)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert submission_of(engine, submission_id).state is SubmissionState.QUEUED


# Cut short trainings as long ones are.
CUT = """
from arena.garage import training_recipe
training_recipe._SHORT_STEPS, training_recipe._STINT_STEPS_PER_CAR = 0, 1
from arena import pit
"""
CUTTING_PIT = (sys.executable, "-c", f"{CUT}pit.main()")
CUTTING_WORKER = f"""
import sys
from arena import pit_wall
pit_wall.PitWall.__init__.__kwdefaults__["program"] = {CUTTING_PIT!r}
sys.argv = ["arena", "worker", "--name", "w"]
from arena.cli import main
main()
"""


@pytest.fixture
def cutting(engine: Engine, artifacts: ArtifactStore) -> Iterator[Worker]:
    """A worker whose pit cuts every training into stints."""
    wall = PitWall(program=CUTTING_PIT)
    yield Worker(engine, artifacts, name="cutting", pit=wall)
    wall.close()


def checkpoint_of(engine: Engine, submission_id: str) -> str | None:
    with db.reading(engine) as session:
        query = select(Job.checkpoint_key).where(Job.submission_id == submission_id)
        return session.execute(query).scalar_one()


def test_a_killed_workers_submission_goes_on_from_its_checkpoint_to_the_same_result(
    engine: Engine, cutting: Worker, tmp_path: Path, race: Race, cast: Cast
) -> None:
    worker = cutting
    with db.transaction(engine) as session:
        session.get_one(Race, race.id).training_steps = 20_000
    killed = enter(engine, race, cast.ann)
    environment = {**os.environ, "ARENA_DATA_DIR": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", CUTTING_WORKER], env=environment) as process:
        patience_ends = time.monotonic() + 60
        while checkpoint_of(engine, killed) is None and process.poll() is None:
            assert time.monotonic() < patience_ends
            time.sleep(0.01)
        process.kill()
    key = checkpoint_of(engine, killed)
    assert key is not None
    begun = Checkpoint.from_bytes(worker.artifacts.get(key)).steps
    expire_leases(engine)
    worker.work_once()
    undisturbed = enter(engine, race, cast.cleo)
    worker.work_once()
    assert result_of(engine, killed) == result_of(engine, undisturbed)
    steps = [progress["steps"] for progress in curve_of(engine, killed)]
    assert begun <= steps[0] < steps[-1]
    assert names_of_events(engine, killed).count("submission.requeued") == 1
    assert names_of_events(engine, killed).count("submission.recorded") == 1
    with pytest.raises(ArtifactMissing):
        worker.artifacts.get(key)


def curve_of(engine: Engine, submission_id: str) -> list[dict[str, Any]]:
    with db.reading(engine) as session:
        return submissions.curve(session, session.get_one(Submission, submission_id))


@pytest.mark.parametrize("damage", ["missing", "damaged", "old"])
def test_without_a_usable_checkpoint_a_training_begins_from_the_beginning(
    engine: Engine,
    worker: Worker,
    race: Race,
    cast: Cast,
    damage: str,
) -> None:
    with db.transaction(engine) as session:
        session.get_one(Race, race.id).training_steps = 10_000
    submission_id = enter(engine, race, cast.ann)
    old = Checkpoint(identity="", digest="", stints=1, steps=1)
    key = worker.artifacts.put(old.to_bytes() if damage == "old" else b"no checkpoint")
    if damage == "missing":
        worker.artifacts.discard(key)
    with db.transaction(engine) as session:
        session.execute(update(Job).values(checkpoint_key=key))
    worker.work_once()
    assert submission_of(engine, submission_id).state is SubmissionState.RECORDED
    assert curve_of(engine, submission_id)[-1]["steps"] == 9_984  # whole updates


def test_a_submission_trains_on_from_an_earlier_one(
    engine: Engine, worker: Worker, race: Race, cast: Cast
) -> None:
    with db.transaction(engine) as session:
        session.get_one(Race, race.id).training_steps = 10_000
    first = enter(engine, race, cast.ann)
    worker.work_once()
    second, third = (enter(engine, race, cast.ann) for _ in range(2))
    with db.transaction(engine) as session:
        for submission_id in (second, third):
            session.get_one(Submission, submission_id).parent_id = first
    while worker.work_once():
        pass
    assert result_of(engine, second) == result_of(engine, third)
    assert result_of(engine, second)[1] != result_of(engine, first)[1]
    key = submission_of(engine, second).continuation_key
    assert key is not None
    assert Checkpoint.from_bytes(worker.artifacts.get(key)).total_steps == 2 * 9_984


def test_what_was_trained_before_continuations_were_kept_cannot_be_trained_on(
    engine: Engine, worker: Worker, race: Race, cast: Cast
) -> None:
    with db.transaction(engine) as session:
        session.get_one(Race, race.id).training_steps = 10_000
    first, second = (enter(engine, race, cast.ann) for _ in range(2))
    with db.transaction(engine) as session:
        session.get_one(Submission, second).parent_id = first
    while worker.work_once():
        with db.transaction(engine) as session:
            session.get_one(Submission, first).continuation_key = None
    rejected = submission_of(engine, second)
    assert (rejected.state, rejected.verdict) == (SubmissionState.REJECTED, "settings")


def expire_leases(engine: Engine) -> None:
    """Let the time of every lease run out, instead of waiting for it."""
    with Session(engine) as session, session.begin():
        for job in session.execute(select(Job).where(Job.state == JobState.CLAIMED)).scalars():
            job.lease_until = datetime.now(UTC) - timedelta(seconds=1)
