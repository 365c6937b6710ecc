"""The page of a new entry: what it offers in a race, and what happens with each kind of entry."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest
from sqlalchemy import select, update

import starter_kits
from arena.league import db, submissions
from arena.league.models import Race, Racer, Submission
from arena.league.states import Driver, Hardware
from arena.league.submissions import Entry
from arena.league.uploads import MAX_UPLOAD_BYTES
from leaderboard import create_app, submitting
from leaderboard.entry_files import Files
from tests.arena.garage.onnx_making import steering_policy
from tests.driving import SOURCE
from tests.leaderboard import stage
from tests.leaderboard.conftest import RACE, Visit
from tests.leaderboard.stage import Stage
from tests.leaderboard.test_entries import count_of_entries
from tests.leaderboard.visitor import Visitor, text_of

ENTER = f"/races/{RACE}/enter"
CHOICES = ("A reward function", "More training", "An agent", "A trained policy")
NARROW = {"action_space": {"steering_angle": {"low": -20, "high": 20}, "speed": {"low": 1, "high": 2}}}


def allow(arena_stage: Stage, **rules: Any) -> None:
    """Change what the race takes."""
    with db.transaction(arena_stage.engine) as session:
        session.execute(update(Race).where(Race.slug == RACE).values(**rules))


def trained(arena_stage: Stage, handle: str = "ann") -> Submission:
    """A result that can be trained on from."""
    entry = arena_stage.result(handle)
    with db.transaction(arena_stage.engine) as session:
        session.get_one(Submission, entry.id).continuation_key = "ab" * 32
    return entry


def offered(page: str) -> list[str]:
    return [choice for choice in CHOICES if f"<strong>{choice}</strong>" in page]


def test_only_what_the_race_takes_is_offered(visit: Visit, arena_stage: Stage) -> None:
    ann = visit("ann")
    assert "What do you enter?" not in ann.read(ENTER)
    allow(arena_stage, takes_agents=True, takes_policies=True)
    assert offered(ann.get(ENTER).text) == ["A reward function", "An agent", "A trained policy"]
    trained(arena_stage)
    assert offered(ann.get(ENTER).text) == list(CHOICES)
    assert offered(visit("ben").get(ENTER).text) == ["A reward function", "An agent", "A trained policy"]
    allow(arena_stage, may_continue=False, takes_policies=False)
    assert offered(ann.get(ENTER).text) == ["A reward function", "An agent"]


def test_what_is_not_offered_is_not_shown(visit: Visit) -> None:
    ann = visit("ann")
    for kind in ("agent", "policy", "continue", "nonsense"):
        assert "Write your reward function" in ann.read(f"{ENTER}?kind={kind}")


def test_each_kind_has_its_own_fields(visit: Visit, arena_stage: Stage) -> None:
    allow(arena_stage, takes_agents=True, takes_policies=True)
    ann = visit("ann")
    agent = ann.get(f"{ENTER}?kind=agent").text
    assert 'name="agent"' in agent
    assert "hyperparameters" not in agent
    assert "model_metadata" not in agent
    assert "bends_cut" in agent
    other = ann.post(f"{ENTER}?kind=agent", action="load-kit", kit="small_network", kind="agent")
    assert "bends_cut" not in other.text
    assert "class Agent:" in other.text
    policy = ann.get(f"{ENTER}?kind=policy").text
    assert 'type="file" name="policy"' in policy
    assert "Up to 20 MB" in policy
    assert "hyperparameters" not in policy
    assert 'name="source"' not in policy


def test_training_on_begins_with_the_chosen_entry(visit: Visit, arena_stage: Stage) -> None:
    first, second = trained(arena_stage), trained(arena_stage)
    ann = visit("ann")
    for chosen, other in ((first, second), (second, first)):
        page = ann.get(f"{ENTER}?kind=continue&parent={chosen.id}").text
        assert f'<option value="{chosen.id}" selected>' in page
        assert f'<option value="{other.id}">' in page
        assert "def reward_function" in page
    assert f"kind=continue&amp;parent={first.id}" in ann.get(f"/submissions/{first.id}").text
    assert "kind=continue" not in visit("ben").get(f"/submissions/{first.id}").text


@pytest.mark.usefixtures("checker")
def test_an_entry_that_was_trained_on_shows_where_from(visit: Visit, arena_stage: Stage) -> None:
    first = trained(arena_stage)
    with db.transaction(arena_stage.engine) as session:
        session.get_one(Submission, first.id).model_metadata = json.dumps(NARROW)
    ann = visit("ann")
    answer = ann.post(f"{ENTER}?kind=continue", kind="continue", parent="1", source=SOURCE)
    assert answer.status_code == 302, text_of(answer)
    with db.reading(arena_stage.engine) as session:
        second = session.scalars(select(Submission).where(Submission.number == 2)).one()
    assert (second.parent_id, second.total_steps) == (first.id, 20_000)
    assert second.model_metadata == json.dumps(NARROW)
    page = " ".join(visit("").read(f"/submissions/{second.id}").split())
    assert "Trained on from #1 : 10,000 + 10,000 = 20,000 steps" in page.replace("#1:", "#1 :")
    assert "20,000 steps with its ancestors" in page


REFUSED_PARENTS: tuple[tuple[str, dict[str, str], int, str], ...] = (
    ("ann", {"parent": ""}, 422, "Choose the entry"),
    ("ann", {"parent": "7"}, 404, "no entry 7"),
    ("ann", {"parent": "0" * 26}, 404, "no entry 0000"),
    ("ben", {}, 403, "somebody else"),
    ("ann", {"model_metadata": json.dumps(NARROW)}, 422, "action_space"),
    ("ann", {"kind": "agent", "source": "class Agent: ..."}, 422, "not with an agent"),
)


def test_what_cannot_be_trained_on_is_told_and_the_text_stays(visit: Visit, arena_stage: Stage) -> None:
    usual = {"kind": "continue", "parent": trained(arena_stage).id, "source": SOURCE}
    for handle, fields, status, words in REFUSED_PARENTS:
        answer = visit(handle).post(f"{ENTER}?kind=continue", **(usual | fields))
        assert answer.status_code == status
        for shown in (words, "No try was spent", fields.get("source", "def reward_function(params):")):
            assert shown in text_of(answer)
    assert count_of_entries(arena_stage) == 1


def test_what_the_race_does_not_take_is_refused(visit: Visit, arena_stage: Stage) -> None:
    ann = visit("ann")
    agent = ann.post(ENTER, kind="agent", source="class Agent: ...")
    policy = ann.post(ENTER, kind="policy", policy=(io.BytesIO(b"x"), "a.onnx"))
    assert (agent.status_code, policy.status_code) == (403, 403)
    assert "does not take an agent" in text_of(agent)
    assert "does not take a policy" in text_of(policy)
    assert count_of_entries(arena_stage) == 0
    assert list(arena_stage.artifacts.keys()) == []


def part(name: str, content: bytes, filename: str = "") -> bytes:
    """A part of a form, written by hand: the test client leaves a temporary file open for a large one."""
    file = f'; filename="{filename}"' if filename else ""
    head = f'--line\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
    return head.encode() + content + b"\r\n"


def test_a_policy_without_a_file_or_with_too_large_a_one_is_told(visit: Visit, arena_stage: Stage) -> None:
    allow(arena_stage, takes_policies=True)
    ann = visit("ann")
    answer = ann.post(f"{ENTER}?kind=policy", kind="policy", policy=(io.BytesIO(b""), ""))
    assert answer.status_code == 422
    assert "The policy's file is missing" in text_of(answer)
    token = ann.get("/teams").text.split('name="csrf-token" content="')[1].split('"')[0]
    head = b"".join(
        part(name, text.encode()) for name, text in {"csrf_token": token, "kind": "policy"}.items()
    )
    body = head + part("policy", bytes(MAX_UPLOAD_BYTES + 1), "policy.onnx") + b"--line--\r\n"
    answer = ann.client.post(ENTER, data=body, content_type="multipart/form-data; boundary=line")
    assert answer.status_code == 413
    assert "up to 20 MB" in text_of(answer)
    assert "Choose the file again" in text_of(answer)


def test_whoever_is_not_signed_in_sends_no_large_files(arena_stage: Stage) -> None:
    app = create_app(stage.settings(arena_stage, max_upload_bytes=10_000))
    large = (io.BytesIO(bytes(200_000)), "policy.onnx")
    assert Visitor(app).post(ENTER, kind="policy", policy=large).status_code == 413


def test_a_file_that_was_not_entered_is_not_kept(
    visit: Visit, arena_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No worker runs: the check is withdrawn after a while, and the file with it."""
    monkeypatch.setattr("leaderboard.submitting.CHECK_WITHIN_S", 0.1)
    allow(arena_stage, takes_policies=True)
    answer = visit("ann").post(ENTER, kind="policy", policy=(io.BytesIO(b"a policy"), "policy.onnx"))
    assert answer.status_code == 503
    assert list(arena_stage.artifacts.keys()) == []


