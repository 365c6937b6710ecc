"""`arena backup` and `arena restore`: all that an arena knows, in one file and back.

The file is a zip archive of the tables as lines of JSON (`league/copies.py`), the artifacts, and a manifest
with the number of rows and a SHA-256 for each table. It is taken while the arena runs: the tables of one
moment, then the artifacts, which are stored before a row names them and never change. What SQLite wrote,
PostgreSQL can read: a backup is also the way from the one to the other.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from arena.options import json_option, messages, output, print_json
from arena.serve import CannotStartError, connect_database, read_settings

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from arena.league.artifacts import ArtifactStore

FORMAT: Final = "apex-arena-backup"
FORMAT_VERSION: Final = 1
_MANIFEST: Final = "manifest.json"


class BackupError(CannotStartError):
    """A backup that cannot be taken or put back, with the reason."""


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--artifacts/--no-artifacts",
    default=True,
    show_default=True,
    help="Whether policies and traces go along; not where their storage is backed up by itself.",
)
@json_option
def backup(file: Path, artifacts: bool, as_json: bool) -> None:
    """Write all that the arena knows to FILE, while it runs."""
    engine = connect_database()
    with refusals(), _written_whole(file) as unfinished:
        manifest = write_backup(engine, _store() if artifacts else None, unfinished)
    if as_json:
        print_json(manifest | {"file": str(file)})
        return
    rows = sum(table["rows"] for table in manifest["tables"].values())
    size_mb = file.stat().st_size / 1e6
    output.print(f"{rows:,} rows and {manifest['artifacts']:,} artifacts in {file} ({size_mb:.1f} MB).")
    for key in manifest["missing"]:
        messages.print(f"The artifact {key} is damaged or missing, and so is not in the backup.", style="red")


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@json_option
def restore(file: Path, as_json: bool) -> None:
    """Put a backup into an empty database and its artifacts into the artifacts' place.

    Where to is named as for `arena serve`: ARENA_DATA_DIR, ARENA_DATABASE_URL, ARENA_ARTIFACTS_URL. Every
    table is read back and compared with the backup before anything counts.
    """
    engine = connect_database()
    with refusals():
        manifest = read_backup(engine, _store(), file)
    if as_json:
        print_json(manifest)
        return
    rows = sum(table["rows"] for table in manifest["tables"].values())
    output.print(
        f"Restored {rows:,} rows and {manifest['artifacts']:,} artifacts of {manifest['taken_at']}; "
        "every table was read back and is equal. Start the arena: arena serve"
    )


def write_backup(engine: Engine, store: ArtifactStore | None, file: Path) -> dict[str, Any]:
    """Write a backup and return its manifest. Raises LeagueError for a database without an arena."""
    from arena.league import copies

    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        with copies.moment(engine) as connection:
            revision = copies.revision_of(connection)
            taken_at = datetime.now(UTC).isoformat(timespec="seconds")
            tables = {}
            for table in copies.tables_of(connection):
                with archive.open(f"tables/{table.name}.jsonl", "w", force_zip64=True) as member:
                    tables[table.name] = asdict(
                        copies.count(copies.lines_of(connection, table), member.write)
                    )
        kept, missing = _write_artifacts(archive, store)
        manifest = {
            "format": FORMAT,
            "version": FORMAT_VERSION,
            "arena": version("apex-arena"),
            "revision": revision,
            "taken_at": taken_at,
            "tables": tables,
            "artifacts": kept,
            "missing": missing,
        }
        archive.writestr(_MANIFEST, json.dumps(manifest, indent=2))
    return manifest


def _write_artifacts(archive: zipfile.ZipFile, store: ArtifactStore | None) -> tuple[int, list[str]]:
    """Add the artifacts; return how many, and the keys of those that are not what their name says."""
    from arena.league.errors import ArtifactDamaged, ArtifactMissing

    kept, missing = 0, []
    for key in store.keys() if store else ():
        try:
            content = store.get(key) if store else b""
        except ArtifactDamaged:
            missing.append(key)
        except ArtifactMissing:  # a checkpoint that was no longer needed a moment later
            continue
        else:
            # weights and traces are compressed or random: packing them again costs time and saves nothing
            archive.writestr(f"artifacts/{key}", content, compress_type=zipfile.ZIP_STORED)
            kept += 1
    return kept, missing


def read_backup(engine: Engine, store: ArtifactStore, file: Path) -> dict[str, Any]:
    """Restore a backup and return its manifest. Raises LeagueError or BackupError; then no table is left."""
    from arena.league import copies, db

    copies.require_empty(engine)
    try:
        with zipfile.ZipFile(file) as archive:
            manifest = _manifest(archive)
            for name in archive.namelist():
                if name.startswith("artifacts/"):
                    _restore_artifact(store, name.removeprefix("artifacts/"), archive.read(name))
            copies.build(engine, str(manifest["revision"]))
            try:
                with copies.filling(engine) as connection:
                    _restore_tables(connection, archive, manifest["tables"])
            except BaseException:
                db.downgrade(engine, "base")
                raise
    except (zipfile.BadZipFile, KeyError, EOFError, OSError) as error:
        raise BackupError(f"{file} is not a whole backup: {error}. Nothing was restored.") from error
    db.upgrade(engine)
    return manifest


def _manifest(archive: zipfile.ZipFile) -> dict[str, Any]:
    manifest = json.loads(archive.read(_MANIFEST))
    if manifest.get("format") != FORMAT or manifest.get("version") != FORMAT_VERSION:
        raise BackupError(
            f"Expected a backup of the format {FORMAT} {FORMAT_VERSION}, got {manifest.get('format')} "
            f"{manifest.get('version')}."
        )
    return dict(manifest)


def _restore_artifact(store: ArtifactStore, key: str, content: bytes) -> None:
    if store.put(content) != key:
        raise BackupError(
            f"The backup's artifact {key[:80]} is damaged. Take another backup; nothing counts."
        )


def _restore_tables(connection: Connection, archive: zipfile.ZipFile, tables: dict[str, Any]) -> None:
    from arena.league import copies

    for table in copies.tables_of(connection):
        with archive.open(f"tables/{table.name}.jsonl") as member:
            copies.fill(connection, table, iter(member))
    for table in copies.tables_of(connection):
        found = asdict(copies.count(copies.lines_of(connection, table)))
        if found != tables[table.name]:
            raise BackupError(
                f"The table {table.name} came back as {found}, expected {tables[table.name]}: the backup is "
                "damaged or was changed. Nothing was restored."
            )


@contextmanager
def _written_whole(file: Path) -> Iterator[Path]:
    """Yield where to write; the file gets its name when it is complete, and nothing is left if it fails."""
    unfinished = file.with_name(f".{file.name}.unfinished")
    try:
        yield unfinished
        with unfinished.open("rb") as written:
            os.fsync(written.fileno())
        unfinished.replace(file)
    except OSError as error:
        raise BackupError(f"The backup could not be written to {file}: {error.strerror}.") from error
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def refusals() -> Iterator[None]:
    """Say what the league refuses as the command line does."""
    from arena.league.errors import LeagueError

    try:
        yield
    except LeagueError as error:
        raise BackupError(error.message) from error


def _store() -> ArtifactStore:
    from arena.league.artifacts import ArtifactStore

    return ArtifactStore(read_settings().artifacts)
