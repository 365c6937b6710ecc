"""The allow-list of system calls, assembled as a BPF program for seccomp (seccomp(2), kernel 4.14 and newer).

Whatever is not named here is refused with EPERM: no process, thread or program is started, no socket opened,
no signal sent to anybody else, no file written, nothing traced, mapped for writing and executing, or asked of
the kernel's less travelled parts. A call in another architecture's numbering kills the process at once,
because its numbers would mean something else.

Two lists: with `can_read` files may be opened for reading (what may be read is Landlock's business), without
it no path reaches the kernel at all.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import mmap
import os
import platform
import signal
import struct
from dataclasses import dataclass
from typing import Final

# Numbers of x86_64 and aarch64 (None: that architecture has no such call). From the kernel's own headers
# asm/unistd_64.h and asm-generic/unistd.h. The frequent ones come first, the filter asks in this order.
NUMBERS: Final[dict[str, tuple[int | None, int | None]]] = {
    "read": (0, 63),
    "write": (1, 64),
    "futex": (202, 98),
    "mmap": (9, 222),
    "munmap": (11, 215),
    "brk": (12, 214),
    "madvise": (28, 233),
    "mprotect": (10, 226),
    "mremap": (25, 216),
    "newfstatat": (262, 79),
    "openat": (257, 56),
    "lseek": (8, 62),
    "close": (3, 57),
    "fstat": (5, 80),
    "clock_gettime": (228, 113),
    "gettimeofday": (96, 169),
    "time": (201, None),
    "readv": (19, 65),
    "writev": (20, 66),
    "pread64": (17, 67),
    "stat": (4, None),
    "lstat": (6, None),
    "statx": (332, 291),
    "access": (21, None),
    "faccessat": (269, 48),
    "faccessat2": (439, 439),
    "getdents64": (217, 61),
    "getcwd": (79, 17),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "restart_syscall": (219, 128),
    "sigaltstack": (131, 132),
    "getpid": (39, 172),
    "gettid": (186, 178),
    "getppid": (110, 173),
    "getuid": (102, 174),
    "geteuid": (107, 175),
    "getgid": (104, 176),
    "getegid": (108, 177),
    "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115),
    "nanosleep": (35, 101),
    "times": (100, 153),
    "getrusage": (98, 165),
    "getcpu": (309, 168),
    "sched_yield": (24, 124),
    "getrandom": (318, 278),
    "dup": (32, 23),
    "dup2": (33, None),
    "dup3": (292, 24),
    "poll": (7, None),
    "ppoll": (271, 73),
    "select": (23, None),
    "pselect6": (270, 72),
    "uname": (63, 160),
    "sysinfo": (99, 179),
    "getrlimit": (97, 163),
    "exit": (60, 93),
    "exit_group": (231, 94),
    "fcntl": (72, 25),
    "sched_getaffinity": (204, 123),
    "prlimit64": (302, 261),
    "tgkill": (234, 131),
    "ioctl": (16, 29),
    "clone3": (435, 435),
    "openat2": (437, 437),
    "seccomp": (317, 277),
}
READING: Final = frozenset(
    {
        "newfstatat",
        "openat",
        "stat",
        "lstat",
        "statx",
        "access",
        "faccessat",
        "faccessat2",
        "getdents64",
    }
)
"""What takes a path; only allowed with `can_read`."""

_AUDIT_ARCH: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32_BIT: Final = 0x40000000
_O_TMPFILE: Final = 0o20000000  # of both architectures, without O_DIRECTORY
_WRITING: Final = os.O_ACCMODE | os.O_CREAT | os.O_TRUNC | _O_TMPFILE
_HARMLESS_FCNTL: Final = (
    fcntl.F_DUPFD,
    fcntl.F_DUPFD_CLOEXEC,
    fcntl.F_GETFD,
    fcntl.F_SETFD,
    fcntl.F_GETFL,
)  # F_SETOWN and F_SETSIG would send any signal to anybody

_LOAD, _AND, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x06
_NUMBER_AT, _ARCH_AT, _ARGUMENTS_AT = 0, 4, 16  # in struct seccomp_data
_KILL_PROCESS, _ERRNO, _ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
_SET_MODE_FILTER, _FLAG_TSYNC = 1, 1
_SOME_PID: Final = 0x7FFFFFFF  # no process can have this number, and no other value in the filter does
_libc: Final = ctypes.CDLL(None, use_errno=True)
_LOW, _ALL = 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF


@dataclass(frozen=True, slots=True)
class Check:
    """Holds when (argument & mask) is one of `values`; a mask of 32 bits leaves the upper half unseen."""

    argument: int
    mask: int
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """One call is allowed when all checks hold, or else goes on to the next rule; `error` refuses it."""

    call: str
    checks: tuple[Check, ...] = ()
    error: int = 0


def rules(pid: int, can_read: bool) -> list[Rule]:
    """Return the whole list for the process `pid`, in the order in which the filter asks."""
    special = {rule.call for rule in _special_rules(pid, can_read)}
    plain = [Rule(call) for call in NUMBERS if call not in special and (can_read or call not in READING)]
    return plain + _special_rules(pid, can_read)


def _special_rules(pid: int, can_read: bool) -> list[Rule]:
    writable_or_executable = mmap.PROT_WRITE | mmap.PROT_EXEC
    library = (
        Check(2, writable_or_executable, (mmap.PROT_EXEC,)),
        Check(3, mmap.MAP_ANONYMOUS, (0,)),
    )
    special = [
        Rule("mmap", (Check(2, mmap.PROT_EXEC, (0,)),)),
        Rule("mprotect", (Check(2, mmap.PROT_EXEC, (0,)),)),
        Rule("fcntl", (Check(1, _LOW, _HARMLESS_FCNTL),)),
        Rule("sched_getaffinity", (Check(0, _LOW, (0, pid)),)),
        Rule("prlimit64", (Check(0, _LOW, (0, pid)), Check(2, _ALL, (0,)))),  # to read, not to set
        Rule("tgkill", (Check(0, _LOW, (pid,)), Check(2, _LOW, (signal.SIGABRT,)))),  # abort()
        Rule("ioctl", error=errno.ENOTTY),
        Rule("seccomp", error=errno.EPERM),
        # "not known" sends the C library to the older call, whose arguments a filter can see
        Rule("clone3", error=errno.ENOSYS),
        Rule("openat2", error=errno.ENOSYS),
    ]
    if can_read:
        special += [Rule("openat", (Check(2, _WRITING, (os.O_RDONLY,)),)), Rule("mmap", library)]
    else:
        special += [Rule(call, error=errno.EPERM) for call in sorted(READING)]
    return special


class Program:
    """A BPF program under construction: 8 bytes an instruction, jumps count instructions ahead."""

    def __init__(self, machine: str) -> None:
        self._machine = machine
        self._code: list[bytes] = []
        self._put(_LOAD, _ARCH_AT)
        self._put(_EQUAL, _AUDIT_ARCH[machine], then=1)
        self._put(_RETURN, _KILL_PROCESS)
        self._put(_LOAD, _NUMBER_AT)
        if machine == "x86_64":
            self._put(_AT_LEAST, _X32_BIT, otherwise=1)
            self._put(_RETURN, _KILL_PROCESS)

    def _put(self, code: int, value: int, then: int = 0, otherwise: int = 0) -> None:
        self._code.append(struct.pack("=HBBI", code, then, otherwise, value))

    def add(self, rule: Rule) -> None:
        """Append one rule; a call that the architecture does not have adds nothing."""
        number = NUMBERS[rule.call][list(_AUDIT_ARCH).index(self._machine)]
        if number is None:
            return
        answer = _ERRNO | rule.error if rule.error else _ALLOW
        checks = [half for check in rule.checks for half in _halves(check)]
        length = sum(2 + len(values) for _, _, values in checks) + 1 + bool(checks)
        self._put(_EQUAL, number, otherwise=length)
        for position, (offset, mask, values) in enumerate(checks):
            after = sum(2 + len(later) for _, _, later in checks[position + 1 :])
            self._put(_LOAD, offset)
            self._put(_AND, mask)
            for left, value in zip(reversed(range(len(values))), values, strict=True):
                self._put(_EQUAL, value, then=left, otherwise=0 if left else after + 1)
        self._put(_RETURN, answer)
        if checks:
            self._put(_LOAD, _NUMBER_AT)  # for the next rule

    def finished(self) -> bytes:
        """Return the program; what no rule has named is refused."""
        self._put(_RETURN, _ERRNO | errno.EPERM)
        return b"".join(self._code)


def _halves(check: Check) -> list[tuple[int, int, tuple[int, ...]]]:
    """Split a check of 64 bits into (offset, mask, values) of 32 bits each (both are little-endian)."""
    at = _ARGUMENTS_AT + 8 * check.argument
    low = (at, check.mask & _LOW, tuple(value & _LOW for value in check.values))
    if check.mask <= _LOW:
        return [low]
    return [low, (at + 4, check.mask >> 32, (0,))]


def program(pid: int, can_read: bool, machine: str | None = None) -> bytes:
    """Return the filter for the process `pid`, by default for this machine."""
    return for_process(template(can_read, machine), pid)


def for_process(filter_template: bytes, pid: int) -> bytes:
    """Put a process's number into a filter that was assembled before it was born."""
    return filter_template.replace(struct.pack("=I", _SOME_PID), struct.pack("=I", pid))


