"""A worker's end of its pit: start it with a clean environment, give orders, hear what comes of them.

The pit is started at the first order and kept for the next ones. One that dies, or that says nothing for
longer than any work takes between two words, is ended and counts as a fault of ours; the next order starts a
new one.
"""

from __future__ import annotations

import logging
import math
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Sequence
from multiprocessing.connection import Connection
from typing import Final

from arena.garage.verdicts import SandboxUnavailableError
from arena.radio import ENDS, Kind, Message, receive, send

log = logging.getLogger("arena.pit_wall")

PROGRAM: Final = (sys.executable, "-m", "arena.pit")
SILENCE_S: Final = 300.0
"""The longest silence of a pit at work: a race of a slow agent, or an update of a large network."""
START_WITHIN_S: Final = 120.0
USUAL_LAPS: Final = 3
STOP_WITHIN_S: Final = 10.0
TICK_S: Final = 1.0
# What a Python process needs of its environment; everything else may be a secret.
_KEPT: Final = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "PYTHONPATH")
_KEPT_PREFIXES: Final = ("CUDA_", "NVIDIA_")


class PitLostError(RuntimeError):
    """The pit died or hung: no entry is to blame, the work can be done again."""


class PitWall:
    """Starts and speaks to one pit. `trusting`: code may run without a lock where this machine has none;
    `trains`: it is to be warm for trainings; `program` is what is started, `python -m arena.pit`.
    """

    def __init__(
        self,
        *,
        trains: bool = True,
        trusting: bool = False,
        silence_s: float = SILENCE_S,
        program: Sequence[str] = PROGRAM,
    ) -> None:
        self.locked = True
        """Whether the pit holds entrants' code by a lock; known once it has started."""
        self._modes = (*(["trusting"] if trusting else []), *(["trains"] if trains else []))
        self._silence_s, self._program = silence_s, program
        self._process: subprocess.Popen[bytes] | None = None
        self._line: Connection | None = None

    @property
    def pid(self) -> int | None:
        """The number of the pit's process, while there is one."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start the pit, if there is none. Raises `SandboxUnavailableError` and `PitLostError`."""
        if self._process is not None and self._process.poll() is None:
            return
        self.close()
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [*self._program, str(theirs.fileno()), *self._modes],
                env=clean_environment(),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )
        self._line = Connection(ours.detach())
        ready = self._hear(time.monotonic() + START_WITHIN_S)
        if ready.kind is Kind.UNAVAILABLE:
            self.close()
            raise SandboxUnavailableError(str(ready.facts["message"]))
        self.locked = bool(ready.facts["locked"])

    def close(self) -> None:
        """End the pit; safe to call more than once."""
        if self._line is not None:
            self._line.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process = self._line = None

    def work(
        self, order: Message, *, on_tick: Callable[[], None], should_stop: Callable[[], bool]
    ) -> Generator[Message]:
        """Give an order and yield what the pit says, its last word included.

        `on_tick` is called about once a second. When the generator is closed before the last word, the pit
        is told to stop: what it works on is nobody's any more. Raises `PitLostError`.
        """
        self.start()
        assert self._line is not None
        is_over, stop_by = False, math.inf
        silence_s = self._silence_of(order)
        try:
            send(self._line, order)
            deadline = time.monotonic() + silence_s
            while not is_over:
                if should_stop():
                    stop_by = min(stop_by, time.monotonic() + STOP_WITHIN_S)
                    self._ask_to_stop()
                if time.monotonic() > stop_by:  # races and checks do not hear it
                    self.close()
                    is_over = True
                    yield Message(Kind.STOPPED)
                    return
                if not self._line.poll(TICK_S):
                    on_tick()
                    self._require_alive(deadline)
                    continue
                message = self._hear(deadline)
                deadline = time.monotonic() + silence_s
                is_over = message.kind in ENDS
                yield message
        except OSError as error:
            raise self._lost(f"it hung up ({error})") from error
        finally:
            if not is_over:
                self._call_off()

    def _silence_of(self, order: Message) -> float:
        """Return how long the pit may say nothing: it does not while it races, and races differ in laps."""
        laps = int((order.facts.get("conditions") or {}).get("laps", USUAL_LAPS))
        return self._silence_s * max(1.0, laps / USUAL_LAPS)

    def _call_off(self) -> None:
        """Have the pit drop what it works on; one that does not is ended."""
        if self._process is None or self._line is None:
            return
        self._ask_to_stop()
        deadline = time.monotonic() + STOP_WITHIN_S
        try:
            while self._hear(deadline).kind not in ENDS:
                pass
        except PitLostError:
            self.close()

    def _ask_to_stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)

    def _require_alive(self, deadline: float) -> None:
        assert self._process is not None
        if self._process.poll() is not None:
            raise self._lost(f"its process ended with {self._process.returncode}")
        if time.monotonic() > deadline:
            raise self._lost(f"it said nothing for {self._silence_s:.0f} s")

    def _hear(self, deadline: float) -> Message:
        assert self._line is not None
        try:
            while not self._line.poll(TICK_S):
                self._require_alive(deadline)
            return receive(self._line)
        except (EOFError, OSError) as error:
            raise self._lost("it hung up") from error

    def _lost(self, why: str) -> PitLostError:
        self.close()
        log.error("The pit was lost: %s.", why)
        return PitLostError(f"The process that trains and races was lost: {why}.")


def clean_environment() -> dict[str, str]:
    """Return what a pit sees of the environment: how to run Python, and nothing that opens anything."""
    kept = {name: value for name, value in os.environ.items() if name in _KEPT}
    return kept | {name: value for name, value in os.environ.items() if name.startswith(_KEPT_PREFIXES)}
