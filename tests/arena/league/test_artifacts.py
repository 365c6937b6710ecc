"""Files named by their content."""

from __future__ import annotations

import hashlib
import logging
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto.server import ThreadedMotoServer
from pyarrow.fs import FileSystem

from arena.league.artifacts import ArtifactStore
from arena.league.errors import ArtifactDamaged, ArtifactMissing, LeagueError


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


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """The address of a bucket of an S3 server on this machine, and its credentials in the environment."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        environment.setenv("AWS_ACCESS_KEY_ID", "key")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        environment.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        files, name = FileSystem.from_uri("s3://arena-bucket?allow_bucket_creation=true")
        files.create_dir(name)
        yield "s3://arena-bucket/league"
    server.stop()


def test_s3_storage_keeps_what_is_put_and_proves_it(bucket: str) -> None:
    store = ArtifactStore(bucket)
    key = store.put(b"policy")
    assert store.put(b"policy") == key
    assert store.get(key) == b"policy"
    assert list(store.keys()) == [key]
    store.place.write(f"{key[:2]}/{key}", b"other!")
    with pytest.raises(ArtifactDamaged, match="backup"):
        store.get(key)
    assert store.put(b"policy") == key
    assert store.get(key) == b"policy"
    store.discard(key)
    store.discard(key)
    with pytest.raises(ArtifactMissing, match="arena-bucket"):
        store.get(key)


def test_the_web_process_waits_for_s3_beside_its_other_requests(bucket: str) -> None:
    """Under gevent, which patches what other clients of S3 wait with; in a process of its own for that."""
    key = ArtifactStore(bucket).put(b"trace")
    code = (
        "from gevent import monkey; monkey.patch_all()\n"
        "import gevent, sys\n"
        "from arena.league.artifacts import ArtifactStore\n"
        "ticks = []\n"
        "gevent.spawn(lambda: [ticks.append(gevent.sleep(0)) for _ in range(10)])\n"
        "call = lambda function, given: gevent.get_hub().threadpool.apply(function, given)\n"
        f"content = ArtifactStore({bucket!r}, call).get({key!r})\n"
        "sys.exit(content != b'trace' or not ticks)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


@pytest.mark.parametrize("address", ["ftp://host/arena", "s3://", "bucket://"])
def test_an_address_that_cannot_be_used_is_told_with_an_example(address: str) -> None:
    with pytest.raises(LeagueError, match="for example s3://bucket/arena"):
        ArtifactStore(address)
