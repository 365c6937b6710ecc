"""A database as lines of text and back: the league's part of a backup.

A copy is taken of one moment, while the arena runs, and reads alike from SQLite and PostgreSQL: one JSON list
per row in the order of the primary key. The tables are read as they are in the database and not as the models
would have them, so that a copy of an older version can be put back and then brought up to date.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, Connection, DateTime, Engine, MetaData, Table, func, inspect, select, text

from arena.league import db
from arena.league.errors import LeagueError

_VERSION_TABLE = "alembic_version"
_ROWS_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class TableCopy:
    """How many rows of a table a copy has, and the SHA-256 of its lines."""

    rows: int
    sha256: str


@contextmanager
def moment(engine: Engine) -> Iterator[Connection]:
    """Hold one moment of the database, without stopping those who write: all reads see the same state."""
    options = {"isolation_level": "REPEATABLE READ"} if engine.dialect.name == "postgresql" else {}
    with engine.execution_options(arena_reading=True, **options).connect() as connection:
        yield connection


def revision_of(connection: Connection) -> str:
    """Return the version of the tables. Raises LeagueError where there are none."""
    if not inspect(connection).has_table(_VERSION_TABLE):
        raise LeagueError("This database holds no arena: nothing was ever started on it.")
    found = connection.execute(text(f"SELECT version_num FROM {_VERSION_TABLE}")).scalar()
    if found is None:
        raise LeagueError("This database holds no arena: its tables were removed.")
    return str(found)


def tables_of(connection: Connection) -> list[Table]:
    """Return the tables as they are in the database, those that others refer to first."""
    found = MetaData()
    found.reflect(connection)
    return [table for table in found.sorted_tables if table.name != _VERSION_TABLE]


def lines_of(connection: Connection, table: Table) -> Iterator[bytes]:
    """Yield the column names, then the rows, each as a line of JSON."""
    yield _line([column.name for column in table.columns])
    rows = connection.execute(
        select(table).order_by(*table.primary_key.columns), execution_options={"yield_per": _ROWS_AT_ONCE}
    )
    for row in rows:
        yield _line([_told(value) for value in row])


def count(lines: Iterable[bytes], write: Callable[[bytes], Any] = bytes) -> TableCopy:
    """Pass lines on to `write` and return what they add up to; the line of names is no row."""
    digest, rows = hashlib.sha256(), -1
    for line in lines:
        digest.update(line)
        write(line)
        rows += 1
    return TableCopy(rows, digest.hexdigest())


@contextmanager
def filling(engine: Engine) -> Iterator[Connection]:
    """Run the block as one transaction in which rows may refer to later ones (on SQLite)."""
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.execute(text("PRAGMA defer_foreign_keys = ON"))
        yield connection


def fill(connection: Connection, table: Table, lines: Iterator[bytes]) -> None:
    """Put the rows of a copy into an empty table; its next row gets a new number. Raises LeagueError."""
    names = json.loads(next(lines))
    if unknown := set(names) - set(table.columns.keys()):
        raise LeagueError(
            f"The backup's table {table.name} has columns that are not known: {sorted(unknown)}."
        )
    for column in table.columns:
        if isinstance(column.type, JSON):
            column.type.none_as_null = True
    moments = [isinstance(table.columns[name].type, DateTime) for name in names]
    is_aware = connection.dialect.name == "postgresql"
    rows: list[dict[str, Any]] = []
    for line in lines:
        values = [
            _moment(value, is_aware) if is_moment and value else value
            for value, is_moment in zip(json.loads(line), moments, strict=True)
        ]
        rows.append(dict(zip(names, values, strict=True)))
        if len(rows) == _ROWS_AT_ONCE:
            connection.execute(table.insert(), rows)
            rows = []
    if rows:
        connection.execute(table.insert(), rows)
    _go_on_numbering(connection, table)


def _go_on_numbering(connection: Connection, table: Table) -> None:
    """PostgreSQL numbers by sequences of their own, which have not heard of the rows; SQLite looks."""
    if connection.dialect.name != "postgresql":
        return
    for column in table.primary_key.columns:
        sequence = connection.scalar(select(func.pg_get_serial_sequence(table.name, column.name)))
        if sequence:
            largest = select(func.coalesce(func.max(column), 0) + 1).scalar_subquery()
            connection.execute(select(func.setval(sequence, largest, False)))


def require_empty(engine: Engine) -> None:
    """Raise LeagueError for a database that holds anything: a backup is never mixed with it."""
    with engine.connect() as connection:
        if tables := set(inspect(connection).get_table_names()) - {_VERSION_TABLE}:
            raise LeagueError(
                f"Expected an empty database to restore into, found {len(tables)} tables. "
                "Name a new one by ARENA_DATABASE_URL (or ARENA_DATA_DIR); nothing was changed."
            )


def build(engine: Engine, revision: str) -> None:
    """Make the tables of that version, empty. Raises LeagueError for one that this program does not know."""
    known = db.revisions()
    if revision not in known:
        raise LeagueError(
            f"The backup's tables have version {revision}; this program knows up to {max(known)}. "
            "Restore it with the version of Apex Arena that wrote it, or a later one."
        )
    db.upgrade(engine, revision)


def _line(values: list[Any]) -> bytes:
    return json.dumps(values, separators=(",", ":"), sort_keys=True).encode() + b"\n"


def _told(value: Any) -> Any:
    """Say a value as JSON; times in UTC and documents alike, whatever the database makes of them."""
    if isinstance(value, dict | list):
        return _document(value)
    if isinstance(value, datetime):
        aware = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        return aware.isoformat(timespec="microseconds")
    return value


def _document(value: Any) -> Any:
    """PostgreSQL's documents know no negative zero, and write large numbers without a point."""
    if isinstance(value, dict):
        return {name: _document(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_document(each) for each in value]
    if isinstance(value, float):
        return 0.0 if value == 0.0 else int(value) if abs(value) >= 1e16 else value
    return value


def _moment(said: str, is_aware: bool) -> datetime:
    moment = datetime.fromisoformat(said)
    return moment if is_aware else moment.replace(tzinfo=None)
