"""The parent's handle on the child process: start it, exchange one frame for one frame, stop it, and say how
it ended.

Nothing here waits without an end, whatever the child does: writes and reads never block, the child's output
is drained while its answer is awaited, and time is counted in the child's own CPU seconds first, so that a
machine under load makes nobody late. The wall clock has the last word for a child that sleeps.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Final, Self

from arena.garage import blame
from arena.garage.limits import Allowance, Ending, Limits, Usage
from arena.garage.verdicts import SandboxError
from arena.garage.wire import HEADER, MAX_JSON_BYTES, Head, Kind, ProtocolError, unpack_head

_START: Final = (
    "import sys; sys.path.append(sys.argv[1]); from arena.garage.host import main; main(sys.argv[2])"
)
_ROOT: Final = str(Path(__file__).resolve().parents[2])
_PIPE_BYTES: Final = 1 << 20  # a whole request fits, so that one write sends it
_READ_BYTES: Final = 1 << 16
_STACK_WAIT_S: Final = 2.0
_REAP_WAIT_S: Final = 10.0
_F_SETPIPE_SZ: Final = 1031


class ChildGoneError(Exception):
    """The process has ended before it answered."""


class ChildLateError(Exception):
    """Time is up. `line` is where the entrant's file was at that moment, if it could be seen."""

    def __init__(self, line: int | None, waited_s: float, peak_mb: float) -> None:
        super().__init__(f"no answer after {waited_s:.2f} s")
        self.line = line
        self.waited_s = waited_s
        self.peak_mb = peak_mb


class OutputFloodError(Exception):
    """The child wrote past the limit on what it may print."""


