"""Files of strangers: what can drive drives as it does elsewhere, the rest is refused in words, unharmed."""

from __future__ import annotations

import importlib.metadata
import json
import pickle
import re
import struct
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto

from arena.garage import protection, racing
from arena.garage.inference import LIMITS, OnnxPolicy
from arena.garage.lock import Profile
from arena.garage.onnx_files import to_onnx
from arena.garage.policy import Policy
from arena.garage.protection import Protection
from arena.garage.settings import ModelMetadata
from arena.garage.uploads import MAX_UPLOAD_BYTES, check_policy, open_policy, read_upload
from arena.garage.verdicts import EntrantFault, SandboxUnavailableError, Verdict
from simulator.actions import DEFAULT_ACTIONS
from simulator.sensors.objects import OBJECT_VECTOR_COLUMNS
from simulator.track import Track
from tests.arena.garage.onnx_making import (
    COUNT,
    FIVE,
    array,
    bottomless,
    choosing_policy,
    claiming,
    elsewhere,
    endless,
    hungry,
    model,
    nested,
    node,
    steering_policy,
    weights,
)

NAN = np.full((1, 2), np.nan, np.float32)


def refusal(data: bytes, metadata: ModelMetadata | None = None) -> EntrantFault:
    with pytest.raises(EntrantFault) as caught, open_policy(data, metadata) as network:
        network.act(np.zeros((1, COUNT)))
    assert "Traceback" not in caught.value.detail
    assert not re.search(r"(^|\W)/\w", caught.value.message)  # no path of ours
    return caught.value


@pytest.mark.parametrize("policy", [steering_policy(), choosing_policy()])
def test_both_kinds_drive_the_same_laps(policy: Policy, oval: Track) -> None:
    laps = racing.drive(policy, oval, laps=1).laps
    for data in (policy.to_bytes(), to_onnx(policy)):
        with open_policy(data) as network:
            assert network.actions == policy.actions
            assert network.columns == policy.columns
            assert racing.drive(network, oval, laps=1).laps == laps


def test_a_network_of_another_trainer_drives_with_the_actions_of_its_metadata() -> None:
    with open_policy(model(shape=("batch", COUNT)), ModelMetadata()) as network:
        assert network.actions == DEFAULT_ACTIONS
        np.testing.assert_allclose(network.act(np.ones((3, COUNT))), np.full((3, 2), 0.28), rtol=1e-6)


def test_the_width_of_the_input_says_what_is_seen() -> None:
    count = len(OBJECT_VECTOR_COLUMNS)
    with open_policy(model(arrays=[weights(count)], shape=(1, count))) as network:
        assert network.columns == OBJECT_VECTOR_COLUMNS


def test_the_number_of_an_action_is_an_answer_too() -> None:
    nodes = [node("MatMul", ["observation", "W"], "five"), node("ArgMax", ["five"], axis=1, keepdims=0)]
    data = model(nodes, [weights(outputs=5)], output=(1,), output_type=TensorProto.INT64)
    with open_policy(data, ModelMetadata(FIVE)) as network:
        assert network.act(np.ones((2, COUNT))).tolist() == [0, 0]


def test_chance_in_a_network_is_the_same_every_time() -> None:
    data = model([node("RandomNormal", [], shape=[1, 2])], [])
    with open_policy(data) as network:
        answers = network.act(np.zeros((4, COUNT)))
    with open_policy(data) as network:
        np.testing.assert_array_equal(network.act(np.zeros((4, COUNT))), answers)
    assert len(np.unique(answers)) > 2


