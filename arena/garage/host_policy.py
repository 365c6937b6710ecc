"""The child's program for networks that were trained elsewhere: an ONNX file in, outputs for observations
out.

What parses the file and runs it is onnxruntime, a large piece of C++ that strangers' bytes may hurt: so it
does that here, behind the lock, and what the parent gets to see is short JSON and numbers. One thread, no
optimisation of the graph, one observation at a time and seeded random numbers: the same file, the same
observations, the same outputs.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final, NoReturn

import numpy as np

from arena.garage.host import Channel, Output
from arena.garage.subjects import POLICY
from arena.garage.verdicts import EntrantFault, Verdict
from arena.garage.wire import Kind, unpack_json

FLOATS: Final[dict[object, type[np.floating]]] = {"tensor(float)": np.float32, "tensor(double)": np.float64}

_SILENT: Final = 4
_MAX_NAMES: Final = 8
_MAX_METADATA: Final = 32_000
_NO_MEMORY: Final = re.compile(r"bad.?alloc|[Ff]ailed to allocate memory|std::length_error")
_ADVICE: Final = "Export it with standard operators, for example with opset_version=17."


class Inference:
    """Opens one file and answers messages of observations."""

    def __init__(self, channel: Channel, output: Output) -> None:
        self._channel = channel
        self._session: Any = None

    def greeting(self) -> dict[str, object]:
        import onnxruntime

        onnxruntime.set_default_logger_severity(_SILENT)
        onnxruntime.set_seed(0)
        return {"onnxruntime": onnxruntime.__version__}

    def serve(self) -> None:
        channel = self._channel
        _, payload = channel.receive(Kind.MODEL)
        try:
            self._open(payload)
            described = self._described()
        except UnicodeDecodeError:
            raise _fault("Names in the file are no text in UTF-8. Was it copied whole?") from None
        channel.tell(Kind.LOADED, described)
        _, payload = channel.receive(Kind.EXECUTE)
        self._wanted = unpack_json(payload)
        channel.tell(Kind.RUNNING, {})
        while True:
            head, payload = channel.receive(Kind.INFER)
            rows = np.frombuffer(payload, np.float64).reshape(head.count, -1)
            outputs = np.array([self._answer(row) for row in rows], "<f8")
            channel.answer(Kind.OUTPUTS, outputs.size, outputs.tobytes())

    def _open(self, model: bytes) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.log_severity_level = _SILENT
        options.add_session_config_entry("session.load_model_format", "ONNX")
        try:
            self._session = onnxruntime.InferenceSession(
                model, options, providers=["CPUExecutionProvider"], enable_fallback=False
            )
        except UnicodeDecodeError:
            raise
        except Exception as error:
            refuse(str(error))

    def _described(self) -> dict[str, object]:
        """Return names, types and shapes of what goes in and comes out, and what the file says of itself."""
        kept = list(self._session.get_modelmeta().custom_metadata_map.items())[:_MAX_NAMES]
        return {
            "inputs": [_described(each) for each in self._session.get_inputs()[:_MAX_NAMES]],
            "outputs": [_described(each) for each in self._session.get_outputs()[:_MAX_NAMES]],
            "metadata": dict(kept) if len(json.dumps(kept)) <= _MAX_METADATA else {},
        }

    def _answer(self, row: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Return the wanted output for one observation as the wanted count of float64."""
        wanted = self._wanted
        fed = {wanted["input"]: row[None].astype(FLOATS[wanted["type"]])}
        try:
            (output,) = self._session.run([wanted["output"]], fed)
        except Exception as error:
            refuse(str(error))
        if not isinstance(output, np.ndarray) or output.dtype.kind not in "fiu":
            raise _fault(f"The output {wanted['output']} is no tensor of numbers.")
        if output.size != wanted["values"]:
            shape = "x".join(map(str, output.shape)) or "a single number"
            raise _fault(
                f"The output {wanted['output']} has the shape {shape} for one observation, expected "
                f"{wanted['values']} {'number' if wanted['values'] == 1 else 'numbers'}: {wanted['words']}."
            )
        return output.reshape(-1).astype(np.float64)


def _described(argument: Any) -> dict[str, object]:
    shape = [size if isinstance(size, int) else None for size in (argument.shape or [])[:_MAX_NAMES]]
    return {"name": argument.name[:200], "type": argument.type[:60], "shape": shape}


def refuse(text: str) -> NoReturn:
    """Raise the fault for what onnxruntime says about a file."""
    if _NO_MEMORY.search(text):
        raise EntrantFault(Verdict.MEMORY, f"{POLICY.the} needs more memory than it may have. {_said(text)}")
    raise _fault(_in_words(text))


def _in_words(text: str) -> str:
    node = re.search(r'Node, \("(.*?)", (\S+?),', text) or re.search(r"Node \((.*?)\) Op \((\S+?)\)", text)
    if found := re.search(r"No Op registered for (\S+)", text):
        where = f" in node {node[1]}" if node and node[1] else ""
        return f"unknown operator {found[1]}{where}: it is none of ONNX that is known here. {_ADVICE}"
    if found := re.search(r"(\S+?)\(-?\d+\) is not a registered function/op", text):
        return f"unknown operator {found[1]}: it belongs to a library that is not here. {_ADVICE}"
    if found := re.search(r"Could not find an implementation for (\S+?)\(\d+\) node with name '(.*?)'", text):
        where = f" in node {found[2]}" if found[2] else ""
        return f"unknown operator {found[1]}{where}: it cannot be run for these types. {_ADVICE}"
    if found := re.search(r"Opset (\d+) is under development", text):
        return f"The file speaks opset {found[1]}, which is newer than what is known here. {_ADVICE}"
    if re.search(r"[Ee]xternal ?[Dd]ata|in-memory address marker", text):
        return "The file's weights lie in another file. Save it with all weights inside."
    if "INVALID_PROTOBUF" in text or "No graph was found" in text:
        return "This is no ONNX file that can be read. Was it copied whole?"
    return f"The network cannot be run. {_said(text)}"


def _said(text: str) -> str:
    """Return what onnxruntime says, without the paths of the machine that it was built on and its codes."""
    plain = re.sub(r"\[ONNXRuntimeError\] : \d+ : [A-Z_]+ : ", "", text)
    plain = re.sub(r"/\S+?\.(?:h|cc|cpp):\d+ [^\n]*?\) ", "", plain)
    plain = re.sub(r"\S+\.(?:h|cc|cpp):\d+ ", "", plain)
    return f"onnxruntime says: {' '.join(plain.split())[:400]}"


def _fault(message: str) -> EntrantFault:
    return EntrantFault(Verdict.POLICY, message)
