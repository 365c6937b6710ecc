"""The kit for those who train with a program of their own gives a policy that a race takes."""

from __future__ import annotations

import runpy
import sys
import warnings
from pathlib import Path

import pytest

import starter_kits
from arena.entrants import metadata_beside
from arena.garage.uploads import check_policy, read_upload
from simulator import tracks

KIT = starter_kits.FOLDER / "train_elsewhere"


def test_the_kit_writes_a_policy_that_can_be_entered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["train.py", "--steps", "4096", "--out", str(tmp_path)])
    with warnings.catch_warnings():
        runpy.run_path(str(KIT / "train.py"), run_name="__main__")
    metadata = metadata_beside(tmp_path / "policy.onnx")
    assert metadata is not None
    assert metadata.warnings == ()
    checked = check_policy(read_upload(tmp_path / "policy.onnx"), metadata, tracks.load("oval"))
    assert checked.ok, checked.message


def test_the_kit_is_among_the_kits_that_people_read_about() -> None:
    assert "train_elsewhere" in (starter_kits.FOLDER / "README.md").read_text(encoding="utf-8")