FOREIGN = node("Foo", ["observation", "W"], name="bar", domain="com.acme")
ONNX: dict[str, tuple[bytes, str]] = {
    "an unknown operator": (
        model([node("Foo", ["observation", "W"], name="bar")]),
        "unknown operator Foo in node bar",
    ),
    "an operator of somebody's library": (
        model([FOREIGN], opsets=(("", 17), ("com.acme", 1))),
        "unknown operator com.acme:Foo",
    ),
    "an opset of the future": (model(opsets=(("", 99),)), "opset 99, which is newer"),
    "an input of another width": (
        model(arrays=[weights(30)], shape=(1, 30)),
        "The input is observation (float [1, 30]). Expected observation, float32 [1, 28]",
    ),
    "a picture as input": (
        model([node("Flatten", ["observation"])], [], shape=(1, 120, 160, 1)),
        "The input is observation (float [1, 120, 160, 1])",
    ),
    "whole numbers as input": (
        model([node("Cast", ["observation"], to=1)], [], input_type=TensorProto.INT64),
        "The input is observation (int64 [1, 28])",
    ),
    "a batch of many": (model(shape=(256, COUNT), output=(256, 2)), "(float [256, 28])"),
    "two inputs": (
        model([node("Add", ["a", "b"])], [], inputs=("a", "b")),
        "The network has 2 inputs (a (float [1, 28]), b (float [1, 28]))",
    ),
    "weights that do not fit": (model(arrays=[weights(30)]), "onnxruntime says: Node (steer)"),
    "an output of another size": (
        model([node("Identity", ["observation"])], [], output=(1, COUNT)),
        "The output action has the shape 1x28 for one observation, expected 2 numbers: steering and speed",
    ),
    "words as output": (
        model([node("Cast", ["observation"], to=8)], [], output_type=TensorProto.STRING, output=(1, COUNT)),
        "The output is action (string [1, 28]); expected float32",
    ),
    "an action of NaN": (
        model(
            [node("MatMul", ["observation", "W"], "small"), node("Add", ["small", "N"])],
            [weights(), array("N", NAN)],
        ),
        "The answer to observation 1 is nan, nan: expected finite numbers",
    ),
    "weights in /etc/passwd": (model(arrays=[elsewhere("/etc/passwd")]), "weights lie in another file"),
    "weights in a file above": (model(arrays=[elsewhere("../../etc/passwd")]), "weights lie in another file"),
    "weights at an address in memory": (
        model(arrays=[elsewhere("*/_ORT_MEM_ADDR_/*", "4096")]),
        "weights lie in another file",
    ),
    "weights of 10^12 numbers": (model(arrays=[claiming(1 << 40, 2)]), "The network cannot be run"),
    "weights that overflow a size": (model(arrays=[claiming(1 << 62, 8)]), "The network cannot be run"),
    "weights of a negative size": (model(arrays=[claiming(-COUNT, 2)]), "The network cannot be run"),
    "an array that is nowhere": (model(arrays=[]), "Node input 'W' is not a graph input"),
    "half a file": (to_onnx(steering_policy())[:700], "no ONNX file that can be read"),
    "names that are no text": (
        model().replace(b"observation", b"observ\xff\xfe\xfd\xfcn"),
        "Names in the file are no text",
    ),
    "no graph": (b"\x08\x08\x12\x04test", "no ONNX file that can be read"),
    "a million brackets": (b"\x08\x08" + b"\x3a\x80\x80\x40" * 200_000, "no ONNX file that can be read"),
}


@pytest.mark.parametrize("name", ONNX)
def test_an_onnx_file_that_cannot_drive(name: str) -> None:
    data, words = ONNX[name]
    fault = refusal(data)
    assert fault.verdict is Verdict.POLICY
    assert words in fault.message


def test_graphs_in_graphs_are_opened_or_refused_but_hurt_nobody() -> None:
    with open_policy(nested(20)) as network:
        assert network.act(np.zeros((1, COUNT))).shape == (1, 2)
    assert "no ONNX file that can be read" in refusal(bottomless()).message


def test_a_network_without_an_end_is_stopped() -> None:
    limits = replace(LIMITS, message_s=0.1)
    with pytest.raises(EntrantFault) as caught, OnnxPolicy(endless(), limits=limits):
        pass
    assert caught.value.verdict is Verdict.TIMEOUT
    assert "one answer was stopped" in caught.value.message


def test_a_network_that_wants_too_much_memory_is_refused() -> None:
    assert refusal(hungry()).verdict is Verdict.MEMORY


