"""What stands on the page of a new entry: the choice of what to enter, and a draft to begin with.

Every choice is an address of its own (?kind=agent), so that it works without JavaScript; only what the race
takes is offered. Training on is a reward function with one of the racer's earlier entries beneath it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from flask import abort, render_template, request
from sqlalchemy.orm import Session

import starter_kits
from arena.league import admission, submissions
from arena.league.models import Race, Submission
from arena.league.uploads import MAX_UPLOAD_BYTES
from leaderboard import queries
from leaderboard.auth import load_racer, now
from leaderboard.entry_files import CONTINUE, DRIVERS, Files, Kind
from leaderboard.problems import Problem
from simulator import tracks


@dataclass(frozen=True, slots=True)
class Choice:
    """One way to enter, as the page offers it."""

    word: str
    """In the address; a `Kind`, or CONTINUE."""
    title: str
    about: str
    heading: str
    lead: str


REWARD = Choice(
    Kind.REWARD.value,
    "A reward function",
    "The car learns to collect what you give it.",
    "Write your reward function",
    "The car calls it 15 times a second and learns to collect as much reward as it can.",
)
GO_ON = Choice(
    CONTINUE,
    "More training",
    "One of your earlier cars learns on, with the same or another reward function.",
    "Train on from an earlier entry",
    "The car begins with what it knows and trains for the steps of this race once more. "
    "The boards say that it did.",
)
AGENT = Choice(
    Kind.AGENT.value,
    "An agent",
    "Your own code drives. Nothing is trained.",
    "Write your agent",
    "The car asks it 15 times a second what to do: it sees what the car sees, and answers with steering and "
    "speed.",
)
POLICY = Choice(
    Kind.POLICY.value,
    "A trained policy",
    "A network that you trained elsewhere.",
    "Enter a policy that you trained elsewhere",
    "The network drives as it is: nothing is trained here.",
)


@dataclass(frozen=True, slots=True)
class Draft:
    """What stands in the editor."""

    source: str = ""
    model_metadata: str = ""
    hyperparameters: str = ""
    kit: str = ""
    parent: str = ""


def choices_of(race: Race, parents: list[Submission]) -> list[Choice]:
    """Return the ways to enter that the race takes from a racer with these entries to train on from."""
    offered = {
        REWARD: True,
        GO_ON: race.may_continue and bool(parents),
        AGENT: race.takes_agents,
        POLICY: race.takes_policies,
    }
    return [choice for choice, is_offered in offered.items() if is_offered]


def chosen_of(choices: list[Choice]) -> Choice:
    """Return the choice that the address names, or the form; one that is not offered is the first."""
    asked = request.args.get("kind") or request.form.get("kind")
    return next((choice for choice in choices if choice.word == asked), REWARD)


def first_draft(session: Session, race: Race) -> Draft:
    """Return what the page begins with: the kit or the entry of the address, the last entry, or a kit."""
    if "kit" in request.args:
        return draft_of_kit(request.args["kit"])
    racer = load_racer(session)
    parents = admission.possible_parents(session, race, racer)
    chosen = chosen_of(choices_of(race, parents))
    if chosen is GO_ON:
        asked = request.args.get("parent")
        parent = next((parent for parent in parents if parent.id == asked), parents[0])
        last = queries.last_submission(session, race, racer, DRIVERS[Kind.REWARD])
        is_again = last is not None and last.parent_id == parent.id
        return draft_of(last if last is not None and is_again else parent, parent=parent.id)
    last = queries.last_submission(session, race, racer, DRIVERS[Kind(chosen.word)])
    if last is not None:
        return draft_of(last)
    first_kits = {REWARD: starter_kits.ORDER, AGENT: starter_kits.AGENTS}
    return draft_of_kit(first_kits[chosen][0]) if chosen in first_kits else Draft()


def draft_of(entry: Submission, parent: str = "") -> Draft:
    """Return an entry's files as a draft."""
    return Draft(entry.source, entry.model_metadata or "", entry.hyperparameters or "", parent=parent)


def draft_with_kit(name: str) -> Draft:
    """Return what was typed, with the code and settings of a kit where one was chosen."""
    typed = draft_of_files(typed_files())
    return replace(draft_of_kit(name), parent=typed.parent) if name else typed


def draft_of_kit(name: str) -> Draft:
    """Return a kit as a draft.

    :raise 404: there is none of this name
    """
    if name in starter_kits.AGENTS:
        return Draft(starter_kits.load_agent(name).agent, kit=name)
    try:
        found = starter_kits.load(name)
    except KeyError:
        abort(404)
    return Draft(found.reward_function, found.model_metadata, found.hyperparameters, found.name)


def draft_of_files(files: Files) -> Draft:
    """Return what was sent, whatever it is, to be shown again."""
    return Draft(
        source=_shown(files.source),
        model_metadata=_shown(files.model_metadata),
        hyperparameters=_shown(files.hyperparameters),
        kit=request.form.get("kit", ""),
        parent=files.parent or "",
    )


def typed_files() -> Files:
    """Return what stands in the text areas; a chosen file that is far too large must not replace it."""
    source, metadata, hyperparameters = (
        request.form.get(name, "").encode("utf-8", "replace")
        for name in ("source", "model_metadata", "hyperparameters")
    )
    return Files(source, metadata, hyperparameters, parent=request.form.get("parent") or None)


def page(session: Session, race: Race, draft: Draft, problem: Problem | None = None) -> str:
    """Show the page of a new entry."""
    racer = load_racer(session)
    parents = admission.possible_parents(session, race, racer)
    choices = choices_of(race, parents)
    chosen = chosen_of(choices)
    return render_template(
        "editor.html",
        race=race,
        track=tracks.describe(race.track),
        draft=draft,
        problem=problem,
        kit_choices=_kits_of(chosen),
        choices=choices,
        chosen=chosen,
        parents=parents,
        most_mb=MAX_UPLOAD_BYTES // 1_000_000,
        left=submissions.tries_left(session, race, racer),
        phase=queries.phase(race, now()),
    )


def _kits_of(chosen: Choice) -> Sequence[starter_kits.Kit | starter_kits.AgentKit]:
    if chosen is AGENT:
        return starter_kits.agent_kits()
    return () if chosen is POLICY else starter_kits.kits()


def _shown(data: bytes | None) -> str:
    """Decode a file for showing it again, whatever it is."""
    return (data or b"").decode("utf-8", "replace").replace("\x00", "\ufffd")
