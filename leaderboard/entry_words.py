"""What is entered, in plain words: which entries a race takes, what a car sees by, how a time was trained."""

from __future__ import annotations

from typing import Protocol

from flask import Flask

from arena.league import admission
from arena.league.models import Race, Submission
from arena.league.plans import RacePlan, senses_of
from arena.league.states import Driver, Sense

SENSES = {
    Sense.VECTOR: "the road ahead as numbers",
    Sense.CAMERA: "a camera",
    Sense.LIDAR: "a lidar",
}
ABOUT_SENSES = {
    Sense.VECTOR: "Where the car is and how the road goes on. Learns in seconds; the usual choice.",
    Sense.CAMERA: "A small grey picture of the road. Trains for many minutes.",
    Sense.LIDAR: "Distances to what is around the car. For races with other cars or boxes.",
}
ENTERED = {
    Driver.POLICY: "Reward function",
    Driver.REFERENCE: "Reference driver",
    Driver.AGENT: "Agent",
    Driver.TRAINED: "Policy trained elsewhere",
}
# Beside a time on a board; web/src/islands/board.ts says the same.
MARKS = {Driver.AGENT: "agent", Driver.TRAINED: "trained elsewhere"}
TRAINED_ON = "trained on"


class Driven(Protocol):
    """What a row of a board tells of how its time was driven."""

    @property
    def driver(self) -> Driver: ...

    @property
    def is_continued(self) -> bool: ...


def seen(race: Race | RacePlan) -> str:
    """Say what cars may see by: the road ahead as numbers, or a camera."""
    return ", or ".join(SENSES[sense] for sense in senses_of(race.senses))


def takes(race: Race | RacePlan) -> str:
    """Say what may be entered: Reward functions, agents."""
    taken = ["Reward functions"]
    if race.takes_agents:
        taken.append("agents")
    if race.takes_policies:
        taken.append("policies trained elsewhere")
    return ", ".join(taken)


def goes_on(race: Race | RacePlan) -> str:
    """Say whether trainings may go on."""
    return "May go on from earlier entries" if race.may_continue else "Begins anew with every entry"


def entered(submission: Submission) -> str:
    """Name what was entered: Agent."""
    return ENTERED[submission.driver]


def mark(row: Driven) -> str:
    """Say what sets the time of a board's row apart, "" for one training of the race's own length."""
    return TRAINED_ON if row.is_continued else MARKS.get(row.driver, "")


def register(app: Flask) -> None:
    """Make the words available to every template."""
    for word in (seen, takes, goes_on, entered, mark):
        app.jinja_env.filters[word.__name__] = word
    app.jinja_env.filters["total_steps"] = admission.total_steps
    app.jinja_env.filters["own_steps"] = admission.own_steps