def test_a_network_that_is_always_late_is_stopped() -> None:
    with pytest.raises(EntrantFault) as caught, OnnxPolicy(model(), bank_s=-1.0):
        pass
    assert caught.value.verdict is Verdict.TIMEOUT
    assert "the car wants one every 67 ms" in caught.value.message


def test_a_nan_later_on_names_its_observation_and_the_network_is_done() -> None:
    # The square root of -x is a number only while x is not positive.
    nodes = [node("Neg", ["observation"], "n"), node("Sqrt", ["n"], "r"), node("MatMul", ["r", "W"])]
    seen = np.zeros((1, COUNT))
    with open_policy(model(nodes)) as network:
        network.act(seen)
        network.act(seen)
        for _ in range(2):
            with pytest.raises(EntrantFault, match="observation 3 is nan"):
                network.act(seen + 1.0)


def test_a_machine_without_onnxruntime_blames_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata.Distribution, "discover", classmethod(lambda *_, **__: iter(())))
    with pytest.raises(SandboxUnavailableError, match="pip install 'apex-arena\\[onnx\\]'"):
        refusal(model())


@pytest.mark.skipif(sys.platform != "linux", reason="seccomp is a part of Linux")
@pytest.mark.usefixtures("same_protection_afterwards")
def test_a_kernel_without_landlock_gives_the_same_answers() -> None:
    seen = np.random.default_rng(2).uniform(-1, 1, (5, COUNT))
    with open_policy(to_onnx(choosing_policy())) as network:
        answers = network.act(seen)
    protection.use(Protection(Profile.STRICT))
    with open_policy(to_onnx(choosing_policy())) as network:
        np.testing.assert_array_equal(network.act(seen), answers)


def test_an_action_that_is_not_in_the_list_is_refused() -> None:
    data = model([node("Constant", [], value_ints=[7])], [], output=(1,), output_type=TensorProto.INT64)
    fault = refusal(data, ModelMetadata(FIVE))
    assert "The answer is action 7: expected a number from 0 to 4" in fault.message


def test_actions_by_number_need_a_list_of_actions() -> None:
    data = model([node("Constant", [], value_ints=[1])], [], output=(1,), output_type=TensorProto.INT64)
    assert "The output is action (int64 [1]); expected float32" in refusal(data).message


@pytest.mark.parametrize("data", [steering_policy().to_bytes(), to_onnx(steering_policy())])
def test_two_action_spaces_are_one_too_many(data: bytes) -> None:
    assert "another action space" in refusal(data, ModelMetadata(FIVE)).message


class Exploding:
    """Unpickled, it would say so."""

    def __reduce__(self) -> tuple[Callable[..., None], tuple[str]]:
        return pytest.fail, ("something was unpickled",)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_no_pickle_is_ever_read(protocol: int) -> None:
    fault = refusal(pickle.dumps(Exploding(), protocol))
    assert fault.verdict is Verdict.POLICY
    assert protocol < 2 or "a Python pickle. It was not opened" in fault.message


@pytest.mark.parametrize(
    ("begin", "words"),
    [
        (b"PK\x03\x04", "a zip archive, as PyTorch and stable-baselines3 save"),
        (b"\x89HDF\r\n", "as Keras saves"),
        (b"\x1f\x8b\x08", "enter the policy.onnx that is in it"),
        (b"\x18\0\0\0ORTM", "onnxruntime's own format"),
        (b"class Agent:", "neither an ONNX file nor a safetensors file"),
    ],
)
def test_other_files_are_named(begin: bytes, words: str) -> None:
    assert words in refusal(begin + bytes(100)).message


def test_an_empty_file_and_one_of_500_mb_are_not_even_opened(tmp_path: Path) -> None:
    assert refusal(b"").verdict is Verdict.EMPTY
    with (tmp_path / "policy.onnx").open("wb") as file:
        file.truncate(500_000_000)
    with pytest.raises(EntrantFault, match="500,000,000 bytes, a policy at most 20,000,000") as caught:
        read_upload(tmp_path / "policy.onnx")
    assert caught.value.verdict is Verdict.TOO_LARGE
    assert refusal(bytes(MAX_UPLOAD_BYTES + 1)).verdict is Verdict.TOO_LARGE


