"""What one child process may use, and what it has used."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Limits:
    """What one child may use. The child sets the first four on itself, the parent watches the others."""

    memory_mb: int = 1024
    """Address space, numpy included (about 300 MB of it)."""
    cpu_s: int = 900
    """CPU seconds of the whole life."""
    file_mb: int = 16
    """All that it may write into files, which exist in its memory only."""
    open_files: int = 512
    output_kept_kb: int = 64
    """How much of what is printed is kept."""
    output_total_mb: int = 256
    """How much may be printed at all."""
    start_s: float = 30.0
    """Wall seconds for our own start-up: beyond it the machine is to blame."""
    load_s: float = 5.0
    """CPU seconds for executing the file once, and for all further cars together three times that."""
    message_s: float = 1.0
    call_s: float = 0.001
    """CPU seconds for one message of n calls: message_s + n * call_s.

    The wall clock allows four times as much, at least 5 s, for these and for loading.
    """
    calls_s: float = 600.0
    """Wall seconds spent waiting for rewards in all."""

    def shared(self, children: int) -> Limits:
        """Return what each of several children may use, so that all write no more than one would.

        Of the CPU time each may use all, because the parent watches the sum, and of the memory, because a
        verdict must not depend on how many cores a machine has.
        """
        if children == 1:
            return self
        return replace(
            self,
            file_mb=max(1, self.file_mb // children),
            output_total_mb=max(1, self.output_total_mb // children),
        )


@dataclass(frozen=True, slots=True)
class Usage:
    """What the child has used; `peak_mb` is 0.0 where it could not be read any more."""

    cpu_s: float
    peak_mb: float

    def as_json(self, wall_s: float) -> dict[str, float]:
        """Say it as it is kept with a result, with the time that passed meanwhile."""
        used = {"cpu_s": self.cpu_s, "wall_s": wall_s, "peak_mb": self.peak_mb}
        return {name: round(value, 3) for name, value in used.items()}


@dataclass(frozen=True, slots=True)
class Ending:
    """How the process ended: an exit status or minus a signal's number; `stopped` when we ended it."""

    status: int
    usage: Usage
    stopped: bool


@dataclass(frozen=True, slots=True)
class Allowance:
    """Time for one answer."""

    cpu_s: float
    wall_s: float
