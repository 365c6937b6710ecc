"""`TrackVectorEnv`: the only physics loop, for training and racing alike.

One step, for every car at once: (1) params are built from the state before the action acts; (2) the rules are
judged on that same state; (3) the reward function is asked; (4) the car drives for 1/15 s; (5) cars whose
drive ended start anew in the same step. So a reward function does see the state that ends an episode, as on
the real thing.

A completed lap ends an episode as a truncation (the value of going on is to be bootstrapped from the final
observation): as a terminal state it would teach cars with a reward per step to dawdle before the line.

Races run in the same loop: `Rules` with laps and resets put a car back on the track and hold it for its
penalty in simulated time instead of ending its drive.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from simulator import params, tracks
from simulator.actions import DEFAULT_ACTIONS, ActionSpace
from simulator.car import CLASSIC, SPEED, STEERING, STEP_S, YAW, CarSpec, X, Y, advance
from simulator.encounters import Encounters, clear_of
from simulator.laps import LapBook, Outcome
from simulator.objects import Objects, Obstacle
from simulator.params import ParamsBuilder
from simulator.road import IntArray, Location, road_of
from simulator.rules import FAULTS, FIRST_CALL_STEPS, Facts, Rules, Status, judge
from simulator.sensors import LOOKAHEAD_M
from simulator.sensors.suite import Observation, Senses, SensorSuite, copied, picked
from simulator.situation import assess, write_params
from simulator.starts import StartList, Starts, lane_state, line_starts
from simulator.trace import COLUMNS as TRACE_COLUMNS
from simulator.track import Track

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

RewardFunction = Callable[[FloatArray, IntArray], FloatArray]
"""(rows [m, len(params.COLUMNS)], car of each row [m]) -> rewards [m]; the arrays hold during the call."""

# Looking a status up by its code is cheaper than calling the enum.
STATUSES = tuple(Status)
PAUSE = int(Status.PAUSE)

OFF_TRACK_COST = 5.0
"""The default reward's price of a crash and of leaving the track, in percent of progress."""


