"""Files that exist in memory only: the harmless place where entrant code may write.

Some public reward functions keep a log in a file. The lock refuses every writing of files; instead `open`
for writing gives a file in this process's memory, whatever the path, which can be read again under the same
path and is gone with the process. What was not written here is opened as ever, for reading, if the lock lets
it. A file that is only appended to, as logs are, takes no more when it is full and says nothing. This is a
courtesy and no wall: the wall is the kernel's.

Each car's copy of a module that sets up a log would add a handler of its own to the one logger that they
share, and every line would be written once per car: a handler for what the logger writes to already is not
added.
"""

from __future__ import annotations

import builtins
import errno
import io
import logging
import os
from typing import IO, TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

_real_open: Final = builtins.open
_real_add_handler: Final = logging.Logger.addHandler


class Scratch:
    """The files of one process, `limit_bytes` in all."""

    def __init__(self, limit_bytes: int) -> None:
        self._files: dict[str, bytearray] = {}
        self._limit_bytes = limit_bytes

    def install(self) -> None:
        """Take the place of `open`, and have logs written once however many cars set them up."""
        builtins.open = io.open = self.open  # type: ignore[assignment]
        logging.Logger.addHandler = _add_handler_once  # type: ignore[assignment, method-assign]

    def open(
        self,
        file: Any,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        closefd: bool = True,
        opener: Any = None,
    ) -> IO[Any]:
        """Open as the built-in does; for writing, a file in memory."""
        path = None if isinstance(file, int) or opener else os.path.abspath(os.fsdecode(file))
        creates = bool(set(mode) & set("wax"))
        if path is None or (path not in self._files and not creates):
            return _real_open(file, mode, buffering, encoding, errors, newline, closefd, opener)
        if "x" in mode and path in self._files:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), file)
        content = self._files.setdefault(path, bytearray())
        if "w" in mode:
            content.clear()
        raw = _MemoryFile(self, content, str(file), mode)
        if buffering == 0:
            return raw  # type: ignore[return-value]
        buffered = _buffered(raw, mode)
        return (
            buffered
            if "b" in mode
            else io.TextIOWrapper(buffered, encoding, errors, newline, line_buffering=buffering == 1)
        )

    def has_room(self, added_bytes: int) -> bool:
        """Return whether so much more is allowed."""
        return sum(map(len, self._files.values())) + added_bytes <= self._limit_bytes

    def require_room(self, added_bytes: int) -> None:
        """Raise `OSError` when so much more would be too much."""
        if not self.has_room(added_bytes):
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))


def _add_handler_once(logger: logging.Logger, handler: logging.Handler) -> None:
    """Do what `addHandler` does, unless the logger has a handler of this kind for the same file or stream."""
    target = _target_of(handler)
    if target is None or all(
        type(other) is not type(handler) or _target_of(other) != target for other in logger.handlers
    ):
        _real_add_handler(logger, handler)


def _target_of(handler: logging.Handler) -> object:
    """Return what a handler writes to: a path, a stream, or None for another kind of handler."""
    return getattr(handler, "baseFilename", None) or getattr(handler, "stream", None)


def _buffered(raw: _MemoryFile, mode: str) -> Any:
    if "+" in mode:
        return io.BufferedRandom(raw)
    return io.BufferedReader(raw) if "r" in mode else io.BufferedWriter(raw)


class _MemoryFile(io.RawIOBase):
    """One opening of a file in memory, with a position of its own."""

    def __init__(self, scratch: Scratch, content: bytearray, name: str, mode: str) -> None:
        super().__init__()
        self.name = name
        self.mode = mode
        self._scratch = scratch
        self._content = content
        self._at = 0
        if "a" in mode:
            self.seek(0, os.SEEK_END)

    def readable(self) -> bool:
        return "r" in self.mode or "+" in self.mode

    def writable(self) -> bool:
        return self.mode.strip("bt") != "r"

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer)
        part = self._content[self._at : self._at + len(view)]
        view[: len(part)] = part
        self._at += len(part)
        return len(part)

    def write(self, data: ReadableBuffer, /) -> int:
        view = memoryview(data).cast("B")
        if "a" in self.mode:
            self._at = len(self._content)
            if not self._scratch.has_room(len(view)):
                return len(view)
        hole = max(0, self._at - len(self._content))
        self._scratch.require_room(hole + max(0, self._at + len(view) - len(self._content)))
        self._content.extend(bytes(hole))
        self._content[self._at : self._at + len(view)] = view
        self._at += len(view)
        return len(view)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: len(self._content)}[whence]
        self._at = max(0, base + offset)
        return self._at

    def truncate(self, size: int | None = None, /) -> int:
        size = self._at if size is None else size
        self._scratch.require_room(size - len(self._content))
        self._content[size:] = bytes(max(0, size - len(self._content)))
        return size
