"""Who sits at the wheel in a race: a trained network, an agent, or the reference driver.

A seat turns what its car sees into a command. The cars of a race carry all sensors that any of the entrants
needs; a policy gets the row of its own columns and no more, whatever they name. Agents are told what
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
from simulator.sensors.objects import OBJECT_VECTOR_COLUMNS
from simulator.sensors.rows import choice, rows, senses_of
from simulator.sensors.suite import Observation, Senses, Sensor

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
Seat = Callable[[Observation, NDArray[np.float64], Objects | None], NDArray[np.float64]]
"""(one car's observation [1, ...], its state [6, 1], what is around) -> command [1, 2] (deg, m/s)."""


def sense_of(entrants: Sequence[Entrant]) -> Senses:
    """Return the senses that give all columns which these entrants want to see."""
    wanted: set[Sensor] = set()
    for entrant in entrants:
        if not isinstance(entrant, str):
            wanted.update(senses_of(_columns_of(entrant)).sensors)
    if Sensor.OBJECT_VECTOR in wanted:
        wanted.discard(Sensor.VECTOR)
    return choice(tuple(wanted) or (Sensor.VECTOR,))


def _columns_of(entrant: Driver) -> tuple[str, ...]:
    return OBJECT_VECTOR_COLUMNS if isinstance(entrant, Agent) else entrant.columns


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
            seats.append(_agent_seat(AgentSeat(entrant, env, car, leg, direction), env.senses))
        elif isinstance(entrant, str):
            assert reference is not None
            seats.append(reference())
        else:
            seats.append(_network_seat(entrant, env.senses))
    return seats


def _reference_seats(env: TrackVectorEnv) -> Callable[[], Seat]:
    """Return what makes reference drivers' seats for an environment; they share one plan."""
    spec, track, imperfections, latency_s = env.car, env.track, env.imperfections, 0.0
    if imperfections:
        spec, latency_s = imperfections.worst(spec), 0.5 * STEP_S * imperfections.latency_steps
    craft = Racecraft(ReferenceDriver(plan_for(track, spec), spec), track)
    return lambda: _ReferenceSeat(craft, latency_s)


def _network_seat(network: Network, senses: Senses) -> Seat:
    columns = network.columns
    return lambda seen, *_: network.actions.to_command(network.act(rows(seen, senses, columns)))


def _agent_seat(seat: AgentSeat, senses: Senses) -> Seat:
    return lambda seen, state, around: seat(rows(seen, senses, OBJECT_VECTOR_COLUMNS), state, around)


class _ReferenceSeat:
    """The reference driver; a latency is met by driving from where the last command will have led."""

    def __init__(self, craft: Racecraft, latency_s: float) -> None:
        self._craft, self._latency_s = craft, latency_s
        self._command: NDArray[np.float64] = np.zeros((1, 2))

    def __call__(
        self, _: Observation, state: NDArray[np.float64], around: Objects | None
    ) -> NDArray[np.float64]:
        driver = self._craft.driver
        if self._latency_s:
            steering_deg, speed_mps = self._command.T
            state = advance(state, steering_deg, speed_mps, driver.spec, self._latency_s)
        detour = self._craft.detour(state, around) if around else None
        self._command = FULL_RANGE.to_command(driver.actions(state, detour))
        return self._command