class TrackVectorEnv(VectorEnv[Observation, NDArray[Any], NDArray[Any]]):
    """`num_envs` independent cars on one track, stepped together.

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
        obstacles: Sequence[Obstacle] = (),
        render_mode: str | None = None,
    ) -> None:
        """Set the cars up; `reward=None` pays the progress in percent, less 5 for a crash or for going off.

        `sensors` are names out of `sensors.suite.Sensor`: one gives its own space, several a `Dict`. Without
        a choice that is the vector, or the object vector where there are `obstacles` (the same for all cars).
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
        self.objects = Objects.on(self.track, obstacles) if obstacles else None
        self._encounters = Encounters(self.objects, spec, num_envs) if self.objects else None
        if sensors is None:
            sensors = "object_vector" if self.objects else "vector"
        self.single_action_space = actions.gym_space
        self.senses = Senses.of(sensors)
        self.single_observation_space = self.senses.space
        self._sensors = SensorSuite(self.senses, self.road, spec.base_to_nose_m, num_envs, self.objects)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self._make_columns(num_envs)

    def _make_columns(self, n: int) -> None:
        self._all = np.arange(n)
        self._all.setflags(write=False)
        self._everybody, self._nobody = np.ones(n, dtype=np.bool_), np.zeros(n, dtype=np.bool_)
        self._start_list: StartList | None = None
        self.status: IntArray = np.full(n, Status.PREPARE, dtype=np.int64)
        self.outcomes: dict[int, Outcome] = {}
        self.book = LapBook(n)
        self.params_rows: FloatArray = np.zeros((n, len(params.COLUMNS)))
        self._travel_m = np.zeros(n)
        self._elapsed = np.zeros(n, dtype=np.int64)
        self._falling = np.zeros(n, dtype=np.int64)
        self._still = np.zeros(n, dtype=np.int64)
        self._hold = np.zeros(n, dtype=np.int64)
        self._crossing_ms = np.zeros(n, dtype=np.int64)
        self._previous_s = np.zeros(n)
        self._gained_m = np.zeros(n)
        self.lap_number: IntArray = np.ones(n, dtype=np.int64)
        self._lap_driven = self.lap_number
        self._commands: FloatArray = np.zeros((n, 2))
        self._put_back: list[int] = []
        self._lap_over: list[int] = []

    @property
    def params_builder(self) -> ParamsBuilder:
        """Return the builder that turns this environment's params rows into dicts."""
        points = self.track.waypoints.tolist()
        lists = self.objects.lists() if self.objects else None
        return ParamsBuilder(points, self.track.length_m, self.track.is_reversed, objects=lists)

    @property
    def progress(self) -> FloatArray:
        """Return the progress [n] (percent of the present lap; negative behind the start)."""
        return np.minimum(self._travel_m / self.track.length_m, 1.0) * 100.0

    @property
    def state(self) -> FloatArray:
        """Return the cars' state [6, n]; rows as in `car.STATE_ROWS`."""
        return self._state

    @property
    def location(self) -> Location:
        """Return where the noses [n] are on the track."""
        return self._now.location

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
            seeds = self._seeds(seed)
            clear = partial(clear_of, self.objects) if self.objects else None
            self._start_list = StartList(self.track, self.car, seeds, clear)
            self._sensors.seed(seeds)
        state, line_s, segment = self._fresh(self._all)
        self._forget(self._all)
        self._state = self._before = state
        self._now = assess(self.road, self.car, state, segment)
        self._travel_m = self._way(line_s, self._now.location.s_m)
        self._previous_s = self._now.location.s_m
        self.status = np.full(self.num_envs, Status.PREPARE, dtype=np.int64)
        self.outcomes = {}
        self.final_observation = self._sensors.observe(self._now, self._all, self._everybody)
        return copied(self.final_observation), {}

    def _seeds(self, seed: int | Sequence[int] | None) -> NDArray[np.uint64]:
        if isinstance(seed, Sequence):
            if len(seed) != self.num_envs:
                raise ValueError(f"expected one seed per car ({self.num_envs}), got {len(seed)}")
            return np.asarray(seed, dtype=np.uint64)
        first = int(self.np_random.integers(2**31)) if seed is None else int(seed)
        return np.uint64(first) + np.arange(self.num_envs, dtype=np.uint64)

    def step(
        self, actions: NDArray[Any]
    ) -> tuple[Observation, FloatArray, BoolArray, BoolArray, dict[str, Any]]:
        """Drive 1/15 s; see the module's docstring for what happens in which order."""
        if self._start_list is None:
            raise ResetNeeded("expected reset() before the first step()")
        self._commands = self.actions.to_command(actions)
        if len(self._commands) != self.num_envs:
            raise ValueError(f"expected one action per car ({self.num_envs}), got {len(self._commands)}")
        held = self._hold > 0
        write_params(self.params_rows, self._now, self._commands, self.progress, self._elapsed)
        crashed = None
        if self._encounters:
            crashed = self._encounters.look(self._now)
            self._encounters.write_params(self.params_rows, self._now)
        self.status = self._judge(held, crashed)
        rewards = self._ask(self._reward, held) if self._reward else None
        self._lap_driven = self.lap_number.copy()
        terminated, truncated = self._handle(self.status)
        self._advance(held)
        ended = terminated | truncated
        done = ended.nonzero()[0]
        observation = self._look(done)
        if rewards is None:
            rewards = self._gained_m * (100.0 / self.track.length_m)
            rewards -= OFF_TRACK_COST * self.params_rows[:, params.IS_OFFTRACK]
            if self._encounters:
                rewards -= OFF_TRACK_COST * self.params_rows[:, params.IS_CRASHED]
        infos = self._infos(done, ended) if len(done) else {}
        return observation, rewards, terminated, truncated, infos

    def trace_rows(self) -> FloatArray:
        """Return the last step as trace rows [n, columns]: the state before the action, with its command."""
        rows, before = self.params_rows, self._before
        columns = (
            rows[:, params.SIM_TIME],
            rows[:, params.X],
            rows[:, params.Y],
            before[YAW],
            before[SPEED],
            before[STEERING],
            self._commands[:, 0],
            self._commands[:, 1],
            rows[:, params.PROGRESS],
            self._lap_driven,
            self.status,
        )
        assert len(columns) == len(TRACE_COLUMNS)
        return np.column_stack(columns).astype(np.float64, copy=False)

    def _judge(self, held: BoolArray, crashed: BoolArray | None) -> IntArray:
        facts = Facts(
            lap_complete=self._travel_m >= self.track.length_m,
            off_track=self._now.off_track,
            still_steps=self._still,
            falling_steps=self._falling,
            steps=self._elapsed + FIRST_CALL_STEPS,
            held=held,
            crashed=crashed,
        )
        return judge(facts, self.rules)

    def _ask(self, reward: RewardFunction, held: BoolArray) -> FloatArray:
        """Ask the reward function about all cars that are not held; held ones get 0."""
        if not np.count_nonzero(held):
            paid = np.asarray(reward(self.params_rows, self._all), dtype=np.float64)
            if paid.shape != (self.num_envs,):
                raise ValueError(f"expected one reward per car ({self.num_envs}), got shape {paid.shape}")
            return paid
        rewards = np.zeros(self.num_envs)
        driving = (~held).nonzero()[0]
        if len(driving):
            rewards[driving] = reward(self.params_rows[driving], driving)
        return rewards

    def _handle(self, status: IntArray) -> tuple[BoolArray, BoolArray]:
        """Note laps, put cars back, close drives; return who is terminated and who is truncated [n]."""
        terminated = np.zeros(self.num_envs, dtype=np.bool_)
        truncated = np.zeros(self.num_envs, dtype=np.bool_)
        self.outcomes = {}
        self._put_back, self._lap_over = [], []
        for car, code in self._noteworthy(status):
            if code is Status.LAP_COMPLETE:
                self.book.crossed(car, int(self._crossing_ms[car]))
                self._lap_over.append(car)
                if len(self.book.laps[car]) < self.rules.laps:
                    continue
            elif code in FAULTS and self.book.resets(car) < self.rules.max_resets:
                self.book.put_back(car, code, self.rules.penalty_ms_for(code))
                self._put_back.append(car)
                continue
            (terminated if code in FAULTS else truncated)[car] = True
            row = self.params_rows[car]
            self.outcomes[car] = self.book.close(
                car, code, int(row[params.STEPS]), float(row[params.PROGRESS])
            )
        return terminated, truncated

    @staticmethod
    def _noteworthy(status: IntArray) -> list[tuple[int, Status]]:
        """Return the cars about which the rules say more than "in progress" or "pause"."""
        cars = status.nonzero()[0]
        codes = zip(cars.tolist(), status[cars].tolist(), strict=True)
        return [(car, STATUSES[code]) for car, code in codes if code != PAUSE]

    def _advance(self, held: BoolArray) -> None:
        """Move all cars but the held and the put back ones."""
        self._before = before = self._state
        after = advance(before, self._commands[:, 0], self._commands[:, 1], self.car)
        if np.count_nonzero(held):
            np.copyto(after, before, where=held)
            self._hold[held] -= 1
        for car in self._put_back:
            after[:, car] = self._placed_back(car)
            self._hold[car] = self.rules.penalty_steps_for(STATUSES[self.status[car]]) - 1
        self._state = after
        moved_x, moved_y = after[X] - before[X], after[Y] - before[Y]
        still = moved_x * moved_x + moved_y * moved_y <= self.rules.immobilized_m**2
        self._still = (self._still + 1) * (still & ~held)  # a penalty is no standstill of its own
        self._elapsed = self._elapsed + 1

    def _placed_back(self, car: int) -> FloatArray:
        """Return the state of a car put back: nose where it was a step ago, on the nearer lane, standing."""
        s, left = float(self._previous_s[car]), bool(self._now.location.offset_m[car] >= 0.0)
        if self._encounters:
            s, left = self._encounters.reset_place(car, s, left, self.rules)
        self._now.location.segment[car] = np.searchsorted(self.track.vertex_s_m, s, side="right") - 1
        return lane_state(self.track, self.car, s, left)

    def _look(self, done: IntArray) -> Observation:
        """See where everybody is now, start the ended drives anew and return the observation [n, ...].

        Cars that ended and their successors are looked at together, in one batch of n + len(done).
        """
        n, segment, state = self.num_envs, self._now.location.segment, self._state
        self._previous_s = self._now.location.s_m
        if not len(done):
            self._now = assess(self.road, self.car, state, segment)
            self._keep_time(self._now.location.s_m)
            self.final_observation = self._sensors.observe(self._now, self._all, self._nobody)
            return copied(self.final_observation)
        fresh, line_s, fresh_segment = self._fresh(done)
        both = np.concatenate([state, fresh], axis=1)
        everything = assess(self.road, self.car, both, np.concatenate([segment, fresh_segment]))
        self._keep_time(everything.location.s_m[:n])
        fresh_ones = np.arange(n + len(done)) >= n
        seen = self._sensors.observe(everything, np.concatenate([self._all, done]), fresh_ones)
        self.final_observation = picked(seen, slice(n))
        present = self._all.copy()
        present[done] = np.arange(n, n + len(done))
        self._now = everything.pick(present)
        self._state = both.take(present, axis=1)
        self._forget(done)
        self._previous_s = np.where(present < n, self._previous_s, self._now.location.s_m)
        self._travel_m[done] = self._way(line_s, everything.location.s_m[n:])
        return picked(seen, present)

    def _way(self, from_s: FloatArray, to_s: FloatArray) -> FloatArray:
        """Return the way (m) along the centre line between two places less than half a lap apart, signed."""
        way = to_s - from_s
        return way - np.rint(way / self.track.length_m) * self.track.length_m

    def _keep_time(self, s_m: FloatArray) -> None:
        """Count the way driven [n] to `s_m`, note falling progress and interpolate crossings of the line."""
        length, gained = self.track.length_m, self._way(self._previous_s, s_m)
        travel = self._travel_m + gained
        self._falling = (self._falling + 1) * (gained < 0.0)
        self._gained_m, self._travel_m = gained, travel
        for car in self._lap_over:
            travel[car] -= length
            self.lap_number[car] += 1
        for car in self._put_back:
            self._falling[car] = self._still[car] = 0
        for car in (travel >= length).nonzero()[0].tolist():
            share = 1.0 - (travel[car] - length) / gained[car]
            self._crossing_ms[car] = round((float(self._elapsed[car]) - 1.0 + share) * STEP_S * 1000.0)

    def _fresh(self, cars: IntArray) -> tuple[FloatArray, FloatArray, IntArray]:
        """Return state [6, m], start line s [m] and segment [m] of new drives."""
        if self.starts is Starts.LINE:
            return line_starts(self.track, self.car, len(cars))
        assert self._start_list is not None, "reset() draws the list"
        return self._start_list.draw(cars)

    def _forget(self, cars: IntArray) -> None:
        for column in (self._elapsed, self._falling, self._still, self._hold):
            column[cars] = 0
        self.lap_number[cars] = 1
        for car in cars.tolist():
            self.book.clear(car)
            if self._encounters:
                self._encounters.clear(car)

    def _infos(self, done: IntArray, ended: BoolArray) -> dict[str, Any]:
        """Return gymnasium's SAME_STEP infos of the drives that ended."""
        final = np.full(self.num_envs, None, dtype=object)
        for car in done.tolist():
            final[car] = picked(self.final_observation, car)
        lap_time_ms = np.zeros(self.num_envs, dtype=np.int64)
        for car, outcome in self.outcomes.items():
            lap_time_ms[car] = outcome.lap_time_ms or 0
        final_info = {
            "status": self.status,
            "_status": ended,
            "progress": self.params_rows[:, params.PROGRESS].copy(),
            "_progress": ended,
            "lap_time_ms": lap_time_ms,
            "_lap_time_ms": lap_time_ms > 0,
        }
        return {"final_obs": final, "_final_obs": ended, "final_info": final_info, "_final_info": ended}
