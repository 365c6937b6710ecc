"""The empty folder in which children work: one for each process that has children.

Nobody can write into it, so that all may share it. Its owner keeps it locked while it lives; whoever makes
one removes those that a killed process has left behind.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PREFIX: Final = "arena-child-"


@dataclass(slots=True)
class Workplace:
    """A folder and the descriptor that keeps it."""

    path: Path
    descriptor: int
    owner_pid: int

    def remove(self) -> None:
        if self.owner_pid == os.getpid():  # and not a fork of the owner
            with contextlib.suppress(OSError):
                self.path.rmdir()
            os.close(self.descriptor)


_own: Workplace | None = None


def folder() -> Path:
    """Return this process's empty folder; make it when there is none (any more)."""
    global _own
    if _own is None or _own.owner_pid != os.getpid() or not _own.path.is_dir():
        sweep()
        _own = _make()
        atexit.register(_own.remove)
    return _own.path


def sweep() -> None:
    """Remove the folders whose owners are gone; what is not empty or not ours stays."""
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.rmdir()
            finally:
                os.close(descriptor)


def _make() -> Workplace:
    while True:
        path = Path(tempfile.mkdtemp(prefix=PREFIX))
        path.chmod(0o555)  # a child may be another user, and enters
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        if path.is_dir():  # nobody has swept it up before it was locked
            return Workplace(path, descriptor, os.getpid())
        os.close(descriptor)
