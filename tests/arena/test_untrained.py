"""Agents and policies that were trained elsewhere, from entering to the board, through a real worker."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

import starter_kits
from arena import untrained
from arena.league import db, events, jobs, seasons, standings, submissions
from arena.league.artifacts import ArtifactStore
from arena.league.models import Job, Race, Racer, Submission
from arena.league.plans import RacePlan
from arena.league.states import Driver, SubmissionState
from arena.league.submissions import Entry
from arena.pit_wall import PitWall
from arena.worker import Worker
from tests.arena.garage.onnx_making import steering_policy
from tests.conftest import Cast

AGENT = starter_kits.load_agent("pure_pursuit").agent
NARROW = '{"action_space": {"steering_angle": {"low": -20, "high": 20}, "speed": {"low": 1, "high": 2}}}'

Enter = Callable[[Entry], Submission]


@pytest.fixture
def artifacts(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "artifacts")


@pytest.fixture
def worker(engine: Engine, artifacts: ArtifactStore, pit: PitWall) -> Worker:
    return Worker(engine, artifacts, name="test", pit=pit)


@pytest.fixture
def race(engine: Engine, cast: Cast) -> Race:
    """An open race of one lap that takes everything, at the real time, for the worker has a real clock."""
    now = datetime.now(UTC)
    hour = timedelta(hours=1)
    plan = RacePlan(
        slug="now", title="Now", track="oval", laps=1, seed=7, takes_agents=True, takes_policies=True
    )
    with db.transaction(engine) as session:
        season = seasons.open_season(
            session, slug="now", title="Now", opens_at=now - hour, closes_at=now + hour, by=cast.olga, now=now
        )
        return seasons.open_race(session, season, plan, by=cast.olga, now=now)


@pytest.fixture
def enter(engine: Engine, worker: Worker, race: Race, cast: Cast) -> Enter:
    """Enter something as Ann, have it driven, and return what became of it."""

    def entered(entry: Entry) -> Submission:
        with db.transaction(engine) as session:
            ann = session.get_one(Racer, cast.ann.id)
            made = submissions.submit(session, session.get_one(Race, race.id), ann, entry, datetime.now(UTC))
        assert worker.work_once()
        with db.reading(engine) as session:
            found = session.get_one(Submission, made.id)
            assert found.trial is None or found.trial.laps is not None
            return found

    return entered


def test_an_agent_drives_without_training(engine: Engine, race: Race, enter: Enter) -> None:
    source = AGENT + "\nprint('warm tyres')\n"
    first, again = (
        enter(Entry(source, driver=Driver.AGENT)),
        enter(Entry(source + "# x", driver=Driver.AGENT)),
    )
    assert first.state is SubmissionState.RECORDED
    assert first.official_time_ms is not None
    assert (again.official_time_ms, again.digest, again.seed) == (
        first.official_time_ms,
        first.digest,
        first.seed,
    )
    assert first.trial is not None
    assert again.trial is not None
    assert first.trial.trace_key == again.trial.trace_key
    assert {"car", "numpy", "python", "machine"} <= first.trial.versions.keys()
    assert first.output == "warm tyres\n"
    assert (first.policy_key, first.diagnosis_key, first.total_steps) == (None, None, None)
    with db.reading(engine) as session:
        told = [entry.name for entry in events.read_after(session, 0, submission_id=first.id)]
        [row] = standings.board(session, session.get_one(Race, race.id))
    assert "training.progressed" not in told
    assert (row.driver, row.is_continued, row.submissions) == (Driver.AGENT, False, 2)


def test_an_agent_that_fails_is_rejected_with_its_line(enter: Enter) -> None:
    source = "class Agent:\n    def act(self, observation):\n        return observation['sped'], 1.0\n"
    rejected = enter(Entry(source, driver=Driver.AGENT))
    assert rejected.state is SubmissionState.REJECTED
    assert (rejected.verdict, rejected.verdict_line) == ("runtime", 3)


def test_a_policy_drives_as_it_came(artifacts: ArtifactStore, enter: Enter) -> None:
    key = artifacts.put(steering_policy().to_bytes())
    driven = enter(Entry("", driver=Driver.TRAINED, upload_key=key))
    assert driven.state is SubmissionState.RECORDED
    assert driven.official_time_ms is not None
    assert (driven.digest, driven.seed, driven.policy_key) == (None, None, None)
    assert driven.trial is not None
    assert "onnxruntime" in driven.trial.versions
    other = enter(Entry("", NARROW, driver=Driver.TRAINED, upload_key=key))
    assert (other.state, other.verdict) == (SubmissionState.REJECTED, "policy")


def test_a_file_that_is_no_policy_is_rejected_and_a_lost_one_is_our_fault(
    artifacts: ArtifactStore, enter: Enter
) -> None:
    rejected = enter(Entry("", driver=Driver.TRAINED, upload_key=artifacts.put(b"PK\x03\x04")))
    assert (rejected.state, rejected.verdict) == (SubmissionState.REJECTED, "policy")
    lost = enter(Entry("", driver=Driver.TRAINED, upload_key="ab" * 32))
    assert lost.state is SubmissionState.QUEUED


def test_the_instant_check_tries_agents_and_policies(
    engine: Engine, artifacts: ArtifactStore, worker: Worker, race: Race, cast: Cast
) -> None:
    broken = AGENT.replace("def act", "def react")
    policy, other = artifacts.put(steering_policy().to_bytes()), artifacts.put(b"\x89HDF")
    narrow = {"driver": "trained", "source": "", "upload_key": policy, "model_metadata": NARROW}
    wanted = {
        "agent": ({"driver": "agent", "source": AGENT}, True),
        "broken": ({"driver": "agent", "source": broken}, False),
        "policy": ({"driver": "trained", "source": "", "upload_key": policy}, True),
        "narrow": (narrow, False),
        "other": ({"driver": "trained", "source": "", "upload_key": other}, False),
    }
    ids = {}
    with db.transaction(engine) as session:
        for name, (payload, _) in wanted.items():
            asked = payload | {"race": race.slug}
            ids[name] = jobs.request_check(session, cast.ann, asked, datetime.now(UTC)).id
    while worker.work_once():
        pass
    with db.reading(engine) as session:
        found = {name: session.get_one(Job, job_id).result for name, job_id in ids.items()}
    for name, (_, ok) in wanted.items():
        result = found[name]
        assert result is not None
        assert result["ok"] is ok, (name, result)
        assert result["rewards"] == []


def test_only_the_race_and_the_code_decide_an_agents_luck() -> None:
    seeds = {untrained.agent_seed(race, digest) for race in (1, 2) for digest in ("a", "b")}
    assert len(seeds) == 4
    assert all(0 <= seed < 2**32 for seed in seeds)
