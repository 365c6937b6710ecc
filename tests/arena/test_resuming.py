"""What `arena train` keeps in its folder: stopped and started again, and trained on."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click
import pytest

from arena import resuming
from arena.garage import training_recipe
from arena.garage.progress import Progress
from arena.garage.training import train
from arena.garage.training_checkpoint import CHECKPOINT_FILE
from simulator import tracks

SOURCE = "def reward_function(params):\n    return params['progress']\n"


@pytest.fixture(autouse=True)
def short_trainings_are_cut_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_recipe, "_SHORT_STEPS", 0)
    monkeypatch.setattr(training_recipe, "_STINT_STEPS_PER_CAR", 1)


def test_the_same_command_goes_on_where_it_was_stopped(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def impatient(progress: Progress) -> None:
        if progress.steps > 1_024:
            raise KeyboardInterrupt

    ready = partial(train, SOURCE, tracks.load("oval"), steps=2_048)
    with pytest.raises(KeyboardInterrupt):
        resuming.resumed(partial(ready, on_progress=impatient), tmp_path)
    assert (tmp_path / CHECKPOINT_FILE).exists()
    trained = resuming.resumed(ready, tmp_path)
    assert trained.policy.to_bytes() == ready().policy.to_bytes()
    resuming.keep_continuation(tmp_path, trained)
    assert not (tmp_path / CHECKPOINT_FILE).exists()
    parent = resuming.parent_in(tmp_path)
    assert parent is not None
    assert ready(parent=parent).total_steps == 2 * trained.steps
    told = capfd.readouterr().err
    assert "The same command goes on" in told
    assert "going on after" in told


def test_a_checkpoint_of_other_code_is_told_and_not_used(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    stops: list[bytes] = []
    oval = tracks.load("oval")
    train(SOURCE, oval, steps=1_024, seed=1, on_checkpoint=lambda stop: stops.append(stop.to_bytes()))
    for content, told in ((stops[0], "another training"), (b"broken", "cannot be gone on from")):
        (tmp_path / CHECKPOINT_FILE).write_bytes(content)
        assert resuming.resumed(partial(train, SOURCE, oval, steps=1_024), tmp_path).steps == 1_024
        assert told in capfd.readouterr().err


def test_a_folder_without_a_training_cannot_be_trained_on(tmp_path: Path) -> None:
    with pytest.raises(click.BadParameter, match="nothing to train on from"):
        resuming.parent_in(tmp_path)
    assert resuming.parent_in(None) is None
