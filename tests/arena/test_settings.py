"""Where the arena keeps its things."""

from __future__ import annotations

from pathlib import Path

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
