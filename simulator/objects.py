"""Objects on the road: obstacles where an organiser puts them or where a seed does, and their rectangles.

An `Obstacle` says where in words of the race (share of the lap, lane); `Objects` is what is there, in the
world: arrays [1, k] where all cars share what stands around them, [n, k] where every car has its own, because
something drives (`bots`, `rivals`). Encounters, params and sensors read the same arrays. The columns are the
order of the params' lists: what stands is sorted by arc length, what drives keeps its column.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from simulator.params import MOVING_COLUMNS, ObjectLists
from simulator.sensors import boxes
from simulator.sensors.boxes import Boxes
from simulator.track import Track

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

MAX_OBSTACLES = 20
MIN_DISTANCE_M = 2.0
"""Between two obstacles that a seed places (DeepRacer's MIN_DISTANCE)."""
START_CLEAR_M = 1.0
"""No obstacle stands nearer to the start line than this, along the track, before it or behind it."""
TOUCH_M = 1e-6
"""Equal cars in line have their corners on each other's sides: without this they would drive through."""
PASSAGE_M = 0.9
"""Obstacles on different lanes nearer than this along the track leave no way through."""


class ObstacleError(ValueError):
    """Obstacles that cannot stand where they are asked to, with what to change."""


class Lane(IntEnum):
    """DeepRacer's numbers; a lane's middle is halfway between the centre line and its border."""

    INNER = 1
    OUTER = -1


class Kind(StrEnum):
    """What stands in the way."""

    BOX = "box"
    PARKED_CAR = "parked_car"


SIZES_M = {Kind.BOX: boxes.OBSTACLE, Kind.PARKED_CAR: boxes.CAR}
"""Length, width and height; the collision rectangles are the real simulator's (0.5 x 0.4, 0.324 x 0.196)."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A place for an obstacle: a share of the lap in the direction of driving, and a lane."""

    fraction: float
    lane: Lane = Lane.INNER
    kind: Kind = Kind.BOX

    def __post_init__(self) -> None:
        if not 0.0 <= self.fraction < 1.0:
            raise ObstacleError(
                f"expected an obstacle's place as a share of the lap from 0 to below 1, got {self.fraction}"
            )
        object.__setattr__(self, "lane", Lane(self.lane))
        object.__setattr__(self, "kind", Kind(self.kind))

    @classmethod
    def at(cls, track: Track, s_m: float, lane: Lane = Lane.INNER, kind: Kind = Kind.BOX) -> Obstacle:
        """Return the obstacle `s_m` metres after the start line; any s is wrapped."""
        return cls(s_m / track.length_m % 1.0, lane, kind)


def parse_obstacles(text: str, kind: Kind = Kind.BOX) -> tuple[Obstacle, ...]:
    """Read DeepRacer's positions "fraction,lane;fraction,lane": lane 1 or inner, -1 or outer."""
    lanes = {"1": Lane.INNER, "inner": Lane.INNER, "-1": Lane.OUTER, "outer": Lane.OUTER}
    found = []
    for part in filter(None, (part.strip() for part in text.split(";"))):
        fraction, _, lane = (piece.strip() for piece in part.partition(","))
        try:
            found.append(Obstacle(float(fraction), lanes[lane.lower()], kind))
        except (ValueError, KeyError) as error:
            if isinstance(error, ObstacleError):
                raise
            raise ObstacleError(
                f"expected obstacles as fraction,lane;fraction,lane (e.g. 0.25,inner;0.6,-1), got {part!r}"
            ) from error
    return tuple(found)


def place_obstacles(
    track: Track, count: int, seed: int, min_distance_m: float = MIN_DISTANCE_M, kind: Kind = Kind.BOX
) -> tuple[Obstacle, ...]:
    """Draw `count` obstacles from a seed, `min_distance_m` apart along the track, sorted by place."""
    if not 0 <= count <= MAX_OBSTACLES:
        raise ObstacleError(f"expected 0 to {MAX_OBSTACLES} obstacles, got {count}")
    first, last = START_CLEAR_M, track.length_m - START_CLEAR_M
    # Gaps are drawn, then spread out: any count that fits is found at once, and evenly.
    slack = last - first - (count - 1) * max(min_distance_m, PASSAGE_M)
    if count and slack <= 0.0:
        raise ObstacleError(
            f"{count} obstacles {min_distance_m} m apart do not fit on {track.name} ({track.length_m:.1f} m, "
            f"{START_CLEAR_M} m are kept free around the start). Ask for fewer or less distance."
        )
    rng = np.random.default_rng(seed)
    spots = np.sort(rng.random(count)) * max(slack, 0.0)
    s_m = first + spots + np.arange(count) * max(min_distance_m, PASSAGE_M)
    lanes = np.where(rng.random(count) < 0.5, Lane.INNER, Lane.OUTER)
    pairs = zip(s_m.tolist(), lanes.tolist(), strict=True)
    return tuple(Obstacle.at(track, s, Lane(lane), kind) for s, lane in pairs)


@dataclass(frozen=True)
class Objects:
    """What is on a track around cars; arrays [1, k] or [n, k], metres and radians, world frame.

    A NaN in `x` means that the object is not there (a rival who has finished).
    """

    track: Track
    x: FloatArray
    y: FloatArray
    heading_rad: FloatArray
    s_m: FloatArray
    offset_m: FloatArray
    """From the centre line, left positive."""
    reported_heading_rad: FloatArray
    """What params say: 0.0 for boxes, as on the real thing."""
    speed_mps: FloatArray
    size_m: FloatArray
    """Length, width and height [k, 3]."""
    moves: BoolArray
    """Which of them drive [k]."""
    behind: BoolArray
    """Those that drive behind their car [1 or n, k]: whoever is behind is at fault for a crash."""

    @classmethod
    def on(cls, track: Track, obstacles: Sequence[Obstacle]) -> Objects:
        """Put obstacles on a track. Raises `ObstacleError` for places that cannot be."""
        if len(obstacles) > MAX_OBSTACLES:
            raise ObstacleError(f"expected at most {MAX_OBSTACLES} obstacles, got {len(obstacles)}")
        s = np.array([obstacle.fraction * track.length_m for obstacle in obstacles])
        inner, outer = track.border_at(s)
        is_inner = np.array([obstacle.lane is Lane.INNER for obstacle in obstacles], dtype=np.bool_)
        middle = 0.5 * (track.at(s) + np.where(is_inner[:, None], inner, outer))
        place = track.project(middle)
        order = np.argsort(place.s_m, kind="stable")
        heading = track.heading_at(s)[order]
        kinds = [obstacles[index].kind for index in order.tolist()]
        is_box = np.array([kind is Kind.BOX for kind in kinds], dtype=np.bool_)
        found = cls(
            track,
            x=middle[order, 0][None],
            y=middle[order, 1][None],
            heading_rad=heading[None],
            s_m=place.s_m[order][None],
            offset_m=place.offset_m[order][None],
            reported_heading_rad=np.where(is_box, 0.0, heading)[None],
            speed_mps=np.zeros((1, len(order))),
            size_m=np.array([SIZES_M[kind] for kind in kinds]).reshape(-1, 3),
            moves=np.zeros(len(order), dtype=np.bool_),
            behind=np.zeros((1, len(order)), dtype=np.bool_),
        )
        _check(found)
        return found

    def __len__(self) -> int:
        return int(self.x.shape[1])

    @property
    def shared(self) -> bool:
        """Return whether all cars have the same objects around them: nothing moves."""
        return not np.count_nonzero(self.moves)

    @cached_property
    def direction(self) -> tuple[FloatArray, FloatArray]:
        """Return cosine and sine [1 or n, k] of the headings."""
        return np.cos(self.heading_rad), np.sin(self.heading_rad)

    @cached_property
    def absent(self) -> BoolArray:
        """Return which of them are not there [1 or n, k]."""
        return np.isnan(self.x)

    @cached_property
    def boxes(self) -> Boxes:
        """Return them as cameras and lidars see them."""
        shape = (*self.x.shape, 3)
        grey = np.full(shape[:2], boxes.GREY_LEVEL)
        pose = np.stack([self.x, self.y, self.heading_rad], axis=2)
        return Boxes(np.concatenate([pose, np.broadcast_to(self.size_m, shape), grey[:, :, None]], axis=2))

    def of(self, cars: IntArray | slice) -> Self:
        """Return what is around some cars (an index [m], or a slice)."""
        if len(self.x) == 1 and self.shared:
            return self
        return self._made([column[cars] for column in self._columns()])

    def joined(self, other: Objects) -> Self:
        """Return these and `other` beside each other, [n, k + other's]."""
        rows = max(len(self.x), len(other.x))
        wide = [
            np.concatenate([_rows(column, rows), _rows(more, rows)], axis=1)
            for column, more in zip(self._columns(), other._columns(), strict=True)
        ]
        size = np.concatenate([self.size_m, other.size_m])
        return self._made(wide, size, np.concatenate([self.moves, other.moves]))

    def followed(self, other: Objects) -> Self:
        """Return what is around these cars, then what is around those of `other` [n + other's, k]."""
        columns = zip(self._columns(), other._columns(), strict=True)
        return self._made([np.concatenate(pair) for pair in columns])

    def _columns(self) -> tuple[NDArray[Any], ...]:
        pose = (self.x, self.y, self.heading_rad, self.s_m, self.offset_m)
        return (*pose, self.reported_heading_rad, self.speed_mps, self.behind)

    def _made(
        self,
        columns: Sequence[NDArray[Any]],
        size_m: FloatArray | None = None,
        moves: BoolArray | None = None,
    ) -> Self:
        x, y, heading, s_m, offset, reported, speed, behind = columns
        size_m, moves = self.size_m if size_m is None else size_m, self.moves if moves is None else moves
        return type(self)(
            self.track, x, y, heading, s_m, offset, reported, speed, size_m, moves, behind=behind
        )

    def lists(self, car: int = 0) -> ObjectLists:
        """Return the params' lists of what is around one car."""
        row = car if len(self.x) > 1 else 0
        offset = self.offset_m[row]
        return {
            "location": np.column_stack([self.x[row], self.y[row]]).tolist(),
            "distance": self.s_m[row].tolist(),
            "distance_from_center": np.abs(offset).tolist(),
            "heading": self.reported_heading_rad[row].tolist(),
            "speed": self.speed_mps[row].tolist(),
            "left_of_center": (offset > 0.0).tolist(),
        }

    def poses(self, cars: int) -> FloatArray:
        """Return x, y (m) and heading (rad) of what is around each of so many cars [cars, k, 3]."""
        pose = np.stack([self.x, self.y, self.heading_rad], axis=2)
        return np.array(np.broadcast_to(pose, (cars, *pose.shape[1:])))

    def write(self, cells: FloatArray) -> None:
        """Fill the cells [n, k * len(MOVING_COLUMNS)] of params rows: the same lists, as numbers."""
        offset = self.offset_m
        columns = (self.x, self.y, self.s_m, np.abs(offset), self.reported_heading_rad, self.speed_mps)
        for place, column in enumerate((*columns, offset > 0.0)):
            cells[:, place :: len(MOVING_COLUMNS)] = column

    def contain(self, x: FloatArray, y: FloatArray) -> BoolArray:
        """Return which points [..., n] lie inside which rectangles [..., n, k]; to touch one is enough."""
        cos, sin = self.direction
        to_x, to_y = x[..., None] - self.x, y[..., None] - self.y
        along, across = to_x * cos + to_y * sin, to_y * cos - to_x * sin
        reach, half_width = 0.5 * self.size_m[:, 0] + TOUCH_M, 0.5 * self.size_m[:, 1] + TOUCH_M
        return np.asarray((np.abs(along) < reach) & (np.abs(across) < half_width))

    def gaps(self, s_m: FloatArray) -> FloatArray:
        """Return the way (m) [n, k] along the track from places [n] to the objects, within half a lap."""
        way = self.s_m - s_m[:, None]
        return np.asarray(way - np.rint(way / self.track.length_m) * self.track.length_m)


def _rows(column: NDArray[Any], rows: int) -> NDArray[Any]:
    return column if len(column) == rows else np.repeat(column, rows, axis=0)


def corners(
    x: FloatArray, y: FloatArray, cos: FloatArray, sin: FloatArray, size_m: tuple[float, float]
) -> tuple[FloatArray, FloatArray]:
    """Return the corners x, y [4, n] of rectangles of one size (length, width) around points [n]."""
    ahead = 0.5 * size_m[0] * np.array([[1.0], [1.0], [-1.0], [-1.0]])
    left = 0.5 * size_m[1] * np.array([[1.0], [-1.0], [-1.0], [1.0]])
    return x + ahead * cos - left * sin, y + ahead * sin + left * cos


def _check(objects: Objects) -> None:
    """Refuse obstacles on the start line, in each other, or side by side."""
    length, places = objects.track.length_m, objects.s_m[0]
    for index, s in enumerate(places.tolist()):
        if min(s, length - s) < START_CLEAR_M:
            raise ObstacleError(
                f"the obstacle at {s / length:.3f} of the lap is {min(s, length - s):.2f} m from the start; "
                f"choose a fraction from {math.ceil(START_CLEAR_M / length * 1000) / 1000} to "
                f"{math.floor((1.0 - START_CLEAR_M / length) * 1000) / 1000}"
            )
        others = objects.gaps(places[index : index + 1])[0]
        for other in range(index + 1, len(objects)):
            _check_pair(objects, index, other, abs(float(others[other])))


def _check_pair(objects: Objects, one: int, other: int, way_m: float) -> None:
    s_m, offset = objects.s_m[0], objects.offset_m[0]
    same_lane = (offset[one] > 0.0) == (offset[other] > 0.0)
    needed = 0.5 * float(objects.size_m[one, 0] + objects.size_m[other, 0]) if same_lane else PASSAGE_M
    if way_m >= needed:
        return
    length = objects.track.length_m
    places = " and ".join(f"{s_m[index] / length:.3f}" for index in (one, other))
    why = "stand on top of each other" if same_lane else "leave no way through between them"
    raise ObstacleError(
        f"the obstacles at {places} of the lap {why}; move one by {(needed - way_m) / length:.3f} of the lap "
        "or more" + ("" if same_lane else ", or to the other's lane")
    )
