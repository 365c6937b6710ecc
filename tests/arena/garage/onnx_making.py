"""ONNX files as tests want them: small networks that drive, and files that nobody should believe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from arena.garage.policy import Policy
from simulator.actions import DEFAULT_ACTIONS, Discrete
from simulator.sensors import OBSERVATION_COLUMNS

COUNT = len(OBSERVATION_COLUMNS)
AHEAD = OBSERVATION_COLUMNS.index("ahead_1.2_left")
FIVE = Discrete(tuple((angle, 1.5) for angle in (-30.0, -15.0, 0.0, 15.0, 30.0)))


def steering_policy(speed: float = -0.5, gain: float = 2.0) -> Policy:
    """Steer to where the centre line is 1.2 m ahead, at one speed; through a hidden layer."""
    hidden, last = np.zeros((4, COUNT)), np.zeros((2, 4))
    hidden[0, AHEAD], last[0, 0] = 0.5, 2.0 * gain
    return Policy(
        ((hidden, np.zeros(4)), (last, np.array([0.0, speed]))), DEFAULT_ACTIONS, about={"track": "oval"}
    )


def choosing_policy() -> Policy:
    """Prefer, of five angles, the one that leads to where the centre line is."""
    weight, bias = np.zeros((5, COUNT)), np.zeros(5)
    for place, share in enumerate((-1.0, -0.5, 0.0, 0.5, 1.0)):
        weight[place, AHEAD], bias[place] = 4.0 * share, -(share**2)
    return Policy(((weight, bias),), FIVE, about={"track": "oval"})


def node(operator: str, inputs: Sequence[str], output: str = "action", **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(operator, inputs, [output], **attributes)


def array(name: str, values: NDArray[Any]) -> onnx.TensorProto:
    return numpy_helper.from_array(values, name)


def weights(inputs: int = COUNT, outputs: int = 2) -> onnx.TensorProto:
    return array("W", np.full((inputs, outputs), 0.01, np.float32))


MATMUL = node("MatMul", ["observation", "W"], name="steer")


def model(
    nodes: Sequence[onnx.NodeProto] = (MATMUL,),
    arrays: Sequence[onnx.TensorProto] | None = None,
    *,
    shape: Sequence[int | str] = (1, COUNT),
    output: Sequence[int | str] = (1, 2),
    output_type: int = TensorProto.FLOAT,
    input_type: int = TensorProto.FLOAT,
    inputs: Sequence[str] = ("observation",),
    opsets: Sequence[tuple[str, int]] = (("", 17),),
) -> bytes:
    """Return a file; without anything else it multiplies the observation with small weights."""
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info(name, input_type, shape) for name in inputs],
        [helper.make_tensor_value_info("action", output_type, output)],
        [weights()] if arrays is None else arrays,
    )
    made = helper.make_model(
        graph, opset_imports=[helper.make_opsetid(*opset) for opset in opsets], ir_version=8
    )
    written: bytes = made.SerializeToString()
    return written


def elsewhere(location: str, offset: str = "0") -> onnx.TensorProto:
    """Return weights that claim to lie in another file."""
    tensor = TensorProto(name="W", data_type=TensorProto.FLOAT, dims=[COUNT, 2])
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", offset), ("length", str(COUNT * 8))):
        tensor.external_data.add(key=key, value=value)
    return tensor


def claiming(*dims: int) -> onnx.TensorProto:
    """Return weights of 8 bytes that claim a shape."""
    return TensorProto(name="W", data_type=TensorProto.FLOAT, dims=dims, raw_data=bytes(8))


def endless() -> bytes:
    """Return a file with a loop of 2**60 turns."""
    flag, seen = helper.make_tensor_value_info, [1, COUNT]
    body = helper.make_graph(
        [node("Identity", ["go"], "on"), node("Identity", ["x"], "y")],
        "body",
        [flag("turn", TensorProto.INT64, []), flag("go", TensorProto.BOOL, []), flag("x", 1, seen)],
        [flag("on", TensorProto.BOOL, []), flag("y", 1, seen)],
    )
    turns = [array("N", np.array(1 << 60)), array("go_on", np.array(True)), weights()]
    return model(
        [node("Loop", ["N", "go_on", "observation"], "seen", body=body), node("MatMul", ["seen", "W"])], turns
    )


def hungry() -> bytes:
    """Return a file that wants 64 GB while it runs."""
    steps = [
        node("ConstantOfShape", ["S"], "much"),
        node("ReduceSum", ["much"], "sum", keepdims=0),
        node("MatMul", ["observation", "W"], "small"),
        node("Add", ["small", "sum"]),
    ]
    return model(steps, [weights(), array("S", np.array([1 << 34]))])


def nested(depth: int) -> bytes:
    """Return a file whose graph lies `depth` branches deep."""
    flag = helper.make_tensor_value_info("out", TensorProto.BOOL, [])
    inner = helper.make_graph([node("Identity", ["go"], "out")], "leaf", [], [flag])
    plain = inner
    for _ in range(depth):
        branch = node("If", ["go"], "out", then_branch=inner, else_branch=plain)
        inner = helper.make_graph([branch], "branch", [], [flag])
    steps = [node("If", ["go"], "unused", then_branch=inner, else_branch=plain), MATMUL]
    return model(steps, [weights(), array("go", np.array(True))])


def bottomless() -> bytes:
    """Return a file with a thousand graphs, each in an attribute of a node of the next."""
    inner = b""
    for tag in (b"\x32", b"\x2a", b"\x0a") * 1000:  # a graph, an attribute, a node
        inner = _field(tag, inner)
    return b"\x08\x08" + _field(b"\x3a", inner)


def _field(tag: bytes, content: bytes) -> bytes:
    """Return a field of a protobuf: its tag, its length in groups of seven bits, its content."""
    length, size = b"", len(content)
    while size > 127:
        length, size = length + bytes([size & 127 | 128]), size >> 7
    return tag + length + bytes([size]) + content
