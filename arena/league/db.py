"""The database: connecting, transactions, and bringing the tables up to date.

`transaction(engine)` is for verbs: on SQLite it starts with BEGIN IMMEDIATE, so a writer waits for its turn
at the start, where waiting is safe, instead of failing half-way when a read lock cannot be raised.
`reading(engine)` is for pages: it sees one consistent state and never waits for a writer (WAL). Objects
stay usable after the commit.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from sqlite3 import Connection as SqliteConnection
from sqlite3 import OperationalError as SqliteBusy
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import URL, Connection, Engine, create_engine, event, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from arena.league.errors import LeagueError, Outdated
from arena.league.models import Base

BUSY_TIMEOUT_MS = 15_000
MIGRATIONS = Path(__file__).parent / "migrations"
# Any constant that no other program uses on the same PostgreSQL database will do.
EVENT_LOCK = 4_150_001
MIGRATION_LOCK = 4_150_002

Insert = sqlite.Insert | postgresql.Insert


def connect(url: str) -> Engine:
    """Return an engine for the address; makes the folder of a SQLite file, but no tables (see `upgrade`)."""
    address = make_url(url)
    if address.get_backend_name() != "sqlite":
        return _connect_postgres(address)
    if address.database and address.database != ":memory:":
        Path(address.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(address)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _connect_postgres(address: URL) -> Engine:
    """Use psycopg where the address names no driver: SQLAlchemy's own choice differs between its versions."""
    if address.drivername in ("postgres", "postgresql"):
        address = address.set(drivername="postgresql+psycopg")
    try:
        return create_engine(address, pool_pre_ping=True)
    except ModuleNotFoundError as error:
        raise LeagueError(
            f"The database {address.render_as_string()} needs the Python package {error.name}, which is not "
            "installed. For PostgreSQL: pip install 'psycopg[binary]'."
        ) from error


def _prepare_sqlite(connection: SqliteConnection, _record: Any) -> None:
    """Set what SQLite leaves off by default; the driver's own transaction handling is switched off."""
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    _switch_to_wal(connection)
    # FULL: a submission that was acknowledged survives a power cut. Our volume of commits is small.
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _switch_to_wal(connection: SqliteConnection) -> None:
    """Switch a new file to WAL; while another process does so, SQLite does not wait but says "locked"."""
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except SqliteBusy as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _begin_sqlite(connection: Connection) -> None:
    reading_only = connection.get_execution_options().get("arena_reading", False)
    connection.exec_driver_sql("BEGIN" if reading_only else "BEGIN IMMEDIATE")


@contextmanager
def transaction(engine: Engine) -> Iterator[Session]:
    """Run the block as one transaction: commit at its end, roll everything back if it raises."""
    with Session(engine, expire_on_commit=False) as session, session.begin():
        yield session


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """Run the block on one consistent state without taking the writers' lock; nothing is committed."""
    with Session(engine.execution_options(arena_reading=True), expire_on_commit=False) as session:
        yield session


def take_turn(session: Session) -> None:
    """Make writers follow one another until they commit.

    On PostgreSQL ids become visible out of order with concurrent writers, so a reader of `id > cursor`
    would skip events; the advisory lock also makes read-then-write verbs safe. SQLite serialises writers by
    itself.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(EVENT_LOCK)))


def insert(session: Session, table: type[Base]) -> Insert:
    """Return the dialect's INSERT, which knows on_conflict_do_update and on_conflict_do_nothing."""
    if session.get_bind().dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Create the tables or bring them up to date; safe when several processes start at once.

    Raises Outdated for tables that a newer version of this program has made.
    """
    try:
        _migrate(engine, lambda config: command.upgrade(config, revision))
    except CommandError as error:
        raise Outdated(
            f"This database was last used by a newer Apex Arena ({error}); this one knows its tables up to "
            f"version {max(revisions())}. Update Apex Arena on this machine; nothing was changed."
        ) from error


def downgrade(engine: Engine, revision: str) -> None:
    """Take the tables back to an older revision; `base` removes them all."""
    _migrate(engine, lambda config: command.downgrade(config, revision))


@cache
def revisions() -> list[str]:
    """Return the versions that the tables can have, the newest first."""
    return [script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()]


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    return config


def _migrate(engine: Engine, step: Any) -> None:
    config = _config()
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            # Rebuilding a table drops it for a moment, which enforced keys forbid. SQLite ignores the switch
            # inside a transaction, so it is set on the bare connection.
            _bare(connection).execute("PRAGMA foreign_keys = OFF")
        try:
            with connection.begin():
                if engine.dialect.name == "postgresql":
                    connection.execute(select(func.pg_advisory_xact_lock(MIGRATION_LOCK)))
                config.attributes["connection"] = connection
                step(config)
        finally:
            if engine.dialect.name == "sqlite":
                _bare(connection).execute("PRAGMA foreign_keys = ON")


def _bare(connection: Connection) -> SqliteConnection:
    driver_connection = connection.connection.driver_connection
    assert isinstance(driver_connection, SqliteConnection)
    return driver_connection