def with_header(change: Callable[[dict[str, dict[str, object]]], object]) -> bytes:
    """Return a policy's file whose safetensors header was changed."""
    data = steering_policy().to_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    change(header)
    written = json.dumps(header).encode()
    return struct.pack("<Q", len(written)) + written + data[8 + length :]


LIES: dict[str, Callable[[dict[str, dict[str, object]]], object]] = {
    "shape": lambda header: header["layer0.weight"].update(shape=[4, 29]),
    "a shape of 10^18": lambda header: header["layer0.weight"].update(shape=[10**9, 10**9]),
    "a negative shape": lambda header: header["layer0.weight"].update(shape=[-4, -28]),
    "dtype": lambda header: header["layer0.weight"].update(dtype="F64"),
    "a dtype that is none": lambda header: header["layer0.weight"].update(dtype="OBJECT"),
    "offsets behind the end": lambda header: header["layer1.bias"].update(data_offsets=[0, 10**12]),
    "offsets that overlap": lambda header: header["layer1.bias"].update(data_offsets=[0, 8]),
    "offsets that run backwards": lambda header: header["layer1.bias"].update(data_offsets=[8, 0]),
    "a layer that is not there": lambda header: header.pop("layer1.bias"),
    "no metadata": lambda header: header.pop("__metadata__"),
}


@pytest.mark.parametrize("name", LIES)
def test_a_safetensors_header_that_lies(name: str) -> None:
    assert refusal(with_header(LIES[name])).verdict is Verdict.POLICY


@pytest.mark.parametrize("length", [0, 1, 7, 10**6, 2**40, 2**63, 2**64 - 1])
def test_a_safetensors_file_that_lies_about_its_headers_length(length: int) -> None:
    fault = refusal(struct.pack("<Q", length) + steering_policy().to_bytes()[8:])
    assert fault.verdict is Verdict.POLICY


def judged(data: bytes) -> Verdict:
    try:
        with open_policy(data) as network:
            return Verdict.OK if np.isfinite(network.act(np.zeros((1, COUNT)))).all() else Verdict.BAD_VALUE
    except EntrantFault as fault:
        return fault.verdict


@settings(max_examples=60)
@given(place=st.integers(0, 1200), value=st.integers(0, 255), cut=st.integers(0, 1700))
def test_a_damaged_safetensors_file_is_a_policy_or_a_fault(place: int, value: int, cut: int) -> None:
    data = bytearray(steering_policy().to_bytes())
    data[place] = value
    assert judged(bytes(data[: len(data) - cut // 400])) in (Verdict.OK, Verdict.POLICY)


@settings(max_examples=8)
@given(changes=st.lists(st.tuples(st.integers(0, 1500), st.integers(0, 255)), min_size=1, max_size=3))
def test_a_damaged_onnx_file_drives_or_is_refused(changes: list[tuple[int, int]]) -> None:
    data = bytearray(to_onnx(steering_policy()))
    for place, value in changes:
        data[place % len(data)] = value
    assert judged(bytes(data)) in (Verdict.OK, Verdict.POLICY, Verdict.EMPTY, Verdict.MEMORY)


def test_a_check_says_what_the_policy_does(oval: Track) -> None:
    for data in (steering_policy().to_bytes(), to_onnx(steering_policy())):
        result = check_policy(data, None, oval)
        assert result.ok
        assert result.message.startswith("The policy sees by observation (28 numbers). At 12 places of")
    refused = check_policy(b"\x80\x04K\x01.", None, oval)
    assert (refused.ok, refused.verdict) == (False, Verdict.POLICY)


def test_a_race_may_not_allow_what_a_policy_sees_by(oval: Track) -> None:
    for data in (steering_policy().to_bytes(), to_onnx(steering_policy())):
        result = check_policy(data, None, oval, senses=("camera",))
        assert (result.ok, result.verdict) == (False, Verdict.POLICY)
        assert "The policy sees by observation, this race allows camera" in result.message
