"""The pit: a process of its own without the league's secrets, that may die or hang without harm."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from arena.courses import conditions_of
from arena.league.plans import RacePlan
from arena.pit_wall import PitLostError, PitWall, clean_environment
from arena.radio import Kind, Message

GOOD = "def reward_function(params):\n    return params['progress']\n"
CHECK = Message(Kind.CHECK, {"entry": {"source": GOOD, "track": "oval"}})


def words(wall: PitWall, order: Message, stops: bool = False) -> list[Message]:
    return list(wall.work(order, on_tick=lambda: None, should_stop=lambda: stops))


def drive(steps: int) -> Message:
    """The order of a training."""
    race = RacePlan(slug="a", title="A", track="oval", laps=1, training_steps=steps, seed=1)
    facts = {
        "driver": "policy",
        "conditions": conditions_of(race),
        "race_seed": 1,
        "source": GOOD,
        "model_metadata": None,
        "hyperparameters": None,
    }
    return Message(Kind.DRIVE, facts)


@pytest.fixture
def own() -> Iterator[PitWall]:
    """A pit that the test may kill."""
    wall = PitWall(trains=False)
    yield wall
    wall.close()


def test_a_pit_sees_no_secret_of_its_worker(monkeypatch: pytest.MonkeyPatch, own: PitWall) -> None:
    secrets = {"ARENA_DATABASE_URL": "postgresql://arena:secret@db/arena", "AWS_SECRET_ACCESS_KEY": "secret"}
    for name, value in (secrets | {"ARENA_SECRET_KEY": "secret", "PGPASSWORD": "secret"}).items():
        monkeypatch.setenv(name, value)
    assert "secret" not in repr(clean_environment())
    own.start()
    if sys.platform == "linux":
        assert b"secret" not in Path(f"/proc/{own.pid}/environ").read_bytes()


def test_a_pit_holds_no_file_of_its_worker(own: PitWall, engine: Engine) -> None:
    """The worker's connections to the database are not inherited."""
    with engine.connect():
        own.start()
        if sys.platform == "linux":
            links = [os.readlink(link) for link in Path(f"/proc/{own.pid}/fd").iterdir()]
            assert not [link for link in links if link.endswith((".db", ".db-wal"))]


def test_a_check_is_answered_with_rewards(pit: PitWall) -> None:
    *_, last = words(pit, CHECK)
    assert last.kind is Kind.DONE
    assert last.facts["ok"] is True
    assert last.facts["rewards"]


def test_a_training_reports_and_hands_over_its_files(pit: PitWall) -> None:
    said = words(pit, drive(10_000))
    kinds = [message.kind for message in said]
    assert kinds.index(Kind.PROGRESS) < kinds.index(Kind.RACING) < kinds.index(Kind.DONE) == len(kinds) - 1
    assert {"policy", "trace", "continuation"} <= said[-1].files.keys()


def test_a_stop_ends_the_work_and_the_pit_goes_on(pit: PitWall) -> None:
    assert words(pit, drive(20_000_000), stops=True)[-1].kind is Kind.STOPPED
    assert words(pit, CHECK)[-1].facts["ok"] is True


def test_work_that_nobody_waits_for_is_called_off_and_the_pit_goes_on(pit: PitWall) -> None:
    pit.start()
    before = pit.pid
    work = pit.work(drive(20_000_000), on_tick=lambda: None, should_stop=lambda: False)
    next(work)
    work.close()
    assert words(pit, CHECK)[-1].facts["ok"] is True
    assert pit.pid == before


def test_a_killed_pit_is_our_fault_and_a_new_one_takes_the_next_order(own: PitWall) -> None:
    work = own.work(drive(20_000_000), on_tick=lambda: None, should_stop=lambda: False)
    next(work)
    assert own.pid is not None
    os.kill(own.pid, signal.SIGKILL)
    with pytest.raises(PitLostError, match="lost"):
        list(work)
    assert words(own, CHECK)[-1].facts["ok"] is True


def test_a_pit_that_hangs_is_ended() -> None:
    hanging = PitWall(trains=False, silence_s=0.5)
    hanging.start()
    assert hanging.pid is not None
    os.kill(hanging.pid, signal.SIGSTOP)
    with pytest.raises(PitLostError, match="said nothing"):
        words(hanging, CHECK)
    assert hanging.pid is None


def test_a_program_that_is_no_pit_is_told(tmp_path: Path) -> None:
    wall = PitWall(program=(sys.executable, "-c", "raise SystemExit(5)"))
    with pytest.raises(PitLostError):
        wall.start()
