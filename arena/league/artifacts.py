"""Policies, traces and uploads as files, named by the SHA-256 of their content.

A name can then never mean two contents, equal files are stored once, and reading proves that what came back
is what was stored. They lie in a folder, or, given an address such as s3://bucket/arena, in any storage that
fsspec's Arrow adapter reaches (that one because it does without asyncio, which the web process, running under
gevent, cannot have). Writing is atomic: a crash leaves a temporary file, never half an artifact under
its name.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from arena.league.errors import ArtifactDamaged, ArtifactMissing, LeagueError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

KEY = re.compile(r"[0-9a-f]{64}")

Call = Callable[[Callable[..., Any], tuple[Any, ...]], Any]


def directly(function: Callable[..., Any], given: tuple[Any, ...]) -> Any:
    """Call a function and wait for it."""
    return function(*given)


class Place(Protocol):
    """Where the files lie. Names are `ab/abcd...`: a key below its first two digits."""

    def read(self, name: str) -> bytes:
        """Return a file's bytes. Raises FileNotFoundError."""

    def write(self, name: str, content: bytes) -> None:
        """Write a file durably and all at once."""

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""

    def names(self) -> Iterator[str]:
        """Yield the names of all files."""


class ArtifactStore:
    """Content-addressed files in a folder, or behind an address; any number of processes may use it."""

    def __init__(self, place: Path | str, call: Call = directly) -> None:
        """`call` calls what waits for the network; the web process does it beside its other requests."""
        is_address = isinstance(place, str) and "://" in place
        self.place: Place = Bucket(str(place), call) if is_address else Folder(place)
        self.where = str(place)

    def path(self, key: str) -> Path:
        """Return where a key's file lies in a folder; raises ArtifactMissing for what is not a key at all."""
        assert isinstance(self.place, Folder)
        return self.place.folder / _name(key)

    def put(self, content: bytes) -> str:
        """Store the bytes durably and return their key; a damaged copy of the same content is replaced."""
        key = hashlib.sha256(content).hexdigest()
        try:
            if self.place.read(_name(key)) == content:
                return key
        except FileNotFoundError:
            pass
        self.place.write(_name(key), content)
        return key

    def get(self, key: str) -> bytes:
        """Return the bytes of a key. Raises ArtifactMissing and ArtifactDamaged."""
        try:
            content = self.place.read(_name(key))
        except FileNotFoundError:
            raise ArtifactMissing(
                f"The artifact {key} is not in {self.where}. Restore it from a backup, or submit again."
            ) from None
        found = hashlib.sha256(content).hexdigest()
        if found != key:
            raise ArtifactDamaged(
                f"Expected {_name(key)} in {self.where} to have the SHA-256 of its name, but it has {found}: "
                "the file was changed or the disk is failing. Restore it from a backup."
            )
        return content

    def discard(self, key: str) -> None:
        """Remove a file, if it is there; whoever calls this knows that nothing refers to it."""
        self.place.remove(_name(key))

    def keys(self) -> Iterator[str]:
        """Yield the keys of all files; leftovers of a crash are not among them."""
        names = (name.rpartition("/")[2] for name in self.place.names())
        return (name for name in names if KEY.fullmatch(name))


def _name(key: str) -> str:
    if not KEY.fullmatch(key):
        raise ArtifactMissing(f"Expected an artifact's key of 64 hexadecimal digits, got {key[:80]!r}.")
    return f"{key[:2]}/{key}"


class Folder:
    """A folder on this machine; what was written survives a power cut."""

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)

    def read(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    def write(self, name: str, content: bytes) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_atomically(path, content)

    def remove(self, name: str) -> None:
        (self.folder / name).unlink(missing_ok=True)

    def names(self) -> Iterator[str]:
        return (str(path.relative_to(self.folder)) for path in sorted(self.folder.glob("??/*")))


class Bucket:
    """Storage behind an address. An object appears whole or not at all, as S3 has it.

    Credentials, region and endpoint come from the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
    AWS_DEFAULT_REGION, AWS_ENDPOINT_URL).
    """

    def __init__(self, address: str, call: Call) -> None:
        self._files, self._root = _connect(address)
        self._call = call

    def read(self, name: str) -> bytes:
        return bytes(self._call(self._files.cat_file, (f"{self._root}/{name}",)))

    def write(self, name: str, content: bytes) -> None:
        self._call(self._files.pipe_file, (f"{self._root}/{name}", content))

    def remove(self, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._call(self._files.rm_file, (f"{self._root}/{name}",))

    def names(self) -> Iterator[str]:
        return iter(self._call(self._files.find, (self._root,)))


def _connect(address: str) -> tuple[AbstractFileSystem, str]:
    try:
        import pyarrow.fs
        from fsspec.implementations.arrow import ArrowFSWrapper
    except ModuleNotFoundError as error:
        raise LeagueError(
            f"Artifacts at {address} need the Python package {error.name}, which is not installed. "
            "Install the extra s3 of this package, or unset ARENA_ARTIFACTS_URL."
        ) from error
    try:
        files, root = pyarrow.fs.FileSystem.from_uri(address)
        if not root:
            raise ValueError("it names no bucket")
    except (OSError, ValueError) as error:
        raise LeagueError(
            f"ARENA_ARTIFACTS_URL {address!r} cannot be used: {error}. Expected for example s3://bucket/arena."
        ) from error
    return ArrowFSWrapper(files), root


def _write_atomically(path: Path, content: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # 0644 as other files: mkstemp's 0600 would hide it from a web process under another account.
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make the new name itself survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
