"""What is driven: a track, the way round it, and all that a race puts on it, as one value.

A `Course` is what training and races take, what the seed of a training is drawn from and what a trial
remembers: two courses that ask for the same are equal and have the same text. A plain time trial has no text
at all, so that what came before there were courses stays as it was.

The track is the stored one. `legs` turns it where it is driven the other way; each leg is a course with one
way round, and only a leg has an `environment`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from simulator.bots import BotError, Bots
from simulator.imperfections import Imperfections
from simulator.laps import Direction
from simulator.objects import Kind, Objects, Obstacle, ObstacleError
from simulator.params import FIRST_CALL_STEPS, ParamsBuilder
from simulator.rivals import MAX_CARS
from simulator.track import Track
from simulator.traffic import check_grid

if TYPE_CHECKING:
    from simulator.vector import TrackVectorEnv

__all__ = ["MAX_CARS", "Bots", "Course", "CourseError", "Direction", "RaceType"]


class CourseError(ValueError):
    """A course that cannot be driven; the message says what to change."""


class RaceType(StrEnum):
    """DeepRacer's kinds of races."""

    TIME_TRIAL = "time_trial"
    OBJECT_AVOIDANCE = "object_avoidance"
    HEAD_TO_BOTS = "head_to_bots"
    HEAD_TO_HEAD = "head_to_head"


@dataclass(frozen=True, slots=True)
class Course:
    """A track and what a race puts on it. Raises `CourseError` for what cannot be.

    The places of obstacles are shares of the lap in the direction of driving. `cars` share the road, 1 is
    alone. Bots come neither with obstacles nor with rivals.
    """

    track: Track
    direction: Direction = Direction.FORWARD
    obstacles: tuple[Obstacle, ...] = ()
    bots: Bots | None = None
    cars: int = 1
    imperfections: Imperfections | None = None

    def __post_init__(self) -> None:
        """Bring obstacles into one order and refuse those that cannot stand where they are asked to."""
        object.__setattr__(self, "direction", Direction(self.direction))
        object.__setattr__(self, "obstacles", tuple(sorted(self.obstacles, key=_place)))
        if not 1 <= self.cars <= MAX_CARS:
            raise CourseError(f"expected 1 to {MAX_CARS} cars in a race, got {self.cars}")
        if self.bots and self.obstacles:
            raise CourseError("bots and obstacles together leave no way through; ask for one of the two")
        if self.bots and self.cars > 1:
            raise CourseError(f"expected bots or rivals, got both; ask for bots, or for {self.cars} cars")
        try:
            for track, _ in self._ways():
                self._check_on(track)
        except (ObstacleError, BotError) as error:
            raise CourseError(str(error)) from error

    def _check_on(self, track: Track) -> None:
        if self.obstacles:
            standing = Objects.on(track, self.obstacles)
            if self.cars > 1:
                check_grid(standing, self.cars)
        if self.bots:
            self.bots.slack_m(track.length_m)

    @classmethod
    def of(cls, course: Course | Track) -> Course:
        """Return a course as it is, and a bare track as the course of a time trial."""
        return course if isinstance(course, Course) else cls(course)

    @property
    def race_type(self) -> RaceType:
        """Return the kind of race that this is the course of."""
        if self.cars > 1:
            return RaceType.HEAD_TO_HEAD
        if self.bots:
            return RaceType.HEAD_TO_BOTS
        return RaceType.OBJECT_AVOIDANCE if self.obstacles else RaceType.TIME_TRIAL

    @property
    def directions(self) -> tuple[Direction, ...]:
        """Return the direction of each leg: forward, reversed, or the one and then the other."""
        return tuple(direction for _, direction in self._ways())

    def legs(self) -> tuple[Course, ...]:
        """Return one course per direction driven, its track turned that way and driven forward."""
        return tuple(replace(self, track=track, direction=Direction.FORWARD) for track, _ in self._ways())

    def _ways(self) -> tuple[tuple[Track, Direction], ...]:
        forward = (self.track, Direction.FORWARD)
        if self.direction is Direction.FORWARD:
            return (forward,)
        back = (self.track.reversed(), Direction.REVERSED)
        return (back,) if self.direction is Direction.REVERSED else (forward, back)

    def environment(self, num_envs: int, **settings: Any) -> TrackVectorEnv:
        """Return cars on a leg; `settings` are the other ones of `TrackVectorEnv`."""
        from simulator.vector import TrackVectorEnv  # with gymnasium: the command line should not wait for it

        self._require_leg()
        return TrackVectorEnv(
            self.track,
            num_envs,
            obstacles=self.obstacles,
            bots=self.bots,
            cars=self.cars,
            imperfections=self.imperfections,
            **settings,
        )

    def params_builder(self, first_step: int = FIRST_CALL_STEPS) -> ParamsBuilder:
        """Return what makes params dicts of the rows of a leg's environment."""
        self._require_leg()
        driving = (self.bots.count if self.bots else 0) + self.cars - 1
        moving = len(self.obstacles) + driving if driving else 0
        lists = Objects.on(self.track, self.obstacles).lists() if self.obstacles and not moving else None
        points = self.track.waypoints.tolist()
        return ParamsBuilder(points, self.track.length_m, self.track.is_reversed, first_step, lists, moving)

    def _require_leg(self) -> None:
        if self.direction is not Direction.FORWARD:
            raise CourseError(f"expected a leg of the course driven {self.direction}; take one of legs()")

    def as_json(self) -> dict[str, object]:
        """Return all but the track and what is as in a plain time trial, canonical: {} for that one."""
        document: dict[str, object] = {}
        if self.direction is not Direction.FORWARD:
            document["direction"] = self.direction.value
        if self.obstacles:
            document["obstacles"] = [[each.fraction, int(each.lane), each.kind] for each in self.obstacles]
        if self.bots:
            document["bots"] = asdict(self.bots)
        if self.cars > 1:
            document["cars"] = self.cars
        if self.imperfections:
            document["imperfections"] = self.imperfections.as_json()
        return document

    @property
    def text(self) -> str:
        """Return `as_json` as one line: equal courses (but for the track) have equal texts, plain ones ""."""
        document = self.as_json()
        return json.dumps(document, sort_keys=True, separators=(",", ":")) if document else ""

    def in_words(self) -> str:
        """Return what is driven as people say it: "oval, both ways in turn, 3 boxes"."""
        ways = {Direction.REVERSED: "the other way round", Direction.ALTERNATE: "both ways in turn"}
        parts = [self.track.name]
        if self.direction in ways:
            parts.append(ways[self.direction])
        for kind, one, many in ((Kind.BOX, "box", "boxes"), (Kind.PARKED_CAR, "parked car", "parked cars")):
            count = sum(each.kind is kind for each in self.obstacles)
            parts += [f"{count} {one if count == 1 else many}"] if count else []
        if self.bots:
            bots = f"{self.bots.count} bot{'s' if self.bots.count > 1 else ''} at {self.bots.speed_mps:g} m/s"
            parts.append(bots + (" that change lanes" if self.bots.lane_change else ""))
        if self.cars > 1:
            parts.append(f"{self.cars} cars")
        if self.imperfections:
            parts.append("an imperfect car")
        return ", ".join(parts)


def _place(obstacle: Obstacle) -> tuple[float, int, str]:
    return obstacle.fraction, int(obstacle.lane), obstacle.kind.value
