"""The assembled filter answers each call as the rules say, on both architectures."""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import signal
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.garage import seccomp

PID = 4321
MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
ALLOWED, KILLED, REFUSED = 0x7FFF0000, 0x80000000, 0x00050000 | errno.EPERM


def run(program: bytes, machine: int, number: int, arguments: tuple[int, ...] = ()) -> int:
    """Interpret a BPF program as the kernel does and return its answer."""
    data = struct.pack("<IIQ6Q", number, machine, 0, *arguments, *[0] * (6 - len(arguments)))
    instructions = list(struct.iter_unpack("=HBBI", program))
    accumulator, at = 0, 0
    while True:
        code, then, otherwise, value = instructions[at]
        at += 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("<I", data, value)
        elif code == 0x54:
            accumulator &= value
        elif code == 0x15:
            at += then if accumulator == value else otherwise
        elif code == 0x35:
            at += then if accumulator >= value else otherwise
        else:
            assert code == 0x06
            return int(value)


def answer(call: str, *arguments: int, can_read: bool = True, machine: str = "x86_64") -> int:
    number = seccomp.NUMBERS[call][list(MACHINES).index(machine)]
    assert number is not None
    return run(seccomp.program(PID, can_read, machine), MACHINES[machine], number, arguments)


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("can_read", [True, False])
def test_only_calls_of_the_list_get_through(machine: str, can_read: bool) -> None:
    program = seccomp.program(PID, can_read, machine)
    column = list(MACHINES).index(machine)
    known = {
        numbers[column]: call for call, numbers in seccomp.NUMBERS.items() if numbers[column] is not None
    }
    for number in range(600):
        verdict = run(program, MACHINES[machine], number)
        call = known.get(number)
        if call is None or call in {"seccomp", "clone3", "openat2", "ioctl"}:
            assert verdict & 0xFFFF0000 == 0x00050000, number
        elif call in seccomp.READING:
            assert verdict == (ALLOWED if can_read else REFUSED), call


@given(number=st.integers(0, 2**32 - 1), machine=st.integers(0, 2**32 - 1))
def test_another_architecture_kills(number: int, machine: int) -> None:
    program = seccomp.program(PID, True, "x86_64")
    if machine != MACHINES["x86_64"] or number >= 0x40000000:
        assert run(program, machine, number) == KILLED


@pytest.mark.parametrize("machine", MACHINES)
def test_files_are_opened_for_reading_only(machine: str) -> None:
    for flags in (0, os.O_CLOEXEC, os.O_CLOEXEC | os.O_DIRECTORY, os.O_NONBLOCK):
        assert answer("openat", 0, 0, flags, machine=machine) == ALLOWED
        assert answer("openat", 0, 0, flags, machine=machine, can_read=False) == REFUSED
    for flags in (os.O_WRONLY, os.O_RDWR, 3, os.O_CREAT, os.O_TRUNC, os.O_TMPFILE, os.O_WRONLY | os.O_APPEND):
        assert answer("openat", 0, 0, flags | os.O_CLOEXEC, machine=machine) == REFUSED
        assert answer("openat", 0, 0, flags | 1 << 40, machine=machine) == REFUSED


@pytest.mark.parametrize("can_read", [True, False])
def test_memory_is_executable_only_from_files_that_can_only_be_read(can_read: bool) -> None:
    anonymous = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    for protection in range(8):
        executable = bool(protection & mmap.PROT_EXEC)
        writable = bool(protection & mmap.PROT_WRITE)
        mapped = answer("mmap", 0, 0, protection, anonymous, can_read=can_read)
        assert (mapped == ALLOWED) is not executable
        library = answer("mmap", 0, 0, protection, mmap.MAP_PRIVATE, can_read=can_read)
        assert (library == ALLOWED) is (not executable or (can_read and not writable))
        assert (answer("mprotect", 0, 0, protection) == ALLOWED) is not executable


@given(command=st.integers(0, 2**33))
def test_descriptors_send_no_signals(command: int) -> None:
    harmless = {fcntl.F_DUPFD, fcntl.F_GETFD, fcntl.F_SETFD, fcntl.F_GETFL, fcntl.F_DUPFD_CLOEXEC}
    assert (answer("fcntl", 3, command) == ALLOWED) is (command & 0xFFFFFFFF in harmless)


@given(pid=st.sampled_from([PID, 0, 1, PID + 1, 2**32 - 1]), number=st.sampled_from(list(signal.Signals)))
def test_the_only_signal_is_ones_own_abort(pid: int, number: int) -> None:
    allowed = pid == PID and number == signal.SIGABRT
    assert (answer("tgkill", pid, 1, number) == ALLOWED) is allowed


@given(pid=st.sampled_from([0, PID, 1, PID + 1]), pointer=st.integers(0, 2**64 - 1))
def test_limits_are_read_and_not_set(pid: int, pointer: int) -> None:
    allowed = pid in (0, PID) and pointer == 0
    assert (answer("prlimit64", pid, 7, pointer, 1) == ALLOWED) is allowed
    assert answer("prlimit64", 0, 7, 1 << 32) == REFUSED


def test_newer_calls_are_unknown_so_that_the_older_ones_are_tried() -> None:
    for call in ("clone3", "openat2"):
        assert answer(call) == 0x00050000 | errno.ENOSYS
    assert answer("ioctl") == 0x00050000 | errno.ENOTTY
