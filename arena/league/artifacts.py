"""Policies and traces as files, named by the SHA-256 of their content.

A name can then never mean two contents, equal files are stored once, and reading proves that what came back
is what was stored. Writing is atomic: a crash leaves a temporary file, never half an artifact under its
name.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from pathlib import Path

from arena.league.errors import ArtifactDamaged, ArtifactMissing

KEY = re.compile(r"[0-9a-f]{64}")


class ArtifactStore:
    """A folder of content-addressed files; any number of processes may use it at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, key: str) -> Path:
        """Return where a key's file lies; raises ArtifactMissing for what is not a key at all."""
        if not KEY.fullmatch(key):
            raise ArtifactMissing(f"Expected an artifact's key of 64 hexadecimal digits, got {key[:80]!r}.")
        return self.folder / key[:2] / key

    def put(self, content: bytes) -> str:
        """Store the bytes durably and return their key; a damaged copy of the same content is replaced."""
        key = hashlib.sha256(content).hexdigest()
        path = self.path(key)
        if not _holds(path, content):
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_atomically(path, content)
        return key

    def get(self, key: str) -> bytes:
        """Return the bytes of a key. Raises ArtifactMissing and ArtifactDamaged."""
        path = self.path(key)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            raise ArtifactMissing(
                f"The artifact {key} is not in {self.folder}. Restore it from a backup, or submit again."
            ) from None
        found = hashlib.sha256(content).hexdigest()
        if found != key:
            raise ArtifactDamaged(
                f"Expected {path} to have the SHA-256 of its name, but it has {found}: the file was changed "
                "or the disk is failing. Restore it from a backup."
            )
        return content


def _holds(path: Path, content: bytes) -> bool:
    try:
        return path.read_bytes() == content
    except FileNotFoundError:
        return False


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
