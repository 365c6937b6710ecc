"""Whether a race takes an entry: of its kind, with files that can be stored, trained on from what it may be.

A training goes on from one of the same racer, for the same car: how a car answers the wheel is learnt for
good, while a road is learnt anew. So a policy of another race may be taken to a new track, as
DeepRacer's cloning does, and the board shows that it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from arena.league.columns import storable
from arena.league.errors import InvalidInput, NotAllowed, NotFound
from arena.league.models import Race, Racer, Submission
from arena.league.states import Driver, RaceType, SubmissionState

if TYPE_CHECKING:
    from arena.league.submissions import Entry

MAX_SOURCE_CHARACTERS = 140_000
MAX_SETTINGS_CHARACTERS = 100_000
# The files that a kind of entry has besides its own; the others would have no effect.
_SETTINGS = {
    Driver.POLICY: ("model_metadata", "hyperparameters"),
    Driver.AGENT: (),
    Driver.TRAINED: ("model_metadata",),
}
_NAMES = {
    Driver.POLICY: "a reward function",
    Driver.AGENT: "an agent",
    Driver.TRAINED: "a policy that was trained elsewhere",
}


def check_entry(entry: Entry) -> None:
    """Raise InvalidInput unless the entry has the files of its kind, no others, and all can be stored."""
    if entry.driver not in _SETTINGS:
        raise InvalidInput("driver", f"Nobody but a house car is driven by the {entry.driver} driver.")
    _check_own_file(entry)
    for name in ("model_metadata", "hyperparameters"):
        if getattr(entry, name) is not None and name not in _SETTINGS[entry.driver]:
            raise InvalidInput(
                name, f"{name} has no effect on {_NAMES[entry.driver]}: it is not trained here. Leave it out."
            )
    if entry.parent_id is not None and entry.driver is not Driver.POLICY:
        raise InvalidInput(
            "parent",
            f"A training goes on with a reward function, not with {_NAMES[entry.driver]}. Enter one of both.",
        )
    _check_text("source", entry.source, MAX_SOURCE_CHARACTERS)
    _check_text("model_metadata", entry.model_metadata, MAX_SETTINGS_CHARACTERS)
    _check_text("hyperparameters", entry.hyperparameters, MAX_SETTINGS_CHARACTERS)


def check_kind(race: Race, driver: Driver, *, goes_on: bool = False) -> None:
    """Raise NotAllowed unless the race takes entries of the kind, and trainings that go on if this does."""
    taken = {Driver.AGENT: race.takes_agents, Driver.TRAINED: race.takes_policies}
    if not taken.get(driver, True):
        raise NotAllowed(
            f"“{race.title}” does not take {_NAMES[driver]}. Enter a reward function, or a race that does."
        )
    if goes_on and not race.may_continue:
        raise NotAllowed(f"In “{race.title}” every training begins anew. Enter the reward function alone.")


def parent_id_of(session: Session, race: Race, racer: Racer, name: str) -> str:
    """Return the id of an entry that is named by it, or by its number among the racer's own in the race.

    Raises NotFound for a number that there is not; an id is looked up by `check_parent`.
    """
    number = name.removeprefix("#")
    if not (number.isascii() and number.isdecimal() and len(number) <= 9):
        return name
    own = (Submission.race_id == race.id, Submission.racer_id == racer.id)
    found = session.scalar(select(Submission.id).where(*own, Submission.number == int(number)))
    if found is None:
        raise NotFound(f"You have no entry {number} in “{race.title}”. Give the id of one of another race.")
    return found


def check_parent(session: Session, race: Race, racer: Racer, parent_id: str) -> Submission:
    """Return the entry from which a training goes on.

    Raises NotFound for none, NotAllowed for somebody else's, and InvalidInput for one that left no policy
    of its own training, or one for another car.
    """
    parent = session.get(Submission, parent_id)
    if parent is None:
        raise NotFound(f"There is no entry {parent_id[:40]} to train on from. Choose one of yours.")
    if parent.racer_id != racer.id:
        raise NotAllowed("That entry is somebody else's. A training goes on from one of your own.")
    if not may_be_parent(parent):
        raise InvalidInput(
            "parent",
            f"Entry {parent.number} in “{parent.race.title}” left nothing to train on from "
            f"(it is {parent.state}). Choose one with a result that was trained here.",
        )
    if parent.race.car is not race.car:
        raise InvalidInput(
            "parent",
            f"Entry {parent.number} in “{parent.race.title}” learnt the {parent.race.car} car, this race is "
            f"driven with the {race.car} one. Choose an entry with the same car.",
        )
    if _is_alone(parent.race) is not _is_alone(race):
        raise InvalidInput(
            "parent",
            f"Entry {parent.number} in “{parent.race.title}” learnt to drive "
            f"{'alone' if _is_alone(parent.race) else 'among others'}, and sees other things than cars here. "
            "Choose an entry of a race like this one.",
        )
    return parent


def _is_alone(race: Race) -> bool:
    """Whether there is nothing but the car on the road; networks for one cannot drive in the other."""
    return race.race_type is RaceType.TIME_TRIAL


def may_be_parent(submission: Submission) -> bool:
    """Whether a training may go on from the entry: it was trained here, and its race is driven."""
    return (
        submission.driver is Driver.POLICY
        and submission.state is SubmissionState.RECORDED
        and submission.continuation_key is not None
    )


def possible_parents(session: Session, race: Race, racer: Racer, *, limit: int = 50) -> list[Submission]:
    """Return the racer's entries from which a training in the race may go on, the newest first."""
    wanted = (
        select(Submission)
        .join(Race, Race.id == Submission.race_id)
        .where(
            Submission.racer_id == racer.id,
            Submission.driver == Driver.POLICY,
            Submission.state == SubmissionState.RECORDED,
            Submission.continuation_key.is_not(None),
            Race.car == race.car,
            (Race.race_type == RaceType.TIME_TRIAL) == _is_alone(race),
        )
        .order_by(Submission.created_at.desc(), Submission.id.desc())
    )
    return list(session.scalars(wanted.limit(limit)))


