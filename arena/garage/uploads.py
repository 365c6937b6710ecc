"""Policies that were trained elsewhere: files of strangers, opened without believing or unpickling anything.

Two kinds, told apart by content. Our own safetensors are arrays and a JSON header, which `Policy` reads and
checks. An ONNX file is a program for onnxruntime, so a locked child runs it (`host_policy.py`) and this
process sees names, shapes and numbers. Either way a policy is entered with an action space: that of the
entrant's model_metadata.json, or the one that the file itself names.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from arena.garage.drivers import Network, sense_of
from arena.garage.inference import OnnxPolicy
from arena.garage.policy import Policy, PolicyError
from arena.garage.sandbox import CheckResult
from arena.garage.sensing import SENSES, require_allowed, sensors_of
from arena.garage.settings import ModelMetadata
from arena.garage.verdicts import EntrantFault, Verdict
from simulator.car import CLASSIC, CarSpec
from simulator.course import Course
from simulator.sensors.rows import rows
from simulator.track import Track

MAX_UPLOAD_BYTES: Final = 20_000_000
CHECKED_PLACES: Final = 12
KIT: Final = "starter_kits/train_elsewhere"

# What people have in their folders besides, by its first bytes (from a place on).
_OTHERS: Final = (
    (0, b"PK\x03\x04", "a zip archive, as PyTorch and stable-baselines3 save; inside is a pickle"),
    (0, b"\x80\x02", "a Python pickle"),
    (0, b"\x80\x03", "a Python pickle"),
    (0, b"\x80\x04", "a Python pickle"),
    (0, b"\x80\x05", "a Python pickle"),
    (0, b"\x89HDF", "an HDF5 file, as Keras saves"),
    (0, b"\x1f\x8b", "a packed archive; if it is a car bundle, enter the policy.onnx that is in it"),
    (4, b"ORTM", "a file in onnxruntime's own format; enter the .onnx file that it was made of"),
    (4, b"TFL3", "a TensorFlow Lite file"),
)


def read_upload(path: Path) -> bytes:
    """Return the bytes of a file, after a look at its size. Raises `EntrantFault`."""
    size = path.stat().st_size
    if size > MAX_UPLOAD_BYTES:
        raise too_large(size)
    return path.read_bytes()


def too_large(size: int) -> EntrantFault:
    return EntrantFault(
        Verdict.TOO_LARGE,
        f"The file has {size:,} bytes, a policy at most {MAX_UPLOAD_BYTES:,}. A network that drives needs "
        "less than a hundred thousand.",
    )


@contextmanager
def open_policy(
    data: bytes, metadata: ModelMetadata | None = None, *, senses: Collection[str] = SENSES
) -> Iterator[Network]:
    """Give the network in an uploaded file, to race with; what it needs is ended on leaving.

    `metadata` is what the entrant's own model_metadata.json says; None where there is none: then the file's
    action space counts, or the default one if it names none. `senses` are those that the race allows. Raises
    `EntrantFault` (POLICY, TOO_LARGE, EMPTY, TIMEOUT, MEMORY, CRASHED), also later while it drives, and
    `SandboxError`.
    """
    if is_onnx(data):
        with OnnxPolicy(data, metadata) as policy:
            require_allowed(policy.columns, senses)
            yield policy
    else:
        own = _own_policy(data, metadata)
        require_allowed(own.columns, senses)
        yield own


def is_onnx(data: bytes) -> bool:
    """Tell ONNX from our own safetensors. Raises `EntrantFault` for what is neither."""
    if not data:
        raise EntrantFault(Verdict.EMPTY, "The file is empty. Expected a policy: .onnx or .safetensors.")
    if len(data) > MAX_UPLOAD_BYTES:
        raise too_large(len(data))
    # A protobuf of a model begins with its first field (08), the version; 0 would be no second one.
    if data[:1] == b"\x08" and data[2:3] != b"\0":
        return True
    if data[8:9] == b"{":  # behind the length of the header
        return False
    for place, magic, words in _OTHERS:
        if data[place : place + len(magic)] == magic:
            raise _fault(f"The file is {words}. It was not opened. {_EXPECTED}")
    raise _fault(f"The file is neither an ONNX file nor a safetensors file. {_EXPECTED}")


_EXPECTED: Final = (
    f"Expected policy.onnx ({KIT} shows how to write one) or policy.safetensors (as `arena train` writes it)."
)


def check_policy(
    data: bytes,
    metadata: ModelMetadata | None,
    course: Course | Track,
    *,
    spec: CarSpec = CLASSIC,
    senses: Collection[str] = SENSES,
) -> CheckResult:
    """Open an uploaded file and have it answer what a car sees at places all around the course's first leg.

    Never raises `EntrantFault`: what is wrong stands in the result. `SandboxError` passes.
    """
    track = Course.of(course).legs()[0].track
    try:
        with open_policy(data, metadata, senses=senses) as network:
            env = Course(track).environment(CHECKED_PLACES, spec=spec, sensors=sense_of([network]))
            seen, _ = env.reset(seed=0)
            answers = network.act(rows(seen, env.senses, network.columns))
            commands = network.actions.to_command(answers)
    except EntrantFault as fault:
        return CheckResult(False, fault.verdict, fault.message, fault.line, (), "", fault.detail)
    sensors, count = ", ".join(sensors_of(network.columns)), len(network.columns)
    message = (
        f"The policy sees by {sensors} ({count} numbers). At {CHECKED_PLACES} places of the track it answers "
        f"steering {_span(commands[:, 0])} degrees, speed {_span(commands[:, 1])} m/s."
    )
    return CheckResult(True, Verdict.OK, message, None, (), "")


def _span(values: NDArray[np.float64]) -> str:
    return f"{values.min():.1f} to {values.max():.1f}"


def _own_policy(data: bytes, metadata: ModelMetadata | None) -> Policy:
    try:
        policy = Policy.from_bytes(data)
    except PolicyError as error:
        raise _fault(str(error)) from error
    if metadata and metadata.actions != policy.actions:
        raise _fault(
            "The policy was trained with another action space than model_metadata.json names. Leave that "
            f"file out; the policy's own is {json.dumps(policy.header()['action_space'])[:300]}."
        )
    return policy


def _fault(message: str) -> EntrantFault:
    return EntrantFault(Verdict.POLICY, message)
