"""What the commands take as a car: a folder of `arena train`, a policy file, or an agent's program.

Which of them a file is, its name says, or else its first bytes; what a program defines, the locked child that
parses it. A policy file's action space stands in the model_metadata.json beside it, where there is one.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from arena.options import note, read_text

if TYPE_CHECKING:
    from arena.garage.agents import Agent
    from arena.garage.drivers import Driver
    from arena.garage.policy import Policy
    from arena.garage.settings import ModelMetadata

car_argument = click.Path(exists=True, path_type=Path)
METADATA_FILE = "model_metadata.json"

_POLICY_NAMES = frozenset({".onnx", ".safetensors", ".zip", ".pt", ".pth", ".pkl", ".h5", ".tflite"})
_LOOK_BYTES = 4096


def is_program(path: Path) -> bool:
    """Tell a file of Python from one of weights."""
    if path.suffix == ".py" or path.suffix.lower() in _POLICY_NAMES:
        return path.suffix == ".py"
    with path.open("rb") as file:
        begin = file.read(_LOOK_BYTES)
    try:  # not to the end: a character may have been cut in two
        codecs.getincrementaldecoder("utf-8")().decode(begin)
    except UnicodeDecodeError:
        return False
    return b"\0" not in begin


@contextmanager
def opened(path: Path, seed: int = 0) -> Iterator[Driver]:
    """Give what drives the car at `path`; `seed` is that of an agent's random numbers.

    Raises `EntrantFault`; what is no car at all is wrong usage.
    """
    if path.is_dir():
        yield load_policy(path)
        return
    if is_program(path):
        with opened_agent(path, seed) as agent:
            yield agent
        return
    from arena.garage.uploads import open_policy, read_upload

    with open_policy(read_upload(path), metadata_beside(path)) as network:
        yield network


def opened_agent(path: Path, seed: int) -> Agent:
    """Make the agent of a file; a reward function is no car yet."""
    from arena.garage import agents
    from arena.garage.sources import decode_source

    source = decode_source(path.read_bytes())
    if not agents.is_agent(source):
        raise click.BadParameter(
            f"{path} defines no class Agent. A reward function has to be trained first: arena train.",
            param_hint="CAR",
        )
    return agents.Agent(source, seed=seed)


def load_policy(folder: Path) -> Policy:
    """Read a policy; a folder without one that can be raced is wrong usage."""
    from arena.garage.policy import Policy, PolicyError

    try:
        return Policy.load(folder)
    except PolicyError as error:
        raise click.BadParameter(str(error), param_hint="CAR") from error


def metadata_beside(path: Path) -> ModelMetadata | None:
    """Read the actions and sensors that lie beside a policy file, and say so; None where there are none."""
    beside = path.parent / METADATA_FILE
    if not beside.is_file():
        return None
    note(f"the actions of {path.name} are those of {beside}.")
    return read_all_senses(beside)


def read_all_senses(path: Path) -> ModelMetadata:
    """Read a model_metadata.json for a policy that sees already by what it sees by."""
    from arena.garage.sensing import SENSES
    from arena.garage.settings import parse_model_metadata

    metadata = parse_model_metadata(read_text(path), SENSES)
    for warning in metadata.warnings:
        note(warning)
    return metadata


def trace_path(path: Path, name: str) -> Path:
    """Return where a drive is kept: in a car's folder, or beside its file."""
    return path / f"{name}.npz" if path.is_dir() else path.with_name(f"{path.stem}-{name}.npz")