def lineage_of(session: Session, submission: Submission) -> list[Submission]:
    """Return the entries from the first ancestor to this one; only this one if it began anew."""
    line = [submission]
    while (parent_id := line[0].parent_id) is not None:
        line.insert(0, session.get_one(Submission, parent_id))
    return line


def own_steps(submission: Submission) -> int | None:
    """Return the training steps that its own race gave the entry, None where nothing is trained."""
    return submission.race.training_steps if submission.driver is Driver.POLICY else None


def total_steps(submission: Submission) -> int | None:
    """Return the training steps of the entry and all its ancestors, None where nothing is trained."""
    return submission.total_steps or own_steps(submission)


def _check_own_file(entry: Entry) -> None:
    if entry.driver is Driver.TRAINED:
        if not entry.upload_key:
            raise InvalidInput("policy", "The policy's file is missing. Choose a .safetensors or .onnx file.")
        if entry.source:
            raise InvalidInput("source", "A trained policy comes without code. Enter one of both.")
        return
    if entry.upload_key is not None:
        raise InvalidInput("policy", "A policy and code cannot be entered together. Enter one of both.")
    if not entry.source.strip():
        what = "agent" if entry.driver is Driver.AGENT else "reward function"
        raise InvalidInput("source", f"The {what} is empty. Write one, or start from a starter kit.")


def _check_text(name: str, text: str | None, limit: int) -> None:
    if text is None:
        return
    if len(text) > limit:
        raise InvalidInput(
            name, f"{name} may have up to {limit} characters, yours has {len(text)}. Shorten it."
        )
    if storable(text) != text:
        raise InvalidInput(name, f"{name} has NUL or broken characters. Save it as plain UTF-8 text.")
