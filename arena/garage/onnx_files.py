"""A trained policy as an ONNX file, with which other programs can drive.

    input    observation  float32 [n, columns]   the columns of the policy, in their order
    outputs  action       float32 [n, 2]         continuous: steering and speed in [-1, 1]
                          int64 [n]              discrete: the number of the preferred action
             command      float32 [n, 2]         what that means: steering angle (deg, left +), speed (m/s)
             preferences  float32 [n, actions]   discrete only: the network's last layer

A policy that sees pictures takes their pixels, 0 to 255, as the last columns of the row.

The graph is written node by node from the policy's arrays, in an old dialect that every runtime reads; no
exporter of a training library has a part in it. Like the policy itself it carries a JSON header that says
what it sees and what it does.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from arena.garage.policy import HEADER_KEY, Output, Policy
from simulator.actions import Discrete
from simulator.car import CAR_VERSION
from simulator.sensors.rows import picture_shape

INPUT: Final = "observation"
OUTPUT: Final = "action"
OPSET: Final = 17  # of 2022, and its files' version 8: read by all that is still in use
IR_VERSION: Final = 8


@dataclass(slots=True)
class _Graph:
    """A graph under construction; every node has a name, so that messages can name it."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    arrays: list[onnx.TensorProto] = field(default_factory=list)

    def constant(self, name: str, value: NDArray[Any] | Sequence[float] | float) -> str:
        self.arrays.append(numpy_helper.from_array(np.asarray(value, np.float32), name))
        return name

    def sizes(self, name: str, values: Sequence[int]) -> str:
        self.arrays.append(numpy_helper.from_array(np.asarray(values, np.int64), name))
        return name

    def part(self, source: str, begin: int, end: int, output: str) -> str:
        """Add what takes columns out of a row."""
        limits = [self.sizes(f"{output}_{name}", [at]) for name, at in (("from", begin), ("to", end))]
        return self.node("Slice", [source, *limits, self.sizes(f"{output}_axis", [1])], output)

    def node(self, operator: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        node = helper.make_node(operator, inputs, [output], name=f"make_{output}", **attributes)
        self.nodes.append(node)
        return output


def to_onnx(policy: Policy) -> bytes:
    """Return the policy as one ONNX file; equal policies give equal bytes."""
    graph = _Graph()
    last = _network(graph, policy)
    outputs = list(_heads(graph, last, policy))
    seen = helper.make_tensor_value_info(INPUT, onnx.TensorProto.FLOAT, ["n", len(policy.columns)])
    model = helper.make_model(
        helper.make_graph(graph.nodes, "policy", [seen], outputs, graph.arrays),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="apex-arena",
        producer_version=version("apex-arena"),
    )
    header = policy.header() | {"car": CAR_VERSION}
    helper.set_model_props(model, {HEADER_KEY: json.dumps(header, separators=(",", ":"))})
    onnx.checker.check_model(model)
    written: bytes = model.SerializeToString(deterministic=True)
    return written


def _network(graph: _Graph, policy: Policy) -> str:
    """Add the layers and return the name of what the last one gives."""
    reached = _eyes(graph, policy) if policy.convolutions else INPUT
    for place, (weight, bias) in enumerate(policy.layers):
        arrays = (graph.constant(f"layer{place}.weight", weight), graph.constant(f"layer{place}.bias", bias))
        is_last = place == len(policy.layers) - 1
        name = "preferences" if is_last else f"sum{place}"
        reached = graph.node("Gemm", [reached, *arrays], name, transB=1)
        if not is_last:
            reached = graph.node("Tanh", [reached], f"layer{place}")
    return reached


def _eyes(graph: _Graph, policy: Policy) -> str:
    """Add the convolutions, as `vision.seen` has them, and return the name of what the layers get."""
    shape = picture_shape(policy.senses)
    assert shape is not None  # convolutions have pictures
    numbers, columns = len(policy.columns) - math.prod(shape), len(policy.columns)
    pixels = graph.part(INPUT, numbers, columns, "pixels")
    pictures = graph.node("Reshape", [pixels, graph.sizes("picture_shape", [0, *shape])], "pictures")
    channels = graph.node("Transpose", [pictures], "channels", perm=[0, 3, 1, 2])
    reached = graph.node("Div", [channels, graph.constant("white", 255.0)], "light")
    for place, each in enumerate(policy.convolutions):
        name = f"convolution{place}"
        arrays = (graph.constant(f"{name}.weight", each.weight), graph.constant(f"{name}.bias", each.bias))
        strides = [each.stride, each.stride]
        features = graph.node("Conv", [reached, *arrays], f"features{place}", strides=strides)
        reached = graph.node("Relu", [features], name)
    seen = graph.node("Flatten", [reached], "seen", axis=1)
    if not numbers:
        return seen
    return graph.node("Concat", [graph.part(INPUT, 0, numbers, "numbers"), seen], "row", axis=1)


def _heads(graph: _Graph, last: str, policy: Policy) -> Iterator[onnx.ValueInfoProto]:
    """Add what makes actions and commands of the last layer, and yield the outputs."""
    actions = policy.actions
    if isinstance(actions, Discrete):
        action = graph.node("ArgMax", [last], OUTPUT, axis=1, keepdims=0)
        graph.node("Gather", [graph.constant("actions", np.array(actions.actions)), action], "command")
        yield helper.make_tensor_value_info(OUTPUT, onnx.TensorProto.INT64, ["n"])
        yield helper.make_tensor_value_info("command", onnx.TensorProto.FLOAT, ["n", 2])
        yield helper.make_tensor_value_info(last, onnx.TensorProto.FLOAT, ["n", len(actions.actions)])
        return
    limits = np.array([actions.steering_deg, actions.speed_mps])
    low, half = limits[:, 0], 0.5 * (limits[:, 1] - limits[:, 0])
    if policy.output is Output.TANH:
        action = graph.node("Tanh", [last], OUTPUT)
    else:
        bounds = (graph.constant("least", -1.0), graph.constant("most", 1.0))
        action = graph.node("Clip", [last, *bounds], OUTPUT)
    share = graph.node("Add", [action, graph.constant("one", 1.0)], "share")
    way = graph.node("Mul", [share, graph.constant("half_range", half)], "way")
    graph.node("Add", [way, graph.constant("low", low)], "command")
    yield helper.make_tensor_value_info(OUTPUT, onnx.TensorProto.FLOAT, ["n", 2])
    yield helper.make_tensor_value_info("command", onnx.TensorProto.FLOAT, ["n", 2])
