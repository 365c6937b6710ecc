"""Where the arena keeps its things."""

from __future__ import annotations

from pathlib import Path

import pytest

from arena.settings import ArenaSettings


def test_without_environment_everything_lies_in_var() -> None:
    settings = ArenaSettings.from_environment({})
    assert settings.data_dir == Path("var").resolve()
    assert settings.database_url == f"sqlite:///{settings.data_dir / 'arena.db'}"
    assert settings.artifacts == settings.data_dir / "artifacts"


def test_the_database_follows_the_data_folder(tmp_path: Path) -> None:
    settings = ArenaSettings.from_environment({"ARENA_DATA_DIR": str(tmp_path), "ARENA_DATABASE_URL": ""})
    assert settings.database_url == f"sqlite:///{tmp_path / 'arena.db'}"


def test_a_database_may_be_named(tmp_path: Path) -> None:
    settings = ArenaSettings.from_environment({"ARENA_DATABASE_URL": "postgresql://host/arena"})
    assert settings.database_url == "postgresql://host/arena"


def test_artifacts_may_lie_behind_an_address() -> None:
    settings = ArenaSettings.from_environment({"ARENA_ARTIFACTS_URL": "s3://bucket/arena"})
    assert settings.artifacts == "s3://bucket/arena"


def test_a_lease_may_be_set_in_seconds() -> None:
    assert ArenaSettings.from_environment({}).lease_s == 30
    assert ArenaSettings.from_environment({"ARENA_LEASE_S": "4"}).lease_s == 4


@pytest.mark.parametrize("text", ["soon", "0", "nan", "100000"])
def test_an_impossible_lease_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected seconds from 1 to 3600"):
        ArenaSettings.from_environment({"ARENA_LEASE_S": text})
