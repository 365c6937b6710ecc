"""Backup and restore, on SQLite and PostgreSQL and from the one to the other, while the arena runs."""

from __future__ import annotations

import json
import threading
import zipfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from arena import backups
from arena.backups import BackupError, read_backup, write_backup
from arena.league import accounts, db, jobs, results
from arena.league.artifacts import ArtifactStore
from arena.league.errors import LeagueError
from arena.league.models import Race, Racer
from tests.arena.test_serve import arena
from tests.conftest import NOON, Cast, Clock
from tests.driving import claim, drive_of, enter, to_the_start

EnginesOf = Callable[[str], Engine]


@pytest.fixture
def lived_in(engine: Engine, race: Race, cast: Cast, clock: Clock, tmp_path: Path) -> ArtifactStore:
    """A league in which Ann and Ben have raced and Cleo waits, and its artifacts."""
    store = ArtifactStore(tmp_path / "artifacts")
    with db.transaction(engine) as session:
        for racer, lap_ms in ((cast.ann, 9_000), (cast.ben, 8_500)):
            enter(session, race, racer, clock.tick())
            lease = claim(session, clock.tick())
            to_the_start(session, lease, clock.now)
            results.record_trial(session, lease, drive_of([lap_ms] * 3), clock.tick())
        enter(session, race, cast.cleo, clock.tick())
        jobs.request_check(session, session.get_one(Racer, cast.cleo.id), {"source": ""}, clock.tick())
        check = claim(session, clock.tick())
        # PostgreSQL writes such numbers in another way.
        jobs.finish_check(session, check, {"ok": True, "rewards": [-0.0, 1e20, 1e-7]}, clock.tick())
    for content in (b"policy", b"trace"):
        store.put(content)
    return store


@pytest.fixture
def empty(tmp_path: Path, postgres_url: str) -> Iterator[EnginesOf]:
    """Databases without tables, by their kind."""
    made: list[Engine] = []

    def connect(kind: str) -> Engine:
        url = postgres_url if kind == "postgresql" else f"sqlite:///{tmp_path / f'restored{len(made)}.db'}"
        made.append(db.connect(url))
        return made[-1]

    yield connect
    for engine in made:
        db.downgrade(engine, "base")
        engine.dispose()


@pytest.mark.parametrize("kinds", [("sqlite",), ("postgresql", "sqlite")])
def test_what_is_restored_equals_what_was_there(
    engine: Engine, lived_in: ArtifactStore, empty: EnginesOf, tmp_path: Path, kinds: tuple[str, ...]
) -> None:
    source, store, manifests = engine, lived_in, []
    for number, kind in enumerate(kinds):
        file = tmp_path / f"{number}.zip"
        manifests.append(write_backup(source, store, file))
        source, store = empty(kind), ArtifactStore(tmp_path / f"artifacts{number}")
        read_backup(source, store, file)
    last = write_backup(source, store, tmp_path / "last.zip")
    assert last["tables"] == manifests[0]["tables"]
    assert last["tables"]["lap"]["rows"] == 6
    assert sorted(store.keys()) == sorted(lived_in.keys())


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_restored_arena_goes_on(
    engine: Engine,
    lived_in: ArtifactStore,
    empty: EnginesOf,
    tmp_path: Path,
    clock: Clock,
    kind: str,
) -> None:
    write_backup(engine, lived_in, tmp_path / "arena.zip")
    restored = empty(kind)
    read_backup(restored, lived_in, tmp_path / "arena.zip")
    with db.transaction(restored) as session:
        accounts.create_racer(session, handle="dora", name="Dora", password=None, now=NOON)
        lease = claim(session, clock.tick())
        to_the_start(session, lease, clock.now)
        trial = results.record_trial(session, lease, drive_of([7_000] * 3), clock.tick())
    assert trial.official_ms == 21_000


def test_a_backup_is_of_one_moment_while_others_write(
    engine: Engine, lived_in: ArtifactStore, empty: EnginesOf, tmp_path: Path
) -> None:
    """Two rows are always written together: a copy that has one without the other mixes two moments."""
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            with db.transaction(engine) as session:
                racer = accounts.create_racer(
                    session, handle=f"new-{number}", name="New", password=None, now=NOON
                )
                accounts.create_team(session, racer, name=f"Team {number}", now=NOON + timedelta(1))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(5):
            file = tmp_path / f"{number}.zip"
            tables = write_backup(engine, lived_in, file)["tables"]
            assert tables["racer"]["rows"] - 6 == tables["team"]["rows"] - 1
    finally:
        stop.set()
        writer.join()
    read_backup(empty("sqlite"), lived_in, tmp_path / "4.zip")


