"""The built front end: what its manifest gives a page, and what must not be in the lock file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from flask import Flask

import leaderboard
from leaderboard.assets import Assets

WEB = Path(leaderboard.__file__).parent / "web"
MANIFEST = {
    "src/main.ts": {"file": "assets/main-1.js", "isEntry": True, "dynamicImports": ["src/islands/board.ts"]},
    "src/islands/board.ts": {
        "file": "assets/board-2.js",
        "css": ["assets/board-3.css"],
        "imports": ["_shared.js", "src/main.ts"],
    },
    "_shared.js": {"file": "assets/shared-4.js"},
}


@pytest.fixture
def app() -> Flask:
    return Flask(leaderboard.__name__)


def test_a_page_names_early_what_its_islands_need(app: Flask, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps(MANIFEST), encoding="utf-8")
    assets = Assets.read(tmp_path)
    with app.test_request_context():
        tags = str(assets.tags("board"))
        assert '<link rel="stylesheet" href="/static/dist/assets/board-3.css">' in tags
        assert '<link rel="modulepreload" href="/static/dist/assets/shared-4.js">' in tags
        assert tags.endswith('<script type="module" src="/static/dist/assets/main-1.js"></script>')
        assert tags.count("main-1.js") == 1
        assert "board" not in str(assets.tags())


def test_without_a_build_pages_work_and_say_what_to_do(app: Flask, tmp_path: Path) -> None:
    assets = Assets.read(tmp_path)
    assert not assets.are_built
    with app.test_request_context():
        tags = str(assets.tags("board"))
    assert "make setup" in tags
    assert "<script" not in tags


def test_the_lock_file_names_no_registry() -> None:
    lock = (WEB / "package-lock.json").read_text(encoding="utf-8")
    assert '"resolved"' not in lock
    assert '"integrity"' in lock
    assert "omit-lockfile-registry-resolved=true" in (WEB / ".npmrc").read_text(encoding="utf-8")


def test_codemirror_is_the_version_of_today_not_the_mislabelled_one() -> None:
    # npm's `latest` of codemirror has the layout of version 5.
    packages = json.loads((WEB / "package.json").read_text(encoding="utf-8"))
    assert packages["dependencies"]["codemirror"] == "6.0.2"
