"""No submission is ever lost: all of them end once while everything of the arena is killed at random."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from tests import services
from tests.faults.site import Site
from tests.faults.storm import Report, Storm

COUNT = int(os.environ.get("ARENA_STORM") or 6)
SEED = int(os.environ.get("ARENA_STORM_SEED") or 5)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="children are found by /proc")


def judge(report: Report, name: str) -> None:
    """Keep the report for the table where it is asked for, then insist on it."""
    if folder := os.environ.get("ARENA_STORM_REPORTS"):
        Path(folder, f"{name}.json").write_text(json.dumps(report.as_json()), encoding="utf-8")
    assert report.complaints == []
    assert report.recorded + report.rejected == COUNT


def test_no_submission_is_lost_on_sqlite_while_everything_is_killed(tmp_path: Path) -> None:
    site = Site(tmp_path, f"sqlite:///{tmp_path / 'arena.db'}")
    judge(Storm(site, COUNT, SEED, {}).blow(), "sqlite")


def test_no_submission_is_lost_on_postgresql_with_celery_while_everything_is_killed(tmp_path: Path) -> None:
    try:
        with services.postgres() as (postgres, url), services.redis() as (redis, broker_url):
            site = Site(tmp_path, url, broker_url)
            servers = {"PostgreSQL": postgres, "Redis": redis}
            judge(Storm(site, COUNT, SEED, servers).blow(), "postgresql")
    except services.NotInstalledError as reason:
        services.require(reason)
