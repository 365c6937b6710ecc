"""Traffic: all that stands and drives around the cars, from obstacles, bots and rivals to one `Objects`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from simulator.bots import BotCars, Bots
from simulator.car import CarSpec, standing_state
from simulator.encounters import clear_of
from simulator.objects import Objects, Obstacle, ObstacleError
from simulator.rivals import CANDIDATES, Rivals, roomy_place
from simulator.road import IntArray, Road
from simulator.situation import Situation
from simulator.starts import GRID_STAGGER_M, SeedArray, StartStates

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


class Traffic:
    """What is around n cars, `cars` of which share a road each time; false where there is nothing."""

    def __init__(
        self,
        road: Road,
        spec: CarSpec,
        num_envs: int,
        obstacles: Sequence[Obstacle] = (),
        bots: Bots | None = None,
        *,
        cars: int = 1,
        on_grid: bool = False,
    ) -> None:
        """Put it all on the road. Raises `ObstacleError`, `BotError` or ValueError for what cannot be."""
        if bots and (cars > 1 or obstacles):
            raise ValueError("expected bots alone: neither obstacles nor rivals beside them")
        self._track, self._spec = road.track, spec
        self.standing = Objects.on(road.track, obstacles) if obstacles else None
        self._bots = BotCars(bots, road, num_envs) if bots else None
        self._rivals = None if cars == 1 else Rivals(road, spec, num_envs, cars)
        self.together = self._rivals is not None and on_grid
        """Whether cars that are done stand aside until the last one is."""
        driving = (bots.count if bots else 0) + cars - 1
        self.count = (len(self.standing) if self.standing else 0) + driving
        self.moving = self.count if driving else 0
        """How many objects params rows speak of: all of them as soon as one drives."""
        if self.together and self.standing:
            check_grid(self.standing, cars)

    def __bool__(self) -> bool:
        return self.count > 0

    def seed(self, seeds: SeedArray) -> None:
        """Begin all over with one seed per car [n]."""
        if self._bots:
            self._bots.seed(seeds)

    @property
    def aside(self) -> BoolArray | None:
        """Return who is done and stands aside [n]; None where nobody ever does."""
        return self._rivals.aside if self._rivals and self.together else None

    def begin(self, cars: IntArray, line_s: FloatArray) -> None:
        """Begin the next episodes of some cars [m], which start at `line_s` [m] (m)."""
        if self._bots:
            self._bots.begin(cars, line_s)

    def around(
        self, now: Situation, cars: IntArray, elapsed: IntArray, aside: BoolArray | None = None
    ) -> Objects | None:
        """Return what is around some cars [m] in their situations [m], `elapsed` [m] steps after the start.

        Rivals look from whole groups only; `aside` [m] are not on the road.
        """
        if self._bots:
            return self._bots.around(cars, elapsed, now.location.s_m - self._spec.base_to_nose_m)
        if not self._rivals:
            return self.standing
        rivals = self._rivals.around(now, now.speed_mps, self._rivals.aside[cars] if aside is None else aside)
        return self.standing.joined(rivals) if self.standing else rivals

    def group_mates(self, cars: IntArray) -> IntArray:
        """Return all cars that share a road with some cars."""
        return self._rivals.group_mates(cars) if self._rivals else cars

    def retire(self, ended: BoolArray) -> IntArray:
        """Return which cars start anew when some have ended [n]; in a race the others stand aside."""
        if self._rivals and self.together:
            return self._rivals.retire(ended)
        return ended.nonzero()[0]

    def clear(self) -> Objects | None:
        """Take every car off the road; return what is left around each."""
        if not self._rivals:
            return self.standing
        self._rivals.aside[:] = False
        nobody = self._rivals.nobody()
        return self.standing.joined(nobody) if self.standing else nobody

    def tell(self, objects: Objects | None, car: int, s_m: float, offset_m: float) -> None:
        """Tell the rivals of a car that it was lifted to another place, before they look themselves."""
        if self._rivals and objects:
            self._rivals.tell(objects, car, s_m, offset_m)

    def make_room(self, objects: Objects | None, cars: IntArray, starts: StartStates) -> StartStates:
        """Move starts [m] in training that are too close to a rival; one after the other, all of them."""
        if not self._rivals or objects is None:
            return starts
        state, line_s, segment = starts
        ways = np.arange(CANDIDATES) * (self._track.length_m / CANDIDATES)
        for place, car in enumerate(cars.tolist()):
            candidates = (line_s[place] + ways) % self._track.length_m
            if self.standing:
                candidates = clear_of(self.standing, candidates)
            chosen = roomy_place(objects.of(slice(car, car + 1)), candidates)
            if chosen:
                line_s[place] = candidates[chosen]
                state[:, place], segment[place] = self._standing_at(candidates[chosen])
            self._rivals.tell(objects, car, float(line_s[place]), 0.0)
        return state, line_s, segment

    def _standing_at(self, s_m: float) -> tuple[FloatArray, int]:
        base = self._track.at(s_m)
        state = standing_state(base[:, 0], base[:, 1], self._track.heading_at(s_m), self._spec)
        return state[:, 0], int(self._track.segment_at(s_m))


def check_grid(standing: Objects, cars: int) -> None:
    """Refuse obstacles that stand on the grid of a race between `cars`. Raises `ObstacleError`."""
    length, reach = standing.track.length_m, GRID_STAGGER_M * (cars - 1) + 1.0
    last = float(standing.s_m.max())
    if last > length - reach:
        raise ObstacleError(
            f"the obstacle at {last / length:.3f} of the lap is on the grid of {cars} cars; "
            f"choose a fraction up to {np.floor((1.0 - reach / length) * 1000) / 1000}"
        )
