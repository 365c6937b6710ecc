"""Who sits at the wheel in a race: a trained network, an agent, or the reference driver.

A seat turns what its car sees into a command. Policies see by their own columns only; agents are told what
stands in `cockpit.py`; the reference driver follows a planned lap, is told where it is and who is around it,
and gets past them. Where cars are imperfect it knows how bad they may be, not how bad its own one is: it
plans for the least grip and reckons with half of the largest latency.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from arena.garage.agents import Agent
from arena.garage.cockpit import AgentSeat
from simulator.actions import ActionSpace
from simulator.car import STEP_S, advance
from simulator.course import Course, Direction
from simulator.driver import FULL_RANGE, ReferenceDriver
from simulator.objects import Objects
from simulator.planning import plan_for
from simulator.racecraft import Racecraft
from simulator.sensors import OBSERVATION_COLUMNS

if TYPE_CHECKING:
    from simulator.vector import TrackVectorEnv

REFERENCE: Final = "reference"


class Network(Protocol):
    """A trained network, wherever it was trained: `Policy`, or what `uploads.open_policy` gives."""

    @property
    def columns(self) -> tuple[str, ...]: ...
    @property
    def actions(self) -> ActionSpace: ...
    def act(self, observation: NDArray[np.floating]) -> NDArray[Any]:
        """Return actions of the action space for observations [n, columns]."""


Driver = Network | Agent
Entrant = Driver | Literal["reference"]
Seat = Callable[[NDArray[np.float32], NDArray[np.float64], Objects | None], NDArray[np.float64]]
"""(observation [1, columns], state [6, 1], what is around) -> command [1, 2] (steering deg, speed m/s)."""


def sense_of(entrants: Sequence[Entrant]) -> str:
    """Return the sense that has all columns which these entrants want to see."""
    if any(isinstance(entrant, Agent) for entrant in entrants):
        return "object_vector"
    wanted = [entrant.columns for entrant in entrants if not isinstance(entrant, str | Agent)]
    return "vector" if all(columns == OBSERVATION_COLUMNS for columns in wanted) else "object_vector"


def seats_of(
    entrants: Sequence[Entrant], env: TrackVectorEnv, leg: Course, direction: Direction
) -> list[Seat]:
    """Return a seat for each entrant in an environment whose cars stand at the start of a leg.

    Agents are told by their `reset`.
    """
    reference = _reference_seats(env) if REFERENCE in entrants else None
    seats: list[Seat] = []
    for car, entrant in enumerate(entrants):
        if isinstance(entrant, Agent):
            seats.append(AgentSeat(entrant, env, car, leg, direction))
        elif isinstance(entrant, str):
            assert reference is not None
            seats.append(reference())
        else:
            seats.append(_network_seat(entrant))
    return seats


def _reference_seats(env: TrackVectorEnv) -> Callable[[], Seat]:
    """Return what makes reference drivers' seats for an environment; they share one plan."""
    spec, track, imperfections, latency_s = env.car, env.track, env.imperfections, 0.0
    if imperfections:
        spec, latency_s = imperfections.worst(spec), 0.5 * STEP_S * imperfections.latency_steps
    craft = Racecraft(ReferenceDriver(plan_for(track, spec), spec), track)
    return lambda: _ReferenceSeat(craft, latency_s)


def _network_seat(network: Network) -> Seat:
    # The columns of the objects stand behind those of the plain vector.
    count = len(network.columns)
    return lambda seen, *_: network.actions.to_command(network.act(seen[:, :count]))


class _ReferenceSeat:
    """The reference driver; a latency is met by driving from where the last command will have led."""

    def __init__(self, craft: Racecraft, latency_s: float) -> None:
        self._craft, self._latency_s = craft, latency_s
        self._command: NDArray[np.float64] = np.zeros((1, 2))

    def __call__(
        self, _: NDArray[np.float32], state: NDArray[np.float64], around: Objects | None
    ) -> NDArray[np.float64]:
        driver = self._craft.driver
        if self._latency_s:
            steering_deg, speed_mps = self._command.T
            state = advance(state, steering_deg, speed_mps, driver.spec, self._latency_s)
        detour = self._craft.detour(state, around) if around else None
        self._command = FULL_RANGE.to_command(driver.actions(state, detour))
        return self._command
