"""Files named by their content."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.league.artifacts import ArtifactStore
from arena.league.errors import ArtifactDamaged, ArtifactMissing


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> ArtifactStore:
    return ArtifactStore(tmp_path_factory.mktemp("artifacts"))


@given(st.binary(max_size=2_000))
def test_what_is_put_comes_back_under_its_hash(shared: ArtifactStore, content: bytes) -> None:
    key = shared.put(content)
    assert key == hashlib.sha256(content).hexdigest()
    assert shared.put(content) == key
    assert shared.get(key) == content


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(ArtifactMissing, match="Restore"):
        ArtifactStore(tmp_path).get("0" * 64)


@pytest.mark.parametrize("key", ["", "short", "../" * 22, "A" * 64, "g" * 64, "0" * 64 + "\n"])
def test_what_is_no_key_reaches_no_file(tmp_path: Path, key: str) -> None:
    with pytest.raises(ArtifactMissing, match="64 hexadecimal"):
        ArtifactStore(tmp_path).get(key)


def test_a_changed_file_is_noticed_and_healed_by_storing_it_again(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    key = store.put(b"policy")
    store.path(key).write_bytes(b"other!")
    with pytest.raises(ArtifactDamaged, match="backup"):
        store.get(key)
    assert store.put(b"policy") == key
    assert store.get(key) == b"policy"


def test_a_failed_write_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError("disk full")

    store = ArtifactStore(tmp_path)
    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="disk full"):
            store.put(b"policy")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def put_many(folder: Path) -> None:
    store = ArtifactStore(folder)
    for i in range(50):
        store.get(store.put(str(i % 10).encode()))


def test_processes_may_store_the_same_content_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=put_many, args=(tmp_path,)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 10


def test_what_is_discarded_is_gone_and_may_be_stored_again(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    key = store.put(b"policy")
    store.discard(key)
    store.discard(key)
    with pytest.raises(ArtifactMissing):
        store.get(key)
    assert store.put(b"policy") == key