class Child:
    """One running child process. Closing it is safe at any time and more than once."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._output = bytearray()
        self._output_bytes = 0
        self._ending: Ending | None = None
        self._oom_kills = oom_kills()
        self._closing = contextlib.ExitStack()
        folder = self._closing.enter_context(
            tempfile.TemporaryDirectory(prefix="arena-child-", ignore_cleanup_errors=True)
        )
        stack = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the rest
        self._stack = self._closing.enter_context(stack)
        try:
            self._start(folder)
        except OSError as error:
            self._closing.close()
            raise SandboxError(f"The reward process could not be started: {error}.") from error

    def _start(self, folder: str) -> None:
        self._replies, reply_fd = os.pipe()
        self._closing.callback(os.close, self._replies)
        options = {
            "reply_fd": reply_fd,
            "stack_fd": self._stack.fileno(),
            "parent_pid": os.getpid(),
            "limits": asdict(self._limits),
            "output_kept": self._limits.output_kept_kb << 10,
            "output_total": self._limits.output_total_mb << 20,
        }
        # -P and -s keep the working folder and the home out of the path, the environment is ours: that is
        # all of -I, which would ignore the fixed hash seed
        command = [sys.executable, "-s", "-P", "-c", _START, _ROOT, json.dumps(options)]
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                bufsize=0,
                pass_fds=(reply_fd, self._stack.fileno()),
                cwd=folder,
                env=_clean_environment(folder),
                start_new_session=True,
            )
        finally:
            os.close(reply_fd)
        self._watch()

    def _watch(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._requests = self._process.stdin.fileno()
        self._prints = self._process.stdout.fileno()
        self._poll = select.poll()
        for descriptor in (self._requests, self._prints, self._replies):
            os.set_blocking(descriptor, False)
        with contextlib.suppress(OSError):  # a smaller pipe only means more turns
            fcntl.fcntl(self._requests, _F_SETPIPE_SZ, _PIPE_BYTES)
        self._poll.register(self._prints, select.POLLIN)
        self._poll.register(self._replies, select.POLLIN)
        self._exit_fd: int | None = None
        if hasattr(os, "pidfd_open"):  # sees the end even when a process of theirs keeps the pipe open
            self._exit_fd = os.pidfd_open(self._process.pid)
            self._closing.callback(os.close, self._exit_fd)
            self._poll.register(self._exit_fd, select.POLLIN)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def output(self) -> str:
        """What the child has printed, at most the first `output_kept_kb`."""
        return self._output.decode("utf-8", "replace")

    @property
    def memory_ran_short(self) -> bool:
        """Whether the kernel has killed any process for want of memory since this one was started."""
        return oom_kills() > self._oom_kills

    def cpu_s(self) -> float:
        """Return the CPU seconds used so far (0.0 where the system offers no such clock)."""
        if self._ending is not None:
            return self._ending.usage.cpu_s
        try:
            # Linux: the clock of another process has the id (~pid << 3) | 2, see clock_getcpuclockid(3)
            return time.clock_gettime((~self._process.pid << 3) | 2)
        except OSError:
            return 0.0

    def exchange(self, frame: bytes, allowance: Allowance) -> tuple[Head, bytes]:
        """Send `frame` (which may be empty) and return the next frame.

        Raises `ChildGoneError`, `ChildLateError`, `OutputFloodError` or `ProtocolError`; the caller then
        closes the child.
        """
        outgoing = memoryview(frame)
        if outgoing:
            outgoing = self._send_some(outgoing)
        incoming = bytearray()
        head: Head | None = None
        began = time.monotonic()
        cpu_began = self.cpu_s()
        patience_s = allowance.cpu_s
        while True:
            ready = self._poll.poll(max(1.0, patience_s * 1000))
            if not ready:
                patience_s = self._patience(allowance, began, cpu_began)
                continue
            gone = self._handle(ready, incoming)
            if outgoing:
                outgoing = self._send_some(outgoing)
            if head is None and len(incoming) >= HEADER.size:
                head = self._checked_head(bytes(incoming[: HEADER.size]))
            if head is not None and len(incoming) >= HEADER.size + head.length:
                return head, self._only_frame(incoming, head)
            if gone:
                raise ChildGoneError
            patience_s = self._patience(allowance, began, cpu_began)

    def _patience(self, allowance: Allowance, began: float, cpu_began: float) -> float:
        """Return for how many seconds to wait before looking at the clocks again. Raises `ChildLateError`."""
        waited_s = time.monotonic() - began
        used_s = self.cpu_s() - cpu_began
        if used_s >= allowance.cpu_s or waited_s >= allowance.wall_s:
            raise ChildLateError(self._where_it_is(), waited_s, self._peak_mb())
        return max(0.005, min(allowance.cpu_s - used_s, allowance.wall_s - waited_s))

    def _handle(self, ready: list[tuple[int, int]], incoming: bytearray) -> bool:
        """Read what is there; return True when the child has ended and everything is read."""
        gone = False
        for descriptor, _ in ready:
            if descriptor == self._prints:
                self._drain()
            elif descriptor == self._replies:
                gone |= self._read_reply(incoming)
            elif descriptor == self._exit_fd:
                gone |= self._read_reply(incoming) or self._replies not in [fd for fd, _ in ready]
        return gone

    def _read_reply(self, incoming: bytearray) -> bool:
        try:
            part = os.read(self._replies, _READ_BYTES)
        except BlockingIOError:
            return False
        incoming += part
        return not part

    def _drain(self) -> None:
        try:
            part = os.read(self._prints, _READ_BYTES)
        except BlockingIOError:
            return
        if not part:
            self._poll.unregister(self._prints)
        room = (self._limits.output_kept_kb << 10) - len(self._output)
        self._output += part[: max(0, room)]
        self._output_bytes += len(part)
        if self._output_bytes > self._limits.output_total_mb << 20:
            raise OutputFloodError

    def _send_some(self, outgoing: memoryview) -> memoryview:
        try:
            outgoing = outgoing[os.write(self._requests, outgoing) :]
        except BlockingIOError:
            pass
        except BrokenPipeError:
            outgoing = memoryview(b"")  # it has ended or closed its end: its silence will tell
        if outgoing:
            self._poll.register(self._requests, select.POLLOUT)
        else:
            with contextlib.suppress(KeyError):
                self._poll.unregister(self._requests)
        return outgoing

    def _checked_head(self, data: bytes) -> Head:
        head = unpack_head(data)
        longest = head.count * 8 if head.kind == Kind.REWARDS else MAX_JSON_BYTES
        if head.length > longest or head.count > _PIPE_BYTES:
            raise ProtocolError(f"a frame of {head.length} bytes where at most {longest} were expected")
        return head

    def _only_frame(self, incoming: bytearray, head: Head) -> bytes:
        if len(incoming) > HEADER.size + head.length:
            raise ProtocolError("bytes after the end of a frame")
        return bytes(incoming[HEADER.size :])

    def _where_it_is(self) -> int | None:
        """Ask the child's fault handler, which answers even out of a loop in C, for the entrant's line."""
        with contextlib.suppress(OSError):
            self._process.send_signal(signal.SIGUSR1)
        ends = time.monotonic() + _STACK_WAIT_S
        text, before = "", "-"
        while time.monotonic() < ends and (not text or text != before):
            time.sleep(0.02)
            before = text
            self._stack.seek(0)
            text = self._stack.read(_READ_BYTES).decode("utf-8", "replace")
        found = re.search(rf'File "{re.escape(blame.FILE)}", line (\d+)', text)
        return int(found[1]) if found else None

    def close(self, grace_s: float = 0.0) -> Ending:
        """Kill the child with everything that it started, and say how it ended.

        With `grace_s` it gets that long to end by itself first, so that its own exit status is seen.
        """
        if self._ending is None:
            stopped = not self._ends_within(grace_s)
            peak_mb = self._peak_mb()
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)  # not reaped yet, so the number is still its own
            self._ending = self._reap(stopped, peak_mb)
            with contextlib.suppress(OutputFloodError, KeyError):
                self._drain()
            for pipe in (self._process.stdin, self._process.stdout):
                assert pipe is not None
                pipe.close()
            self._closing.close()
        return self._ending

    def _ends_within(self, grace_s: float) -> bool:
        if not hasattr(os, "waitid"):  # macOS before Python 3.13
            time.sleep(grace_s)
            return False
        ends = time.monotonic() + grace_s
        while os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            if time.monotonic() >= ends:
                return False
            time.sleep(0.002)
        return True

    def _peak_mb(self) -> float:
        # not ru_maxrss: a child that was started with vfork inherits its parent's peak there
        with contextlib.suppress(OSError):
            status = Path(f"/proc/{self._process.pid}/status").read_text()
            if found := re.search(r"VmHWM:\s*(\d+) kB", status):
                return int(found[1]) / 1024
        return 0.0

    def _reap(self, stopped: bool, peak_mb: float) -> Ending:
        ends = time.monotonic() + _REAP_WAIT_S
        while time.monotonic() < ends:
            pid, status, used = os.wait4(self._process.pid, os.WNOHANG)
            if pid:
                self._process.returncode = os.waitstatus_to_exitcode(status)
                usage = Usage(used.ru_utime + used.ru_stime, peak_mb)
                return Ending(self._process.returncode, usage, stopped)
            time.sleep(0.001)
        raise SandboxError("A killed reward process does not end; the machine may be out of order.")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def oom_kills() -> int:
    """Return how many processes the kernel has killed for want of memory since it was started (0 if it does
    not say).
    """
    with contextlib.suppress(OSError):
        if found := re.search(r"^oom_kill (\d+)$", Path("/proc/vmstat").read_text(), re.MULTILINE):
            return int(found[1])
    return 0


def _clean_environment(folder: str) -> dict[str, str]:
    """Return all that the child gets to see of the environment: no secret, no path of ours, a fixed hash
    seed.
    """
    environment = {
        "HOME": folder,
        "TMPDIR": folder,
        "LANG": "C.UTF-8",
        "PYTHONHASHSEED": "0",
        "PYTHONUTF8": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }
    if "LD_LIBRARY_PATH" in os.environ:  # some Pythons do not start without it
        environment["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
    return environment
