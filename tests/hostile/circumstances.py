"""The circumstances in which the attacks are made: as root, as an ordinary user, where there is no Landlock,
and as in an unprivileged pod of Kubernetes.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys
import tempfile
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Final

from arena.garage import lock, seccomp

ORDINARY: Final = 65534
POD: Final = 1001
_CLONE_NEWNS, _MS_BIND, _MS_REC, _MS_PRIVATE, _MS_MOVE = 0x20000, 4096, 16384, 1 << 18, 8192
_CLONE_NEWUSER: Final = 0x10000000
# What container runtimes refuse by default and our filter might rely on (containers/common, seccomp.json)
_REFUSED_IN_PODS: Final = {
    "x86_64": (101, 165, 166, 155, 161, 175, 176, 246, 248, 249, 250, 272, 298, 308, 310, 311, 312, 321, 323,
               425, 426, 427, 304, 169, 167, 168, 163, 179, 154, 172, 173),
    "aarch64": (117, 40, 39, 41, 51, 105, 106, 104, 217, 218, 219, 97, 241, 268, 270, 271, 272, 280, 282,
                425, 426, 427, 265, 142, 224, 225, 89, 60),
}  # fmt: skip
_CLONE: Final = {"x86_64": 56, "aarch64": 220}


class Circumstance(StrEnum):
    """Where and as whom the arena runs."""

    AS_IT_IS = "as_it_is"
    """As root where the tests run as root."""
    ORDINARY_USER = "ordinary_user"
    NO_LANDLOCK = "no_landlock"
    POD = "pod"


def become(uid: int) -> None:
    """Become an ordinary user, for good; only root has to and can."""
    if os.getuid() == 0:
        open_the_way()
        lock.drop_rights(uid)
    os.environ["HOME"] = "/nonexistent"


def open_the_way() -> None:
    """Make Python and this project readable for others, in a view of the files that only this process has.

    A Python in root's home would otherwise be out of reach for an ordinary user.
    """
    needed = {Path(sys.base_prefix), Path(sys.prefix), Path(__file__).resolve().parents[2]}
    blocked = {path: folder for path in needed for folder in _closed_folders(path)}
    if not blocked:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    _done(libc.unshare(_CLONE_NEWNS))
    _mount(b"none", "/", _MS_REC | _MS_PRIVATE)
    kept = Path(tempfile.mkdtemp())
    for number, path in enumerate(blocked):
        (kept / str(number)).mkdir()
        _mount(os.fsencode(path), str(kept / str(number)), _MS_BIND | _MS_REC)
    for folder in set(blocked.values()):
        _done(libc.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", 0, b"mode=755"))
    for number, path in enumerate(blocked):
        path.mkdir(parents=True)
        _mount(os.fsencode(kept / str(number)), str(path), _MS_MOVE)


def _closed_folders(path: Path) -> Iterator[Path]:
    """Yield the outermost folder on the way that others may not enter."""
    for folder in reversed(path.parents):
        if not folder.stat().st_mode & 0o001:
            yield folder
            return


def _mount(source: bytes, target: str, flags: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    _done(libc.mount(source, os.fsencode(target), None, ctypes.c_ulong(flags), None))


def _done(answer: int) -> None:
    if answer:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def be_in_a_pod() -> None:
    """Be an ordinary user without a right to gain any, under the filter of a container runtime."""
    become(POD)
    lock.prctl(38, 1)  # no_new_privs
    machine = platform.machine()
    refused = [_step(0x20, 0)]
    for number in _REFUSED_IN_PODS[machine]:
        refused += [_step(0x15, number, 0, 1), _step(0x06, 0x50000 | errno.EPERM)]
    refused += [
        _step(0x15, _CLONE[machine], 0, 4),  # clone with a new user namespace
        _step(0x20, 16),
        _step(0x54, _CLONE_NEWUSER),
        _step(0x15, 0, 1, 0),
        _step(0x06, 0x50000 | errno.EPERM),
        _step(0x06, 0x7FFF0000),
    ]
    seccomp.install(b"".join(refused))


def _step(code: int, value: int, then: int = 0, otherwise: int = 0) -> bytes:
    return struct.pack("=HBBI", code, then, otherwise, value)


ENTER: Final[dict[Circumstance, Callable[[], None]]] = {
    Circumstance.AS_IT_IS: lambda: None,
    Circumstance.ORDINARY_USER: lambda: become(ORDINARY),
    Circumstance.NO_LANDLOCK: lambda: None,
    Circumstance.POD: be_in_a_pod,
}
