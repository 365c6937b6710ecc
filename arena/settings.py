"""Where the arena keeps its things: read once from the environment, then passed on as a value.

Nothing below the command line reads the environment a second time, so a test or a second arena on the same
machine is a second `ArenaSettings`, not a patched process.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

DEFAULT_DATA_DIR = Path("var")


class Sandbox(StrEnum):
    """What an arena does on a machine that cannot lock up entrants' code. Where a lock works it is used."""

    LOCKED = "locked"
    """It refuses to run code."""
    LOCAL_TRUSTED = "local-trusted"
    """It runs the code of its only account, and nobody else can reach it."""
    DEMO = "demo"
    """It is a demo that nobody else can reach; set by `arena demo`."""


@dataclass(frozen=True, slots=True)
class ArenaSettings:
    """The places of an arena, its database and its folder of files, and how it holds entrants' code."""

    database_url: str
    """SQLAlchemy address of the database. ARENA_DATABASE_URL; default: SQLite in the data folder."""

    data_dir: Path
    """Folder for policies, traces and the SQLite file. ARENA_DATA_DIR; default: `var` here."""

    sandbox: Sandbox = Sandbox.LOCKED
    """Whether code may run without a lock where this machine has none. ARENA_SANDBOX."""

    artifacts_url: str | None = None
    """Address of S3-compatible storage for policies, traces and uploads, for arenas on several machines.
    ARENA_ARTIFACTS_URL, for example s3://bucket/arena; default: the folder `artifacts` in the data folder.
    """

    broker_url: str | None = None
    """Address of the Redis that carries jobs to workers on other machines (Celery). ARENA_BROKER_URL, for
    example redis://10.0.0.5:6379/0; default: none, workers look into the database by themselves.
    """

    lease_s: float = 30.0
    """How long a worker may be silent before its work is given to another one. ARENA_LEASE_S."""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> ArenaSettings:
        """Read ARENA_DATABASE_URL, ARENA_DATA_DIR, ARENA_ARTIFACTS_URL, ARENA_BROKER_URL, ARENA_SANDBOX
        and ARENA_LEASE_S; an empty value counts as not set.

        Raises ValueError for an unknown ARENA_SANDBOX, and for a lease shorter than a second.
        """
        environ = os.environ if environ is None else environ
        data_dir = Path(environ.get("ARENA_DATA_DIR") or DEFAULT_DATA_DIR).expanduser().resolve()
        database_url = environ.get("ARENA_DATABASE_URL") or f"sqlite:///{data_dir / 'arena.db'}"
        sandbox = environ.get("ARENA_SANDBOX") or Sandbox.LOCKED
        if sandbox not in list(Sandbox):
            known = " or ".join(Sandbox)
            raise ValueError(f"ARENA_SANDBOX is {sandbox!r}; expected {known}.")
        artifacts_url = environ.get("ARENA_ARTIFACTS_URL") or None
        broker_url = environ.get("ARENA_BROKER_URL") or None
        lease_s = _lease_of(environ.get("ARENA_LEASE_S") or "30")
        return cls(database_url, data_dir, Sandbox(sandbox), artifacts_url, broker_url, lease_s)

    @property
    def artifacts(self) -> Path | str:
        """The folder or the address of the content-addressed policies, traces and uploads."""
        return self.artifacts_url or self.data_dir / "artifacts"


def _lease_of(text: str) -> float:
    try:
        lease_s = float(text)
    except ValueError:
        lease_s = 0.0
    if not 1 <= lease_s <= 3600:
        raise ValueError(f"ARENA_LEASE_S is {text!r}; expected seconds from 1 to 3600, for example 30.")
    return lease_s
