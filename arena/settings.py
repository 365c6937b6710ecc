"""Where the arena keeps its things: read once from the environment, then passed on as a value.

Nothing below the command line reads the environment a second time, so a test or a second arena on the same
machine is a second `ArenaSettings`, not a patched process.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

DEFAULT_DATA_DIR = Path("var")


@dataclass(frozen=True, slots=True)
class ArenaSettings:
    """The two places of an arena: its database and its folder of files."""

    database_url: str
    """SQLAlchemy address of the database. ARENA_DATABASE_URL; default: SQLite in the data folder."""

    data_dir: Path
    """Folder for policies, traces and the SQLite file. ARENA_DATA_DIR; default: `var` here."""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> ArenaSettings:
        """Read ARENA_DATABASE_URL and ARENA_DATA_DIR; an empty value counts as not set."""
        environ = os.environ if environ is None else environ
        data_dir = Path(environ.get("ARENA_DATA_DIR") or DEFAULT_DATA_DIR).expanduser().resolve()
        database_url = environ.get("ARENA_DATABASE_URL") or f"sqlite:///{data_dir / 'arena.db'}"
        return cls(database_url=database_url, data_dir=data_dir)

    @property
    def artifacts_dir(self) -> Path:
        """The folder of the content-addressed policies and traces."""
        return self.data_dir / "artifacts"
