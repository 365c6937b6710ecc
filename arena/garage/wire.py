"""The frames between the sandbox and its child: a fixed header, then a payload of known length.

Rewards travel as raw little-endian float64, everything else (once per child, or once at its end) as short
JSON. Nothing is pickled, so a child that lies can at worst send numbers or text that the parent then refuses.

    CALLS    n rows of float64 [n, params.row_width(moving)], then n car numbers as float64 [n]
    REWARDS  n rewards as float64 [n]
    ACT      one observation as float64 [observing.width(...)]
    ACTION   steering angle (deg) and speed (m/s) as float64 [2]
    MODEL    the bytes of an ONNX file
    INFER    n observations as float64 [n, columns]
    STUDY    rows and cars as CALLS
    LINES    of each line how often it ran and its seconds as float64 [lines + 1, 2] (`line_clock.py`)
    OUTPUTS  what the network makes of them as float64 [n, values]
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final

MAGIC: Final = b"APEX"
VERSION: Final = 1
HEADER: Final = struct.Struct(
    "<4sHHIIQ"
)  # magic, version, kind, sequence, count, length of the payload in bytes
MAX_JSON_BYTES: Final = 64 * 1024
MEMORY_EXIT: Final = 86  # the child's exit status when it has no memory left even to say so
MAX_MESSAGE_BYTES: Final = 1 << 16  # between a parent and its zygote
ENDED: Final = 4  # the place of the pipe for a child's end among the descriptors of a request for one
LOCK_EXIT: Final = 87  # its exit status when a step of the lock has failed: nothing was run


class Program(StrEnum):
    """What a child does with what it is sent; `zygote.PROGRAMS` says by which class."""

    REWARD = "reward"
    AGENT = "agent"
    POLICY = "policy"


class Kind(IntEnum):
    """What a frame is. The parent sends those below 16, the child answers each with one of the others."""

    SOURCE = 1
    EXECUTE = 2
    MULTIPLY = 3
    CALLS = 4
    RESET = 5
    ACT = 6
    MODEL = 7
    INFER = 8
    STUDY = 9
    READY = 16
    PARSED = 17
    LOADED = 18
    RUNNING = 19
    REWARDS = 20
    FAULT = 21
    ACTION = 22
    OUTPUTS = 23
    LINES = 24


@dataclass(frozen=True, slots=True)
class Head:
    """A frame's header."""

    kind: int
    sequence: int
    count: int
    length: int


class ProtocolError(Exception):
    """A frame that the other side cannot have meant."""


def pack(kind: Kind, sequence: int, count: int, payload: bytes) -> bytes:
    return HEADER.pack(MAGIC, VERSION, kind, sequence, count, len(payload)) + payload


def pack_head(frame: bytearray, kind: Kind, sequence: int, count: int, length: int) -> None:
    """Write the header of a payload of `length` bytes to the beginning of a frame."""
    HEADER.pack_into(frame, 0, MAGIC, VERSION, kind, sequence, count, length)


def pack_json(kind: Kind, sequence: int, document: dict[str, object]) -> bytes:
    return pack(kind, sequence, 0, json.dumps(document).encode())


def unpack_head(data: bytes) -> Head:
    magic, version, kind, sequence, count, length = HEADER.unpack(data)
    if magic != MAGIC or version != VERSION:
        raise ProtocolError(
            f"expected a frame that starts with {MAGIC!r} version {VERSION}, got {data[:6]!r}"
        )
    return Head(kind, sequence, count, length)


def unpack_json(payload: bytes) -> dict[str, object]:
    """Return the JSON object of a payload; raise `ProtocolError` for anything else."""
    try:
        document = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"expected a JSON object, got {payload[:40]!r}") from error
    if not isinstance(document, dict):
        raise ProtocolError(f"expected a JSON object, got {payload[:40]!r}")
    return document