def test_a_backup_is_never_mixed_with_what_is_there(
    engine: Engine, lived_in: ArtifactStore, tmp_path: Path
) -> None:
    write_backup(engine, lived_in, tmp_path / "arena.zip")
    with pytest.raises(LeagueError, match="empty database"):
        read_backup(engine, lived_in, tmp_path / "arena.zip")


def changed(file: Path, to: Path, change: Callable[[str, bytes], bytes | None]) -> Path:
    """Copy an archive with other contents; None leaves a member out."""
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(to, "w") as new:
        for name in old.namelist():
            content = change(name, old.read(name))
            if content is not None:
                new.writestr(name, content)
    return to


def later_version(name: str, content: bytes) -> bytes:
    manifest: dict[str, Any] = json.loads(content) if name == "manifest.json" else {}
    return json.dumps(manifest | {"revision": "9999"}).encode() if manifest else content


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda name, content: None if name == "tables/lap.jsonl" else content, "not a whole backup"),
        (lambda name, content: content.replace(b"9000", b"1000"), "came back as"),
        (lambda name, content: b"other" if name.startswith("artifacts/") else content, "damaged"),
        (lambda name, content: None if name == "manifest.json" else content, "not a whole backup"),
        (later_version, "version 9999"),
    ],
)
def test_a_damaged_backup_leaves_no_table_behind(
    engine: Engine,
    lived_in: ArtifactStore,
    empty: EnginesOf,
    tmp_path: Path,
    change: Callable[[str, bytes], bytes | None],
    words: str,
) -> None:
    write_backup(engine, lived_in, tmp_path / "arena.zip")
    damaged = changed(tmp_path / "arena.zip", tmp_path / "damaged.zip", change)
    restored = empty("sqlite")
    with pytest.raises((BackupError, LeagueError), match=words):
        read_backup(restored, lived_in, damaged)
    read_backup(restored, lived_in, tmp_path / "arena.zip")


def test_a_damaged_artifact_is_named_and_the_rest_is_kept(
    engine: Engine, lived_in: ArtifactStore, tmp_path: Path
) -> None:
    key = lived_in.put(b"policy")
    lived_in.path(key).write_bytes(b"other!")
    manifest = write_backup(engine, lived_in, tmp_path / "arena.zip")
    assert (manifest["missing"], manifest["artifacts"]) == ([key], 1)


def test_the_command_line_backs_up_and_restores(
    engine: Engine, lived_in: ArtifactStore, tmp_path: Path
) -> None:
    if engine.dialect.name != "sqlite":
        pytest.skip("the commands are told of the data folder of an SQLite arena")
    file, new = tmp_path / "arena.zip", tmp_path / "new"
    done = arena("backup", str(file), folder=tmp_path)
    assert done.returncode == 0
    assert "2 artifacts" in done.stdout
    done = arena("restore", str(file), folder=new)
    assert done.returncode == 0, done.stderr
    assert "every table was read back" in " ".join(done.stdout.split())
    again = arena("restore", str(file), folder=new)
    assert again.returncode == 3
    assert "empty database" in again.stderr
    assert "Traceback" not in again.stderr


def test_a_backup_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    nothing = arena("backup", str(tmp_path / "arena.zip"), folder=tmp_path / "fresh")
    assert nothing.returncode == 3
    assert "holds no arena" in nothing.stderr
    missing = arena("backup", str(tmp_path / "no" / "arena.zip"), folder=tmp_path)
    assert missing.returncode == 3
    assert "could not be written" in missing.stderr
    assert list(tmp_path.glob("*.zip")) == list(tmp_path.glob(".*unfinished")) == []


def test_a_file_that_is_no_backup_is_refused(tmp_path: Path) -> None:
    (tmp_path / "arena.zip").write_bytes(b"no archive")
    with pytest.raises(BackupError, match="not a whole backup"):
        backups.read_backup(
            db.connect(f"sqlite:///{tmp_path / 'a.db'}"),
            ArtifactStore(tmp_path / "artifacts"),
            tmp_path / "arena.zip",
        )
