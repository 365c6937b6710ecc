"""The parent's handle on the child process: start it, exchange one frame for one frame, stop it, and say how
it ended.

Nothing here waits without an end, whatever the child does: writes and reads never block, the child's output
is drained while its answer is awaited, and time is counted in the child's own CPU seconds first, so that a
machine under load makes nobody late. The wall clock has the last word for a child that sleeps.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import select
import signal
import time
from dataclasses import asdict
from pathlib import Path
from typing import Final, Self

from arena.garage import protection
from arena.garage.launching import Pipes, launch, peak_mb
from arena.garage.limits import Allowance, Ending, Limits
from arena.garage.subjects import FILES
from arena.garage.verdicts import SandboxError, SandboxUnavailableError
from arena.garage.wire import HEADER, MAX_JSON_BYTES, Head, Kind, Program, ProtocolError, unpack_head

_PIPE_BYTES: Final = 1 << 20  # a whole request fits, so that one write sends it
_READ_BYTES: Final = 1 << 16
_STACK_WAIT_S: Final = 2.0
_REAP_WAIT_S: Final = 10.0
_F_SETPIPE_SZ: Final = 1031
_ENTRANTS_LINE: Final = rf'File "(?:{"|".join(map(re.escape, sorted(FILES)))})", line (\d{{1,7}})(?!\d)'
_STARVED: Final = 0.5  # of the time waited
_NUMBERS: Final = frozenset({Kind.REWARDS, Kind.ACTION, Kind.OUTPUTS, Kind.LINES})


class ChildGoneError(Exception):
    """The process has ended before it answered."""


class ChildLateError(Exception):
    """Time is up. `line` is where the entrant's file was at that moment, if it could be seen; `starved` says
    that the child wanted to work and was not let, because the machine had no core for it.
    """

    def __init__(self, line: int | None, waited_s: float, peak_mb: float, starved: bool) -> None:
        super().__init__(f"no answer after {waited_s:.2f} s")
        self.line = line
        self.waited_s = waited_s
        self.peak_mb = peak_mb
        self.starved = starved


class OutputFloodError(Exception):
    """The child wrote past the limit on what it may print."""


class Child:
    """One running child process. Closing it is safe at any time and more than once."""

    def __init__(self, limits: Limits, program: Program = Program.REWARD) -> None:
        """Start one as `protection.current()` says. Raises `SandboxError`."""
        self._limits = limits
        self._program = program
        self._protection = protection.current()
        self._output = bytearray()
        self._output_bytes = 0
        self._ending: Ending | None = None
        self._oom_kills = oom_kills()
        self._closing = contextlib.ExitStack()
        try:
            self._start()
        except BaseException as error:
            self._closing.close()
            if isinstance(error, OSError):
                raise SandboxError(f"The reward process could not be started: {error}.") from error
            raise

    def _start(self) -> None:
        options = {
            "limits": asdict(self._limits),
            "output_kept": self._limits.output_kept_kb << 10,
            "output_total": self._limits.output_total_mb << 20,
            "program": self._program,
        }
        with contextlib.ExitStack() as theirs:
            request_end, requests = os.pipe()
            theirs.callback(os.close, request_end)
            self._requests: int | None = requests
            self._closing.callback(self._close_requests)
            (self._prints, prints), (self._replies, replies), (self._stack, stack) = (
                self._pipe(theirs) for _ in range(3)
            )
            pipes = Pipes(request_end, prints, replies, stack)
            self._process = launch(self._protection, pipes, options)
        self._closing.callback(self._process.release)
        self._watch()

    def _pipe(self, theirs: contextlib.ExitStack) -> tuple[int, int]:
        ours, their_end = os.pipe()
        self._closing.callback(os.close, ours)
        theirs.callback(os.close, their_end)
        return ours, their_end

    def _close_requests(self) -> None:
        if self._requests is not None:
            os.close(self._requests)
            self._requests = None

    def _watch(self) -> None:
        assert self._requests is not None
        self._poll = select.poll()
        for descriptor in (self._requests, self._prints, self._replies, self._stack):
            os.set_blocking(descriptor, False)
        with contextlib.suppress(OSError):  # a smaller pipe only means more turns
            fcntl.fcntl(self._requests, _F_SETPIPE_SZ, _PIPE_BYTES)
        self._exit_fd = self._process.exit_fd
        for readable in (self._prints, self._replies, self._exit_fd):
            if readable is not None:
                self._poll.register(readable, select.POLLIN)

    @property
    def pid(self) -> int:
        return self._process.pid

    def require_lock(self) -> None:
        """Look from outside, where the child cannot lie, whether it is locked. Raises
        `SandboxUnavailableError`; to be called before the child gets a line of source.
        """
        if self._protection.profile is None:
            return
        try:
            status = Path(f"/proc/{self.pid}/status").read_text()
        except OSError as error:
            raise SandboxUnavailableError(f"The lock of the child cannot be verified: {error}.") from error
        found = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        wanted = {"Seccomp": "2", "NoNewPrivs": "1"}
        seen = {name: found.get(name, "").strip() for name in wanted}
        if seen != wanted or self._process.has_ended():
            raise SandboxUnavailableError(f"The child is not locked: expected {wanted}, found {seen}.")

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

    def queued_s(self) -> float:
        """Return the seconds for which the child has waited for a core (0.0 where it is not told)."""
        with contextlib.suppress(OSError, ValueError, IndexError):
            return int(Path(f"/proc/{self.pid}/schedstat").read_text().split()[1]) / 1e9
        return 0.0

    def exchange(self, frame: bytes, allowance: Allowance) -> tuple[Head, bytes]:
        """Send `frame` (which may be empty) and return the next frame; raises what `receive` raises."""
        self.send(frame)
        return self.receive(allowance)

    def send(self, frame: bytes | memoryview) -> None:
        """Send a frame, or begin to, without waiting. It must not change before the answer is there."""
        self._began, self._cpu_began = time.monotonic(), self.cpu_s()
        self._queued_began: float | None = None  # not looked up where the answer comes at once
        self._outgoing = memoryview(frame)
        if self._outgoing:
            self._send_some()

    def receive(self, allowance: Allowance) -> tuple[Head, bytes]:
        """Return the next frame; the allowance counts from the last `send` on.

        Raises `ChildGoneError`, `ChildLateError`, `OutputFloodError` or `ProtocolError`; the caller then
        closes the child.
        """
        incoming = bytearray()
        head: Head | None = None
        patience_s = allowance.cpu_s
        while True:
            ready = self._poll.poll(max(1.0, patience_s * 1000))
            if not ready:
                if self._queued_began is None:
                    self._queued_began = self.queued_s()
                patience_s = self._patience(allowance)
                continue
            gone = self._handle(ready, incoming)
            if self._outgoing:
                self._send_some()
            if head is None and len(incoming) >= HEADER.size:
                head = self._checked_head(bytes(incoming[: HEADER.size]))
            if head is not None and len(incoming) >= HEADER.size + head.length:
                return head, self._only_frame(incoming, head)
            if gone:
                raise ChildGoneError
            patience_s = self._patience(allowance)

    def _patience(self, allowance: Allowance) -> float:
        """Return for how many seconds to wait before looking at the clocks again. Raises `ChildLateError`."""
        waited_s = time.monotonic() - self._began
        used_s = self.cpu_s() - self._cpu_began
        if used_s >= allowance.cpu_s or waited_s >= allowance.wall_s:
            queued_s = 0.0 if self._queued_began is None else self.queued_s() - self._queued_began
            starved = used_s < allowance.cpu_s and queued_s > _STARVED * waited_s
            raise ChildLateError(self._where_it_is(), waited_s, peak_mb(self.pid), starved)
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

    def _send_some(self) -> None:
        assert self._requests is not None
        try:
            self._outgoing = self._outgoing[os.write(self._requests, self._outgoing) :]
        except BlockingIOError:
            pass
        except BrokenPipeError:
            self._outgoing = memoryview(b"")  # it has ended or closed its end: its silence will tell
        if self._outgoing:
            self._poll.register(self._requests, select.POLLOUT)
        else:
            with contextlib.suppress(KeyError):
                self._poll.unregister(self._requests)

    def _checked_head(self, data: bytes) -> Head:
        head = unpack_head(data)
        longest = head.count * 8 if head.kind in _NUMBERS else MAX_JSON_BYTES
        if head.length > longest or head.count > _PIPE_BYTES:
            raise ProtocolError(f"a frame of {head.length} bytes where at most {longest} were expected")
        return head

    def _only_frame(self, incoming: bytearray, head: Head) -> bytes:
        if len(incoming) > HEADER.size + head.length:
            raise ProtocolError("bytes after the end of a frame")
        return bytes(incoming[HEADER.size :])

    def _where_it_is(self) -> int | None:
        """Ask the child's fault handler, which answers even out of a loop in C, for the entrant's line."""
        self._process.send_signal(signal.SIGUSR1)
        ends = time.monotonic() + _STACK_WAIT_S
        text, before = b"", b"-"
        while time.monotonic() < ends and (not text or text != before):
            time.sleep(0.02)
            before = text
            with contextlib.suppress(BlockingIOError):
                text += os.read(self._stack, _READ_BYTES)
        found = re.search(_ENTRANTS_LINE, text.decode("utf-8", "replace"))
        return int(found[1]) if found else None

    def close(self, grace_s: float = 0.0) -> Ending:
        """Kill the child with everything that it started, and say how it ended.

        With `grace_s` it gets that long to end by itself first, so that its own exit status is seen.
        """
        if self._ending is None:
            stopped = not self._ends_within(grace_s)
            self._process.kill()
            ended = self._process.reap(_REAP_WAIT_S)
            if ended is None:
                raise SandboxError("A killed reward process does not end; the machine may be out of order.")
            self._ending = Ending(*ended, stopped)
            with contextlib.suppress(OutputFloodError, KeyError):
                self._drain()
            self._closing.close()
        return self._ending

    def _ends_within(self, grace_s: float) -> bool:
        ends = time.monotonic() + grace_s
        while not self._process.has_ended():
            if time.monotonic() >= ends:
                return False
            time.sleep(0.002)
        return True

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


def proves_to_be_locked() -> None:
    """Start a child for nothing but its lock. Raises `SandboxUnavailableError`."""
    limits = Limits()
    with Child(limits) as child:
        try:
            child.exchange(b"", Allowance(limits.start_s, limits.start_s))
        except (ChildGoneError, ChildLateError, ProtocolError) as error:
            raise SandboxUnavailableError(f"A child could not be locked: {child.output}{error}") from error
        child.require_lock()
