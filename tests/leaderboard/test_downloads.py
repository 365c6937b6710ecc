"""What an entry leaves behind as files: for its owner and organisers, by page and by API."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import update

from arena.garage.policy import Policy
from arena.league import db
from arena.league.models import Submission
from simulator.sensors import OBSERVATION_COLUMNS
from tests.leaderboard.conftest import Visit
from tests.leaderboard.stage import ACTIONS, Stage


@pytest.fixture
def trained(arena_stage: Stage) -> Submission:
    """An entry of Ann's with a policy of its own."""
    entry = arena_stage.result("ann")
    width = len(OBSERVATION_COLUMNS)
    about = {"track": "oval", "seed": "5"}
    policy = Policy(((np.full((2, width), 0.25), np.zeros(2)),), ACTIONS, about=about)
    key = arena_stage.artifacts.put(policy.to_bytes())
    with db.transaction(arena_stage.engine) as session:
        session.execute(update(Submission).values(policy_key=key))
    return entry


@pytest.mark.parametrize("path", ["/submissions/{}/policy.zip", "/api/v1/submissions/{}/policy"])
def test_the_owner_takes_the_policy_home_as_a_folder_that_races(
    visit: Visit, trained: Submission, tmp_path: Path, path: str
) -> None:
    answer = visit("ann").get(path.format(trained.id))
    assert answer.status_code == 200
    assert answer.content_type == "application/zip"
    assert "oval-sprint-ann-1-policy.zip" in answer.headers["Content-Disposition"]
    zipfile.ZipFile(io.BytesIO(answer.data)).extractall(tmp_path)
    policy = Policy.load(tmp_path / "oval-sprint-ann-1")
    assert policy.actions == ACTIONS
    assert policy.about == {"track": "oval"}  # from the training's seed the race's could be worked out
    assert (tmp_path / "oval-sprint-ann-1" / "reward_function.py").read_text() == trained.source


@pytest.mark.parametrize(("who", "status"), [("olga", 200), ("ben", 403), ("", 302)])
def test_a_policy_is_its_owners_and_the_organisers(
    visit: Visit, trained: Submission, who: str, status: int
) -> None:
    assert visit(who).get(f"/submissions/{trained.id}/policy.zip").status_code == status


def test_the_page_offers_what_its_reader_may_take(visit: Visit, trained: Submission) -> None:
    link = f"/submissions/{trained.id}/policy.zip"
    assert link in visit("ann").get(f"/submissions/{trained.id}").text
    assert link not in visit("ben").get(f"/submissions/{trained.id}").text


def test_an_entry_that_waits_has_no_policy_yet(visit: Visit, arena_stage: Stage) -> None:
    entry = arena_stage.enter("ann")
    answer = visit("ann").get(f"/submissions/{entry.id}/policy.zip")
    assert answer.status_code == 404
    assert "no trained policy" in answer.text
    assert visit("ann").get(f"/api/v1/submissions/{entry.id}/policy").status_code == 404


@pytest.mark.parametrize(
    "path", ["/submissions/{}/deepracer-logs.zip", "/api/v1/submissions/{}/deepracer-logs"]
)
def test_the_owner_takes_the_drive_home_in_deepracers_format(
    visit: Visit, arena_stage: Stage, tmp_path: Path, path: str
) -> None:
    entry = arena_stage.result("ann")
    answer = visit("ann").get(path.format(entry.id))
    assert answer.status_code == 200
    assert "oval-sprint-ann-1-deepracer-logs.zip" in answer.headers["Content-Disposition"]
    zipfile.ZipFile(io.BytesIO(answer.data)).extractall(tmp_path)
    (csv,) = tmp_path.glob("evaluation-*/evaluation-simtrace/0-iteration.csv")
    head, *rows = csv.read_text().splitlines()
    assert head.startswith("episode,steps,X,Y,yaw,steer,throttle,action,reward,done")
    assert len({row.split(",")[0] for row in rows}) == 3, "an episode is a lap"
    assert (tmp_path / "reward_function.py").read_text() == entry.source


@pytest.mark.parametrize(("who", "status"), [("olga", 200), ("ben", 403), ("", 302)])
def test_logs_show_the_action_space_and_are_not_for_rivals(
    visit: Visit, arena_stage: Stage, who: str, status: int
) -> None:
    entry = arena_stage.result("ann")
    assert visit(who).get(f"/submissions/{entry.id}/deepracer-logs.zip").status_code == status


def test_an_entry_that_waits_has_no_logs_yet(visit: Visit, arena_stage: Stage) -> None:
    entry = arena_stage.enter("ann")
    answer = visit("ann").get(f"/submissions/{entry.id}/deepracer-logs.zip")
    assert answer.status_code == 404
    assert "no drive (yet)" in answer.text