def template(can_read: bool, machine: str | None = None) -> bytes:
    """Assemble the filter for a process that is not known yet."""
    built = Program(machine or platform.machine())
    for rule in rules(_SOME_PID, can_read):
        built.add(rule)
    return built.finished()


def is_known_machine() -> bool:
    """Whether there is a table of numbers for this machine's architecture, in 64 bits."""
    return platform.machine() in _AUDIT_ARCH and struct.calcsize("P") == 8


def number(call: str) -> int:
    """Return this machine's number of a call that every architecture has."""
    found = NUMBERS[call][list(_AUDIT_ARCH).index(platform.machine())]
    assert found is not None
    return found


class _FilterProgram(ctypes.Structure):
    """struct sock_fprog"""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def install(instructions: bytes) -> None:
    """Put this process under the filter, for good. Needs no_new_privs. Raises `OSError`."""
    program = _FilterProgram(len(instructions) // 8, instructions)
    answer = _libc.syscall(
        ctypes.c_long(number("seccomp")),
        ctypes.c_ulong(_SET_MODE_FILTER),
        ctypes.c_ulong(_FLAG_TSYNC),
        ctypes.byref(program),
    )
    if answer:  # an errno, or with TSYNC the number of a thread that cannot follow
        code = ctypes.get_errno() if answer < 0 else errno.EBUSY
        raise OSError(code, f"seccomp filter: {os.strerror(code)}")


def is_offered() -> bool:
    """Whether this kernel knows seccomp filters (asked without changing anything)."""
    answer = _libc.syscall(
        ctypes.c_long(number("seccomp")), ctypes.c_ulong(_SET_MODE_FILTER), ctypes.c_ulong(0), None
    )
    return bool(answer == -1 and ctypes.get_errno() == errno.EFAULT)  # known, and our null pointer refused
