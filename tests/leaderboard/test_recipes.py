"""Recipes: what is published to whom, and that `arena verify` makes a result again from a running arena."""

from __future__ import annotations

import json
import socket
import subprocess
import sys

import pytest
from sqlalchemy import update

from arena.league import accounts, db, seasons, submissions
from arena.league.models import Race, Racer, Submission
from arena.league.plans import RacePlan
from arena.league.states import JobKind
from arena.league.submissions import Entry
from arena.pit_wall import PitWall
from arena.recipes import Recipe
from arena.worker import Worker
from tests.leaderboard import server, stage
from tests.leaderboard.conftest import Visit
from tests.leaderboard.stage import Stage

SOURCE = "def reward_function(params):\n    return float(params['progress'])\n"
METADATA = json.dumps({"action_space": [{"steering_angle": angle, "speed": 1.5} for angle in (-15, 0, 15)]})


@pytest.fixture
def recorded(arena_stage: Stage) -> Submission:
    """An entry of Ann's with all that a worker records."""
    entry = arena_stage.result("ann")
    made = {"policy_key": "ab" * 32, "digest": "cd" * 32, "seed": 31}
    with db.transaction(arena_stage.engine) as session:
        session.execute(update(Submission).values(**made))
    return entry


def end_race(arena_stage: Stage) -> None:
    with db.transaction(arena_stage.engine) as session:
        session.execute(update(Race).values(closes_at=stage.now()))


def recipe(visit: Visit, who: str, entry: Submission) -> Recipe:
    answer = visit(who).get(f"/api/v1/submissions/{entry.id}/recipe")
    assert answer.status_code == 200, answer.text
    return Recipe.of_json(json.loads(answer.text))


def test_everybody_reads_what_was_raced_and_the_hashes_of_what_came_out(
    visit: Visit, recorded: Submission
) -> None:
    found = recipe(visit, "", recorded)
    assert (found.racer, found.number, found.conditions["track"]) == ("ann", 1, "oval")
    assert (found.digest, found.policy_sha256) == ("cd" * 32, "ab" * 32)
    assert len(found.lap_times_ms) == 3
    assert found.versions["track"]


def test_the_page_of_a_trained_entry_leads_to_its_recipe(
    visit: Visit, recorded: Submission, arena_stage: Stage
) -> None:
    link = f'href="/api/v1/submissions/{recorded.id}/recipe"'
    assert link in visit("").get(f"/submissions/{recorded.id}").text
    with db.transaction(arena_stage.engine) as session:
        session.execute(update(Submission).values(policy_key=None))
    assert link not in visit("").get(f"/submissions/{recorded.id}").text


@pytest.mark.parametrize(("who", "reads"), [("", False), ("ben", False), ("ann", True), ("olga", True)])
def test_the_settings_are_the_owners_and_the_organisers(
    visit: Visit, recorded: Submission, who: str, reads: bool
) -> None:
    found = recipe(visit, who, recorded)
    assert (found.model_metadata is not None, found.hyperparameters is not None) == (reads, reads)
    assert "reward_function" not in json.dumps(found.as_json())


@pytest.mark.parametrize(("who", "reads"), [("", False), ("ben", False), ("ann", False), ("olga", True)])
def test_the_seeds_are_secret_until_the_race_is_over(
    visit: Visit, arena_stage: Stage, recorded: Submission, who: str, reads: bool
) -> None:
    hidden = recipe(visit, who, recorded)
    assert (hidden.race_seed, hidden.seed) == ((7, 31) if reads else (None, None))
    end_race(arena_stage)
    found = recipe(visit, who, recorded)
    assert (found.race_seed, found.seed) == (7, 31)


def test_an_entry_that_waits_has_no_recipe_yet(visit: Visit, arena_stage: Stage) -> None:
    answer = visit("ann").get(f"/api/v1/submissions/{arena_stage.enter('ann').id}/recipe")
    assert answer.status_code == 404
    assert "no recipe (yet)" in answer.text


def train_one(arena_stage: Stage, pit: PitWall) -> Submission:
    """Have a worker train and race an entry of Ann's in a race of one lap."""
    with db.transaction(arena_stage.engine) as session:
        olga = session.get_one(Racer, arena_stage.people["olga"].id)
        plan = RacePlan(slug="short", title="Short", track="oval", laps=1, training_steps=10_000)
        season = session.merge(arena_stage.season)
        race = seasons.open_race(session, season, plan, by=olga, now=stage.now())
        ann = session.get_one(Racer, arena_stage.people["ann"].id)
        entry = submissions.submit(session, race, ann, Entry(SOURCE, METADATA), stage.now())
    worker = Worker(arena_stage.engine, arena_stage.artifacts, name="w", kinds=(JobKind.TRAIN,), pit=pit)
    assert worker.work_once()
    return entry


def test_an_organiser_makes_an_official_result_again(arena_stage: Stage, pit: PitWall) -> None:
    entry = train_one(arena_stage, pit)
    with db.transaction(arena_stage.engine) as session:
        olga = session.get_one(Racer, arena_stage.people["olga"].id)
        token = accounts.issue_token(session, olga, "laptop", stage.now())
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with server.running(arena_stage.folder, port) as address:
        command = [sys.executable, "-m", "arena", "verify", f"{address}/submissions/{entry.id}"]
        done = subprocess.run([*command, "--token", token], capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert "Same: the code, the seed, the weights, the drive and every lap." in " ".join(done.stdout.split())
    assert "sandbox: locked" in done.stderr
