"""Entries that drive as they are: an agent, a policy that was trained elsewhere, the reference driver.

The worker and `arena verify` race them with the same call. The random numbers of an agent are drawn from the
race and its code, as those of a training are: entering it again brings no second draw.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from arena.assignments import Assignment
from arena.league.states import Driver

if TYPE_CHECKING:
    from arena.garage.drivers import Entrant
    from arena.garage.trials import Trial


@dataclass(frozen=True, slots=True)
class Untrained:
    """An entry's driver; the source of an agent is the assignment's."""

    driver: Driver
    upload: bytes | None = None
    """The file of a policy that was trained elsewhere."""
    names_actions: bool = False
    """Whether the entry has a model_metadata.json of its own; else the file says what the car may do."""


@dataclass(frozen=True, slots=True)
class Driven:
    """A race of such an entry, and what else there is to say of it."""

    trial: Trial
    versions: dict[str, str]
    seed: int | None = None
    digest: str | None = None
    output: str = ""

    def learned(self) -> dict[str, Any]:
        """Return what is kept besides the drive, in the words of `TrialResult`."""
        return {
            "versions": self.versions,
            "seed": self.seed,
            "digest": self.digest,
            "output": self.output,
        }


def drive(entry: Untrained, assignment: Assignment) -> Driven:
    """Race an entry. Raises `EntrantFault` for an agent or a policy that cannot drive, and `SandboxError`."""
    from arena.garage.agents import Agent

    with seated(entry, assignment) as entrant:
        trial = assignment.race(entrant)
    versions = trial.versions | software_of(entry.driver)
    if isinstance(entrant, Agent):
        return Driven(trial, versions, entrant.seed, entrant.digest, entrant.output)
    return Driven(trial, versions)


@contextmanager
def seated(entry: Untrained, assignment: Assignment) -> Iterator[Entrant]:
    """Give whoever drives; what it needs is ended on leaving."""
    from arena.garage.agents import Agent
    from arena.garage.uploads import open_policy

    match entry.driver:
        case Driver.AGENT:
            seed_of = lambda digest: agent_seed(assignment.race_seed, digest)  # noqa: E731
            with Agent(assignment.source, seed=seed_of) as agent:
                yield agent
        case Driver.TRAINED:
            metadata = assignment.metadata if entry.names_actions else None
            with open_policy(entry.upload or b"", metadata, senses=assignment.senses) as network:
                yield network
        case Driver.REFERENCE:
            yield "reference"
        case _:
            raise ValueError(f"Expected an entry that is not trained here, got a {entry.driver}.")


def agent_seed(race_seed: int, digest: str) -> int:
    """Return the seed of the random numbers that an agent with code of that digest gets in a race."""
    drawn = hashlib.sha256(f"agent {race_seed} {digest}".encode()).digest()
    return int.from_bytes(drawn[:4])


def _onnxruntime() -> dict[str, str]:
    """Return its version where it is installed: without it only our own files can be raced."""
    try:
        return {"onnxruntime": version("onnxruntime")}
    except PackageNotFoundError:
        return {}


def software_of(driver: Driver) -> dict[str, str]:
    """Return the versions of what computes such a drive here; none for the reference driver."""
    from arena.garage.training_versions import software

    match driver:
        case Driver.REFERENCE:
            return {}
        case Driver.TRAINED:
            return software() | _onnxruntime()
        case _:
            return software()
