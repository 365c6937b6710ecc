"""What a child gives up before it reads a line of entrant code.

In this order: memory, files, processes and time are limited; root's rights are dropped (to a spare user where
there is one); nothing it starts could gain rights (no_new_privs); nobody of the same user can look into it
(undumpable); it dies with its parent; files are for reading only, and few of them (Landlock); and what is
not on a short list of system calls is refused (seccomp). No step needs root or another program. A step that
fails ends the child: `LockError`.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import resource
import signal
import struct
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from arena.garage import landlock, seccomp

NOBODY: Final = 65534

_MIB: Final = 1 << 20
_libc: Final = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38  # <linux/prctl.h>
_CAPABILITIES_VERSION_3: Final = 0x20080522
_CAPSET: Final = {"x86_64": 126, "aarch64": 91}
_LATER_S: Final = 5  # the hard limit of the processor's time comes so much after the soft one


class LockError(Exception):
    """A step of the lock did not work: nothing may run."""


class Profile(StrEnum):
    """How a child is locked."""

    READING = "reading"
    """Landlock and seccomp: what Python itself consists of may be read, for imports."""
    STRICT = "strict"
    """seccomp without any opening of files, for kernels without Landlock: all imports are preloaded."""


@dataclass(frozen=True, slots=True)
class Lock:
    """What the zygote prepares once and each of its children applies to itself.

    `filter_template` is the filter of system calls, `rules` a descriptor of Landlock's rules (READING only),
    `spare_uid` a user to become (root only).
    """

    profile: Profile
    filter_template: bytes
    rules: int | None = None
    spare_uid: int | None = None

    def close(self, limits: dict[str, int], parent_pid: int) -> None:
        """Lock this process. Raises `LockError`."""
        step = "limits"
        try:
            apply_limits(limits)
            step = "rights"
            drop_rights(self.spare_uid)
            step = "parent-death signal"
            die_with_parent(parent_pid)
            step = "no_new_privs"
            prctl(_PR_SET_NO_NEW_PRIVS, 1)
            step = "undumpable"
            make_undumpable()
            step = "Landlock"
            if self.profile is Profile.READING:
                assert self.rules is not None
                landlock.restrict(self.rules)
            step = "seccomp"
            seccomp.install(seccomp.for_process(self.filter_template, os.getpid()))
        except (OSError, ValueError, AssertionError) as error:
            raise LockError(f"{step}: {error}") from error


def prepare(profile: Profile, empty_folder: Path) -> Lock:
    """Prepare a lock whose children work in `empty_folder`. Raises `LockError`."""
    rules = None
    if profile is Profile.READING:
        try:
            rules = landlock.ruleset(empty_folder)
        except OSError as error:
            raise LockError(str(error)) from error
    filter_template = seccomp.template(can_read=profile is Profile.READING)
    return Lock(profile, filter_template, rules, spare_uid(profile))


def best_profile() -> Profile | None:
    """Return the best profile that this kernel offers, None where it has no seccomp filters.

    Only asks; whether the lock really holds is verified for every child, from outside.
    """
    if sys.platform != "linux" or not seccomp.is_known_machine() or not seccomp.is_offered():
        return None
    return Profile.READING if landlock.abi() else Profile.STRICT


def refusal() -> str:
    """Say why there is no lock on this system."""
    kernel = f"{platform.system()} {platform.release()} {platform.machine()}"
    return f"this system offers no seccomp filter ({kernel}; needed: Linux 4.14 on x86_64 or aarch64)"


def apply_limits(limits: dict[str, int]) -> None:
    """Set the limits of this process; what a platform does not know is left out, the rest is strict.

    Nothing can be written to files: those of the entrant exist in memory only (`scratch.py`).
    """
    wanted = {
        "RLIMIT_AS": limits["memory_mb"] * _MIB,
        "RLIMIT_FSIZE": 0,
        "RLIMIT_NOFILE": limits["open_files"],
        "RLIMIT_NPROC": 0,
        "RLIMIT_CORE": 0,
    }
    for name, value in wanted.items():
        number = getattr(resource, name, None)
        if number is not None:
            _, hard = resource.getrlimit(number)
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            _set_limit(number, value, value)
    # the hard limit kills without a word: a little later, for those who ignore the soft one's signal
    _set_limit(resource.RLIMIT_CPU, limits["cpu_s"], limits["cpu_s"] + _LATER_S)


def go_first(pid: int, processes: int | None = None) -> None:
    """Have a process end first when the machine runs short of memory; `processes` is an open /proc."""
    with contextlib.suppress(OSError):
        name = f"{pid}/oom_score_adj" if processes is not None else f"/proc/{pid}/oom_score_adj"
        score = os.open(name, os.O_WRONLY, dir_fd=processes)
        try:
            os.write(score, b"1000")
        finally:
            os.close(score)


def _set_limit(number: int, soft: int, hard: int) -> None:
    try:
        resource.setrlimit(number, (soft, hard))
    except (OSError, ValueError):
        if sys.platform == "linux":  # elsewhere some limits exist in name only
            raise


def die_with_parent(parent_pid: int) -> None:
    """Ask the kernel to kill this process when the thread that started it ends.

    To be called after a change of user, which forgets it.
    """
    if sys.platform == "linux":
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:  # it ended before the call
        os._exit(0)


def make_undumpable() -> None:
    """Keep others of the same user out of this process's memory and environment, and write no core file."""
    if sys.platform == "linux":
        prctl(_PR_SET_DUMPABLE, 0)


def drop_rights(uid: int | None) -> None:
    """Become another user (root only), and in any case give up all of root's capabilities."""
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    header = struct.pack("=Ii", _CAPABILITIES_VERSION_3, 0)
    nothing = bytes(24)  # effective, permitted and inheritable, twice 32 bits of each
    if _libc.syscall(ctypes.c_long(_CAPSET[platform.machine()]), header, nothing):
        raise OSError(ctypes.get_errno(), f"capset: {os.strerror(ctypes.get_errno())}")


def prctl(option: int, value: int) -> None:
    """Call prctl(2). Raises `OSError`."""
    if _libc.prctl(option, ctypes.c_ulong(value), *[ctypes.c_ulong(0)] * 3):
        raise OSError(ctypes.get_errno(), f"prctl {option}: {os.strerror(ctypes.get_errno())}")


def spare_uid(profile: Profile) -> int | None:
    """Return the user that root's children become, or None: not root, no such user in this namespace, or a
    Python whose folders that user could not read (in root's home; the strict profile does without them).
    """
    if os.geteuid() != 0:
        return None
    folders = [path for path in landlock.readable_paths() if path.is_dir()]
    pid = os.fork()
    if pid == 0:
        status = 1
        with contextlib.suppress(BaseException):
            drop_rights(NOBODY)
            readable = all(os.access(path, os.R_OK | os.X_OK) for path in folders)
            status = 0 if readable or profile is Profile.STRICT else 1
        os._exit(status)
    return NOBODY if os.waitpid(pid, 0)[1] == 0 else None
