"""What `arena train` keeps in its folder: the last checkpoint while it trains, then what can be trained on.

The same command goes on where it was stopped, to the same bits. A checkpoint that does not fit (the file was
edited, the version is another) is left alone until the training is over, and nothing fails for it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from arena.garage.training_checkpoint import (
    CHECKPOINT_FILE,
    CONTINUATION_FILE,
    Checkpoint,
    CheckpointError,
)
from arena.options import messages, note

if TYPE_CHECKING:
    from arena.garage.training import Training

continue_option = click.option(
    "--continue",
    "parent_folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Train on from the policy in this folder, which `arena train` made, instead of beginning anew.",
)


def parent_in(folder: Path | None) -> Checkpoint | None:
    """Return what an earlier training left in its folder to go on from."""
    if folder is None:
        return None
    try:
        return Checkpoint.from_bytes((folder / CONTINUATION_FILE).read_bytes())
    except (OSError, CheckpointError) as error:
        raise click.BadParameter(
            f"{folder} holds nothing to train on from ({error}). Name a folder of `arena train`.",
            param_hint="--continue",
        ) from error


def resumed(train: Callable[..., Training], folder: Path) -> Training:
    """Train, from the checkpoint in the folder if there is one, and keep each new one there.

    `train` takes `start` and `on_checkpoint` as `training.train` does.
    """
    start = _checkpoint_in(folder)

    def keep(checkpoint: Checkpoint) -> None:
        _write(folder / CHECKPOINT_FILE, checkpoint.to_bytes())

    try:
        if start is None:
            return train(on_checkpoint=keep)
        note(f"going on after {start.steps:,} steps, where it was stopped.")
        try:
            return train(start=start, on_checkpoint=keep)
        except CheckpointError as error:
            note(str(error))
            return train(on_checkpoint=keep)
    except KeyboardInterrupt:
        if (folder / CHECKPOINT_FILE).exists():
            messages.print(f"The same command goes on from the checkpoint in {folder}.", markup=False)
        raise


def keep_continuation(folder: Path, trained: Training) -> None:
    """Keep what another training can go on from; the checkpoints on the way are done with."""
    _write(folder / CONTINUATION_FILE, trained.continuation.to_bytes())
    (folder / CHECKPOINT_FILE).unlink(missing_ok=True)


def _checkpoint_in(folder: Path) -> Checkpoint | None:
    path = folder / CHECKPOINT_FILE
    if not path.exists():
        return None
    try:
        return Checkpoint.from_bytes(path.read_bytes())
    except (OSError, CheckpointError) as error:
        note(f"{path} cannot be gone on from: {error}")
        return None


def _write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_bytes(content)
    unfinished.replace(path)
