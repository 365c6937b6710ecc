"""A further wall, where the system allows one: a view of the machine in which only what may be read exists.

The zygote moves into namespaces of its own, without a network, and makes a small root of its own from the
folders that its children may read. What is not there can be neither opened nor asked for, not even by its
name, which Landlock alone leaves possible. Root may do this, and ordinary users where the kernel lets them
have user namespaces; containers mostly do not. A trial in a forked process tells: where it fails, the lock
does without.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_NEWNS, _NEWUTS, _NEWIPC, _NEWUSER, _NEWNET = 0x20000, 0x4000000, 0x8000000, 0x10000000, 0x40000000
_READ_ONLY, _NO_SUID, _NO_DEVICES, _REMOUNT, _BIND, _RECURSIVE, _PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18
_DETACH: Final = 2
_PIVOT_ROOT: Final = {"x86_64": 155, "aarch64": 41}
_libc: Final = ctypes.CDLL(None, use_errno=True)


def enter(folder: Path, readable: Iterable[Path]) -> bool:
    """Move this process, for good, to where only `readable` and the empty `folder` exist; False, and nothing
    has changed, where the system does not allow it.
    """
    wanted = list(readable)
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            _move(folder, wanted)
            is_there = not os.listdir(folder) and all(os.listdir(path) for path in outermost(wanted))
            status = 0 if is_there and not Path("/proc").exists() else 1
        finally:
            os._exit(status)
    if os.waitpid(pid, 0)[1]:
        return False
    _move(folder, wanted)
    return True


def outermost(paths: Iterable[Path]) -> list[Path]:
    """Return the real folders behind `paths`, without those that lie in another one."""
    folders = {path.resolve() for path in paths if path.is_dir()}
    return sorted(path for path in folders if not folders.intersection(path.parents))


def _move(folder: Path, readable: list[Path]) -> None:
    """Build the new root in `folder` and make it the root of this process. Raises `OSError`."""
    folders = outermost(readable)
    links = {path: os.readlink(path) for path in readable if path.is_symlink()}
    os.umask(0o022)
    _unshare()
    root = str(folder)
    _mount("none", "/", None, _RECURSIVE | _PRIVATE)  # nothing of what follows is seen elsewhere
    _mount("tmpfs", root, "tmpfs", _NO_SUID | _NO_DEVICES)
    for path in folders:
        os.makedirs(f"{root}{path}")
        _mount(str(path), f"{root}{path}", None, _BIND | _RECURSIVE)
    for link, target in links.items():
        if not os.path.lexists(f"{root}{link}"):
            os.makedirs(f"{root}{link.parent}", exist_ok=True)
            os.symlink(target, f"{root}{link}")
    os.makedirs(f"{root}{folder}")
    os.chdir(root)
    _done(_libc.syscall(ctypes.c_long(_PIVOT_ROOT[platform.machine()]), b".", b"."))
    _done(_libc.umount2(b".", _DETACH))  # the old root
    _mount("none", "/", None, _REMOUNT | _BIND | _READ_ONLY | _NO_SUID | _NO_DEVICES)
    os.chdir(folder)


def _unshare() -> None:
    """Leave the namespaces of the machine, by a user namespace where this process has no right to."""
    wanted = _NEWNS | _NEWNET | _NEWIPC | _NEWUTS
    uid, gid = os.getuid(), os.getgid()
    if _libc.unshare(wanted) == 0:
        return
    if ctypes.get_errno() != errno.EPERM:
        _done(-1)
    _done(_libc.unshare(wanted | _NEWUSER))
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        Path(f"/proc/self/{name}").write_text(text)


def _mount(source: str, target: str, kind: str | None, flags: int) -> None:
    kind_bytes = kind.encode() if kind else None
    _done(
        _libc.mount(os.fsencode(source), os.fsencode(target), kind_bytes, ctypes.c_ulong(flags), b"mode=755")
    )


def _done(answer: int) -> None:
    if answer:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
