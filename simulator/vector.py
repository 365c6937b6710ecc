"""`TrackVectorEnv`: the only physics loop, for training and racing alike.

One step, for every car at once: (1) params are built from the state before the action acts; (2) the rules are
judged on that same state; (3) the reward function is asked; (4) the car drives for 1/15 s; (5) cars whose
drive ended start anew in the same step. So a reward function does see the state that ends an episode, as on
the real thing. One in another process (`rewards.RewardFunction`) works while (4) and (5) go on.

A completed lap ends an episode as a truncation (the value of going on is to be bootstrapped from the final
observation): as a terminal state it would teach cars with a reward per step to dawdle before the line.

Races run in the same loop: `Rules` with laps and resets put a car back on the track and hold it for its
penalty in simulated time instead of ending its drive.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from simulator import params, tracks
from simulator.actions import DEFAULT_ACTIONS, ActionSpace
from simulator.bots import Bots
from simulator.car import CLASSIC, CarSpec, advance
from simulator.encounters import Encounters, clear_of
from simulator.imperfections import Conditions, Imperfections
from simulator.infos import final_infos
from simulator.laps import LapBook, Outcome
from simulator.marshals import STATUSES, Marshals
from simulator.objects import Objects, Obstacle, parse_obstacles
from simulator.params import ParamsBuilder
from simulator.rewards import RewardFunction, asked, progress_paid
from simulator.road import IntArray, Location, road_of
from simulator.rules import Rules, Status
from simulator.sensors import LOOKAHEAD_M
from simulator.sensors.suite import Observation, Senses, SensorSuite, copied, picked
from simulator.situation import Situation, assess, write_params
from simulator.starts import (
    StartList,
    Starts,
    StartStates,
    grid_starts,
    lane_state,
    line_starts,
    seeds_of,
)
from simulator.timing import Timing
from simulator.trace import step_rows
from simulator.track import Track
from simulator.traffic import Traffic

__all__ = ["RewardFunction", "TrackVectorEnv"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


class TrackVectorEnv(VectorEnv[Observation, NDArray[Any], NDArray[Any]]):
    """`num_envs` cars on one track, stepped together; each alone on it, or `cars` of them in a race.

    After `step` these describe it, one entry per car [n]: `status` (codes of `rules.Status`),
    `final_observation` (what the step led to, before a new start), `outcomes` (car -> `Outcome` of the drives
    that ended) and `trace_rows()`. Between steps: `progress` (percent), `laps_completed`, `book`.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012
        "render_modes": [],
        "render_fps": 15,
        "autoreset_mode": AutoresetMode.SAME_STEP,
    }

    def __init__(
        self,
        track: str | Track = "oval",
        num_envs: int = 1,
        *,
        actions: ActionSpace = DEFAULT_ACTIONS,
        reward: RewardFunction | None = None,
        spec: CarSpec = CLASSIC,
        rules: Rules | None = None,
        starts: Starts | str = Starts.SPREAD,
        sensors: Senses | str | Sequence[str] | None = None,
        obstacles: Sequence[Obstacle] | str = (),
        bots: Bots | int | None = None,
        cars: int = 1,
        imperfections: Imperfections | None = None,
        render_mode: str | None = None,
    ) -> None:
        """Set the cars up; `reward=None` pays the progress in percent, less 5 for a crash or for going off.

        `sensors` are names out of `sensors.suite.Sensor`: one gives its own space, several a `Dict`. Without
        a choice that is the vector, or the object vector where there are objects: `obstacles` (a text is read
        as DeepRacer writes them), the same for all cars, `bots` (a number will do) or, in groups of `cars`,
        rivals. Groups that start on the line start from a grid and anew together, when all are done; others
        start anew one by one, clear of each other. `imperfections` are drawn for every car and episode.
        """
        if num_envs < 1:
            raise ValueError(f"expected one car or more, got num_envs={num_envs}")
        self.num_envs = num_envs
        self.render_mode = render_mode
        self.track = track if isinstance(track, Track) else tracks.load(track)
        self.road = road_of(self.track, LOOKAHEAD_M)
        self.actions, self.car, self.rules = actions, spec, rules or Rules()
        self.starts = Starts(starts)
        self._reward = reward
        self.cars = cars
        on_grid = self.starts is Starts.LINE
        obstacles = parse_obstacles(obstacles) if isinstance(obstacles, str) else obstacles
        bots = Bots(bots) if isinstance(bots, int) else bots
        self._traffic = Traffic(self.road, spec, num_envs, obstacles, bots, cars=cars, on_grid=on_grid)
        self.objects: Objects | None = self._traffic.standing
        self._encounters = Encounters(spec, num_envs, self._traffic.count) if self._traffic else None
        if sensors is None:
            sensors = "object_vector" if self._traffic else "vector"
        self.single_action_space = actions.gym_space
        self.senses = Senses.of(sensors)
        self.single_observation_space = self.senses.space
        self.imperfections = imperfections
        self._conditions: Conditions | None = None
        self._sensors = SensorSuite(self.senses, self.road, spec.base_to_nose_m, num_envs, imperfections)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self._make_columns(num_envs)

    def _make_columns(self, n: int) -> None:
        self._all = np.arange(n)
        self._all.setflags(write=False)
        self._everybody, self._nobody = np.ones(n, dtype=np.bool_), np.zeros(n, dtype=np.bool_)
        self._start_list: StartList | None = None
        self.status: IntArray = np.full(n, Status.PREPARE, dtype=np.int64)
        self._marshals = Marshals(self.rules, n)
        self.params_rows: FloatArray = np.zeros((n, params.row_width(self._traffic.moving)))
        self._timing = Timing(self.track.length_m, n)
        self._lap_driven = self._timing.lap_number
        self._commands: FloatArray = np.zeros((n, 2))
        self._objects_before = self.objects

    @property
    def params_builder(self) -> ParamsBuilder:
        """Return the builder that turns this environment's params rows into dicts."""
        points = self.track.waypoints.tolist()
        moving, standing = self._traffic.moving, self._traffic.standing
        lists = standing.lists() if standing and not moving else None
        return ParamsBuilder(
            points, self.track.length_m, self.track.is_reversed, objects=lists, moving=moving
        )

    @property
    def progress(self) -> FloatArray:
        """Return the progress [n] (percent of the present lap; negative behind the start)."""
        return self._timing.progress

    @property
    def state(self) -> FloatArray:
        """Return the cars' state [6, n]; rows as in `car.STATE_ROWS`."""
        return self._state

    @property
    def location(self) -> Location:
        """Return where the noses [n] are on the track."""
        return self._now.location

    @property
    def situation(self) -> Situation:
        """Return what holds of the cars [n] now."""
        return self._now

    @property
    def hold_steps(self) -> IntArray:
        """Return for how many steps more each car [n] serves a penalty."""
        return self._timing.hold

    @property
    def outcomes(self) -> dict[int, Outcome]:
        """Return how the drives ended that the last step ended, by car."""
        return self._marshals.outcomes

    @property
    def book(self) -> LapBook:
        """Return the laps and penalties of the present drives."""
        return self._marshals.book

    @property
    def lap_number(self) -> IntArray:
        """Return the number [n] of the lap that each car is in, from 1."""
        return self._timing.lap_number

    @property
    def laps_completed(self) -> IntArray:
        """Return the completed laps [n] of the present drives."""
        return self.lap_number - 1

    def reset(
        self, *, seed: int | Sequence[int] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start all cars anew; car i of `seed` s lives as a batch of one of seed s + i would."""
        super().reset(seed=int(seed) if isinstance(seed, int | np.integer) else None)
        if seed is not None or self._start_list is None:
            seeds = seeds_of(seed, self.num_envs, self.np_random)
            standing = self._traffic.standing
            clear = partial(clear_of, standing) if standing else None
            self._start_list = StartList(self.track, self.car, seeds, clear, self.starts)
            self._sensors.seed(seeds)
            self._traffic.seed(seeds)
            if self.imperfections:
                # Rivals meet the same: a race is not to be won by the draw.
                shared = seeds[:: self.cars].repeat(self.cars)
                self._conditions = Conditions(self.imperfections, shared)
        self.objects = self._traffic.clear()
        state, line_s, segment = self._fresh(self._all)
        self._state = self._before = state
        self._now = assess(self.road, self.car, state, segment)
        self._begin(self._all, line_s, self._now.location.s_m)
        self.objects = self._objects_before = self._traffic.around(self._now, self._all, self._timing.elapsed)
        self.status = np.full(self.num_envs, Status.PREPARE, dtype=np.int64)
        self._marshals.outcomes = {}
        self.final_observation = self._sensors.observe(self._now, self._all, self._everybody, self.objects)
        return copied(self.final_observation), {}

    def step(
        self, actions: NDArray[Any]
    ) -> tuple[Observation, FloatArray, BoolArray, BoolArray, dict[str, Any]]:
        """Drive 1/15 s; see the module's docstring for what happens in which order."""
        return self.drive(self.actions.to_command(actions))

    def drive(
        self, commands: FloatArray
    ) -> tuple[Observation, FloatArray, BoolArray, BoolArray, dict[str, Any]]:
        """Do what `step` does, for commands [n, 2] (steering deg, speed m/s).

        So cars with different action spaces can race each other.
        """
        if self._start_list is None:
            raise ResetNeeded("expected reset() before the first step()")
        if commands.shape != (self.num_envs, 2):
            raise ValueError(f"expected one action per car ({self.num_envs}), got {len(commands)}")
        self._commands = commands
        timing = self._timing
        held, aside = timing.hold > 0, self._traffic.aside
        if aside is not None:
            held |= aside
        write_params(self.params_rows, self._now, commands, timing.progress, timing.elapsed)
        crashed = None
        self._objects_before = self.objects
        if self._encounters and self.objects:
            crashed = self._encounters.look(self.objects, self._now, held)
            self._encounters.write_params(self.objects, self._now, self.params_rows)
        self.status = self._marshals.judge(self._now, timing, held, crashed)
        if aside is not None:
            self.status[aside] = Status.PARK
        answer = asked(self._reward, self.params_rows, held) if self._reward else None
        self._lap_driven = timing.lap_number.copy()
        terminated, truncated = self._marshals.handle(self.status, timing.crossing_ms, self.params_rows)
        self._advance(held)
        ended = terminated | truncated
        observation = self._look(ended)
        if answer is None:
            rewards = progress_paid(timing.gained_m, self.track.length_m, self.params_rows)
        else:
            rewards = answer()
        if aside is not None:
            rewards[self.status == Status.PARK] = 0.0
        if not self.outcomes:
            return observation, rewards, terminated, truncated, {}
        progress = self.params_rows[:, params.PROGRESS].copy()
        infos = final_infos(ended, self.final_observation, self.status, progress, self.outcomes)
        return observation, rewards, terminated, truncated, infos

    def withdraw(self, car: int) -> None:
        """Take a car out of the race: the next step ends its drive, as a truncation."""
        self._marshals.withdrawn.add(car)

    def object_rows(self) -> FloatArray:
        """Return what was around the cars in the last step: x, y (m) and heading (rad) [n, k, 3].

        Like `trace_rows` of the state before the action. A NaN: not on the road.
        """
        objects = self._objects_before
        return objects.poses(self.num_envs) if objects else np.zeros((self.num_envs, 0, 3))

    @property
    def object_sizes(self) -> FloatArray:
        """Return length and width [k, 2] (m) of the objects."""
        return self.objects.size_m[:, :2].copy() if self.objects else np.zeros((0, 2))

    def trace_rows(self) -> FloatArray:
        """Return the last step as trace rows [n, columns]: the state before the action, with its command."""
        return step_rows(self.params_rows, self._before, self._commands, self._lap_driven, self.status)

    def _advance(self, held: BoolArray) -> None:
        """Move all cars but the held and the put back ones."""
        self._before = before = self._state
        commands, hold, grip_share = self._commands, self._timing.hold, None
        if self._conditions:
            commands, grip_share = self._conditions.acting(commands), self._conditions.grip_share
        after = advance(before, commands[:, 0], commands[:, 1], self.car, grip_share=grip_share)
        if np.count_nonzero(held):
            np.copyto(after, before, where=held)
            hold[held] -= 1
        for car in self._marshals.put_back:
            after[:, car] = self._placed_back(car)
            hold[car] = self.rules.penalty_steps_for(STATUSES[self.status[car]]) - 1
        self._state = after
        self._timing.count(before, after, held, self.rules.immobilized_m)

    def _placed_back(self, car: int) -> FloatArray:
        """Return the state of a car put back: nose where it was a step ago, on the nearer lane, standing."""
        s, left = float(self._timing.previous_s[car]), bool(self._now.location.offset_m[car] >= 0.0)
        if self._encounters and self.objects:
            around = self.objects.of(slice(car, car + 1))
            s, left = self._encounters.reset_place(around, car, s, left, self.rules)
        self._now.location.segment[car] = self.track.segment_at(s)
        state = lane_state(self.track, self.car, s, left)
        if self._traffic.moving:
            base_s = (s - self.car.base_to_nose_m) % self.track.length_m
            quarter = 0.25 * float(self.track.width_at(s)[0])
            self._traffic.tell(self.objects, car, base_s, quarter if left else -quarter)
        return state

    def _look(self, ended: BoolArray) -> Observation:
        """See where everybody is now, start the ended drives anew and return the observation [n, ...].

        Cars that ended and their successors are looked at together, in one batch: all n as they ended the
        step, then those for whom the world is another one now.
        """
        n, segment, state = self.num_envs, self._now.location.segment, self._state
        from_s, events = self._now.location.s_m, (self._marshals.lap_over, self._marshals.put_back)
        if not self.outcomes:
            self._now = assess(self.road, self.car, state, segment)
            self._timing.measure(from_s, self._now.location.s_m, *events)
            self.objects = self._traffic.around(self._now, self._all, self._timing.elapsed)
            self.final_observation = self._sensors.observe(self._now, self._all, self._nobody, self.objects)
            return copied(self.final_observation)
        aside = None if self._traffic.aside is None else self._traffic.aside.copy()
        again, anew = self._traffic.group_mates(ended.nonzero()[0]), self._traffic.retire(ended)
        both, line_s, both_segment, starting = self._successors(again, anew)
        everything = assess(self.road, self.car, both, both_segment)
        self._timing.measure(from_s, everything.location.s_m[:n], *events)
        cars = np.concatenate([self._all, again])
        before = everything.pick(slice(n)) if self._traffic.moving else everything
        objects = self._traffic.around(before, self._all, self._timing.elapsed, aside)
        self._begin(anew, line_s, everything.location.s_m[starting])
        if self._traffic.moving and objects:
            after = self._traffic.around(everything.pick(slice(n, None)), again, self._timing.elapsed[again])
            objects = objects.followed(after) if after else objects
        seen = self._sensors.observe(everything, cars, starting, objects)
        self.final_observation = picked(seen, slice(n))
        present = self._all.copy()
        present[again] = np.arange(n, n + len(again))
        self._now = everything.pick(present)
        self._state = both.take(present, axis=1)
        self.objects = objects.of(present) if objects else None
        return picked(seen, present)

    def _successors(
        self, again: IntArray, anew: IntArray
    ) -> tuple[FloatArray, FloatArray, IntArray, BoolArray]:
        """Return states [6, n + m], start lines [k], segments [n + m] and who of the n + m starts.

        Behind the n cars as they are stand the m of `again`, with those k of them at their start that begin
        anew.
        """
        n, state, segment = self.num_envs, self._state, self._now.location.segment
        fresh, line_s, fresh_segment = self._fresh(anew)
        starting = np.zeros(n + len(again), dtype=np.bool_)
        if len(anew) == len(again):
            starting[n:] = True
            successors, successors_segment = fresh, fresh_segment
        else:
            starting[n:] = starts = np.isin(again, anew)
            successors, successors_segment = state[:, again], segment[again]
            successors[:, starts], successors_segment[starts] = fresh, fresh_segment
        both = np.concatenate([state, successors], axis=1)
        return both, line_s, np.concatenate([segment, successors_segment]), starting

    def _fresh(self, cars: IntArray) -> StartStates:
        """Return state [6, m], start line s [m] and segment [m] of new drives."""
        if self.starts is Starts.LINE:
            if self.cars > 1:
                return grid_starts(self.track, self.car, cars % self.cars)
            return line_starts(self.track, self.car, len(cars))
        assert self._start_list is not None, "reset() draws the list"
        return self._traffic.make_room(self.objects, cars, self._start_list.draw(cars))

    def _begin(self, cars: IntArray, line_s: FloatArray, s_m: FloatArray) -> None:
        """Begin the drives of some cars [m] that stand with their noses at `s_m` [m]."""
        self._timing.start(cars, line_s, s_m)
        self._traffic.begin(cars, line_s)
        if self._conditions:
            self._conditions.begin(cars)
        self._marshals.begin(cars.tolist())
        if self._encounters:
            for car in cars.tolist():
                self._encounters.clear(car)