def zipped(content: bytes) -> list[bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return [archive.read(name) for name in archive.namelist()]


def recorded(arena_stage: Stage, entry: Entry) -> Submission:
    """Enter something and record a drive for it."""
    allow(arena_stage, takes_agents=True, takes_policies=True)
    with db.transaction(arena_stage.engine) as session:
        race = session.get_one(Race, arena_stage.race.id)
        ann = session.get_one(Racer, arena_stage.people["ann"].id)
        made = submissions.submit(session, race, ann, entry, stage.now())
    lease = arena_stage.claim(made)
    arena_stage.train(lease)
    arena_stage.race_and_record(lease, stage.Pursuit())
    return made


def test_an_agent_shows_what_it_is_and_its_code_to_its_owner(visit: Visit, arena_stage: Stage) -> None:
    entry = recorded(arena_stage, Entry("class Agent: # secret", driver=Driver.AGENT))
    ann, sam = visit("ann"), visit("sam")
    page = ann.read(f"/submissions/{entry.id}")
    assert "none: driven by its own code" in page
    assert "class Agent: # secret" in page
    assert "secret" not in sam.read(f"/submissions/{entry.id}")
    assert ann.get(f"/submissions/{entry.id}/agent.py").text == "class Agent: # secret"
    assert ann.get(f"/submissions/{entry.id}/reward_function.py").status_code == 404
    assert sam.get(f"/submissions/{entry.id}/agent.py").status_code == 403
    logs = ann.get(f"/submissions/{entry.id}/deepracer-logs.zip")
    assert logs.status_code == 200
    assert b"secret" not in b"".join(zipped(logs.data))
    assert '<span class="tag">agent</span>' in sam.get(f"/races/{RACE}").text
    assert '<span class="tag">agent</span>' in sam.get("/tracks/oval").text
    assert "Training" not in [step for step in ann.get(f"/submissions/{entry.id}").text.split("data-step=")]


def test_an_uploaded_policy_is_given_back_to_its_owner_only(visit: Visit, arena_stage: Stage) -> None:
    key = arena_stage.artifacts.put(b"\x08\x09 some policy")
    entry = recorded(arena_stage, Entry("", driver=Driver.TRAINED, upload_key=key))
    ann = visit("ann")
    assert "Policy trained elsewhere" in visit("sam").read(f"/submissions/{entry.id}")
    file = ann.get(f"/submissions/{entry.id}/uploaded-policy")
    assert file.data == b"\x08\x09 some policy"
    assert file.headers["Content-Disposition"].endswith(".onnx")
    assert visit("cleo").get(f"/submissions/{entry.id}/uploaded-policy").status_code == 403
    assert '<span class="tag">trained elsewhere</span>' in ann.get(f"/races/{RACE}").text
    assert ann.get(f"/submissions/{arena_stage.enter('ann').id}/uploaded-policy").status_code == 404


def test_a_race_says_what_may_be_entered(visit: Visit, arena_stage: Stage) -> None:
    sam = visit("")
    assert "Reward functions" in sam.read(f"/races/{RACE}")
    allow(arena_stage, takes_agents=True, takes_policies=True, senses="vector,camera", may_continue=False)
    page = sam.read(f"/races/{RACE}")
    assert "Reward functions, agents, policies trained elsewhere" in page
    assert "The road ahead as numbers, or a camera" in page
    assert "Begins anew with every entry" in page


@pytest.mark.usefixtures("checker")
def test_ann_enters_an_agent_and_a_policy_by_the_plain_form(visit: Visit, arena_stage: Stage) -> None:
    allow(arena_stage, takes_agents=True, takes_policies=True)
    ann, agent = visit("ann"), starter_kits.load_agent("pure_pursuit").agent
    checked = ann.post(f"{ENTER}?kind=agent", kind="agent", source=agent, action="check")
    assert "The check found no fault" in text_of(checked)
    policy = steering_policy().to_bytes()
    for fields in (
        {"kind": "agent", "source": agent},
        {"kind": "policy", "policy": (io.BytesIO(policy), "mine.safetensors")},
    ):
        assert ann.post(ENTER, **fields).status_code == 302
    refused = ann.post(ENTER, kind="policy", policy=(io.BytesIO(b"\x89HDF"), "keras.h5"))
    assert refused.status_code == 422
    assert "as Keras saves" in text_of(refused)
    with db.reading(arena_stage.engine) as session:
        first, second = session.scalars(select(Submission).order_by(Submission.number))
    assert (first.driver, first.source, first.model_metadata) == (Driver.AGENT, agent, None)
    assert second.driver is Driver.TRAINED
    assert second.upload_key is not None
    assert arena_stage.artifacts.get(second.upload_key) == policy
    assert list(arena_stage.artifacts.keys()) == [second.upload_key]


@pytest.mark.parametrize(("senses", "needs"), [("vector,camera", Hardware.GPU), ("vector", Hardware.CPU)])
def test_a_training_by_pictures_asks_for_a_gpu(arena_stage: Stage, senses: str, needs: Hardware) -> None:
    allow(arena_stage, senses=senses)
    with db.reading(arena_stage.engine) as session:
        race = session.scalars(select(Race).where(Race.slug == RACE)).one()
    metadata = {
        "action_space": {"steering_angle": {"low": -30, "high": 30}, "speed": {"low": 1, "high": 3}},
        "sensor": ["FRONT_FACING_CAMERA"],
    }
    files = Files(b"def reward_function(params):\n    return 1.0\n", json.dumps(metadata).encode())
    assert submitting.read(files, race).needs is needs
