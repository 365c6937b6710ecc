"""`arena submit`: what a file is taken for, and how it goes over the wire."""

from __future__ import annotations

from email.parser import BytesParser
from email.policy import HTTP
from pathlib import Path
from typing import Any

import pytest

import starter_kits
from arena import remote, submitting
from arena.garage.verdicts import EntrantFault, Verdict

REWARD = "def reward_function(params):\n    return 1.0\n"
AGENT = "import math\n\nclass Agent:\n    def act(self, observation):\n        return 0.0, 1.0\n"


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        (REWARD, "reward_function"),
        (AGENT, "agent"),
        ("class\tAgent(object): pass", "agent"),
        ("class Agent: pass\n" + REWARD, "reward_function"),
        ("class Agents: pass", "reward_function"),
        ("# class Agent\nx = 1", "reward_function"),
        ("class Agent: pass\nreward_function = Agent()", "reward_function"),
        ("", "reward_function"),
    ],
)
def test_a_program_is_an_agent_if_it_defines_one_and_no_reward_function(source: str, kind: str) -> None:
    assert submitting.kind_of(source) == kind


def test_every_kit_is_taken_for_what_it_is() -> None:
    for file in sorted(starter_kits.FOLDER.glob("*/*.py")):
        if file.stem in ("reward_function", "agent"):
            assert submitting.kind_of(file.read_text(encoding="utf-8")) == file.stem


class Listening(remote.Client):
    """A client that keeps what it would send."""

    def __init__(self) -> None:
        super().__init__("http://127.0.0.1:9", "t")
        self.sent: list[tuple[str, Any, str]] = []

    def request(self, path: str, body: Any = None, content_type: str = "application/json") -> dict[str, Any]:
        """Keep a request."""
        self.sent.append((path, body, content_type))
        return {}


def test_code_goes_as_json_under_its_kind(tmp_path: Path) -> None:
    client = Listening()
    for source in (REWARD, AGENT):
        (tmp_path / "mine.py").write_text(source)
        submitting.entered(client, "oval", tmp_path / "mine.py", {"parent": "3"})
    path = "/api/v1/races/oval/submissions"
    assert client.sent == [
        (path, {"reward_function": REWARD, "parent": "3"}, "application/json"),
        (path, {"agent": AGENT, "parent": "3"}, "application/json"),
    ]


def test_a_policy_goes_as_a_form_whatever_its_file_is_called(tmp_path: Path) -> None:
    client, content = Listening(), b"\x08\x09\r\n--not the end\r\n\x00\xff"
    (tmp_path / "best.onnx").write_bytes(content)
    submitting.entered(client, "oval", tmp_path / "best.onnx", {"model_metadata": "{\n}"})
    [(_, body, content_type)] = client.sent
    parsed = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
    metadata, policy = parsed.iter_parts()
    assert metadata.get_payload() == "{\n}"
    assert policy.get_filename() == "policy.onnx"
    assert policy.get_param("name", header="content-disposition") == "policy"
    assert content in body


def test_a_file_that_is_no_policy_is_told_without_an_arena(tmp_path: Path) -> None:
    (tmp_path / "model.zip").write_bytes(b"PK\x03\x04 of stable-baselines3")
    with pytest.raises(EntrantFault) as fault:
        submitting.entered(Listening(), "oval", tmp_path / "model.zip", {})
    assert fault.value.verdict is Verdict.POLICY
    assert "zip archive" in fault.value.message
