"""Which senses a car carries, as a gymnasium space, and their readings, batched.

One sense alone gives its own space; several give a `Dict` by name. The names are DeepRacer's in lower case
(upper case is understood), plus `vector`, `object_vector` and `border_lidar`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Box, MultiBinary
from numpy.typing import NDArray

from simulator.imperfections import Imperfections, blurred
from simulator.objects import Objects
from simulator.road import IntArray, Road
from simulator.sensors import border, colours, lidar
from simulator.sensors.boxes import Boxes
from simulator.sensors.camera import Camera
from simulator.sensors.ground import ground_of
from simulator.sensors.lookahead import LIMIT, OBSERVATION_COLUMNS, observe
from simulator.sensors.objects import OBJECT_VECTOR_COLUMNS, observe_objects
from simulator.sensors.view import CameraSpec, Frames, Pose, stereo_specs
from simulator.situation import Situation
from simulator.starts import SeedArray

Observation = Any
"""An array [n, ...], or a dict of such arrays by sensor name."""


class Sensor(StrEnum):
    """What a car can carry."""

    VECTOR = "vector"
    OBJECT_VECTOR = "object_vector"
    """The vector and, behind it, the next two objects (sensors/objects.py)."""
    FRONT_FACING_CAMERA = "front_facing_camera"
    LEFT_CAMERA = "left_camera"
    STEREO_CAMERAS = "stereo_cameras"
    LIDAR = "lidar"
    SECTOR_LIDAR = "sector_lidar"
    DISCRETIZED_SECTOR_LIDAR = "discretized_sector_lidar"
    BORDER_LIDAR = "border_lidar"
    """Not DeepRacer's: distances to the road's border (sensors/border.py)."""


LIDARS: dict[Sensor, Callable[[NDArray[np.float64]], NDArray[Any]]] = {
    Sensor.LIDAR: lidar.raw,
    Sensor.SECTOR_LIDAR: lidar.sectors,
    Sensor.DISCRETIZED_SECTOR_LIDAR: lidar.discretised_sectors,
}


@dataclass(frozen=True, slots=True)
class Senses:
    """A choice of sensors and their settings."""

    sensors: tuple[Sensor, ...] = (Sensor.VECTOR,)
    image_width: int = 160
    image_height: int = 120
    lidar_noise: bool = True
    random_colours: bool = False
    """Domain randomisation of the cameras, by seed and episode."""

    def __post_init__(self) -> None:
        if not self.sensors or len(set(self.sensors)) < len(self.sensors):
            raise ValueError(f"expected one or more different sensors, got {list(map(str, self.sensors))}")

    @classmethod
    def of(cls, choice: Senses | str | Sequence[str]) -> Senses:
        """Make senses of one name or several; `Senses` pass through."""
        if isinstance(choice, Senses):
            return choice
        names = [choice] if isinstance(choice, str) else list(choice)
        known = {str(sensor): sensor for sensor in Sensor}
        for name in names:
            if str(name).lower() not in known:
                raise ValueError(f"expected sensors out of {', '.join(known)}; got {name!r}")
        return cls(tuple(known[str(name).lower()] for name in names))

    @property
    def camera(self) -> CameraSpec:
        """Return the front camera."""
        return CameraSpec(self.image_width, self.image_height)

    @property
    def space(self) -> gymnasium.Space[Any]:
        """Return the space of one car's observation."""
        spaces = {str(sensor): self._space_of(sensor) for sensor in self.sensors}
        return gymnasium.spaces.Dict(spaces) if len(spaces) > 1 else spaces[str(self.sensors[0])]

    def _space_of(self, sensor: Sensor) -> gymnasium.Space[Any]:
        match sensor:
            case Sensor.VECTOR:
                return Box(-LIMIT, LIMIT, (len(OBSERVATION_COLUMNS),), np.float32)
            case Sensor.OBJECT_VECTOR:
                return Box(-LIMIT, LIMIT, (len(OBJECT_VECTOR_COLUMNS),), np.float32)
            case Sensor.LIDAR:
                return Box(lidar.MIN_M, lidar.RAW_CLIP_M, (lidar.BEAMS,), np.float32)
            case Sensor.BORDER_LIDAR:
                return Box(0.0, border.MAX_M, (border.BEAMS,), np.float32)
            case Sensor.SECTOR_LIDAR:
                return MultiBinary(lidar.SECTORS)
            case Sensor.DISCRETIZED_SECTOR_LIDAR:
                return MultiBinary(lidar.SECTORS * lidar.BINS)
            case _:
                pictures = 2 if sensor is Sensor.STEREO_CAMERAS else 1
                return Box(0, 255, (self.image_height, self.image_width, pictures), np.uint8)


class SensorSuite:
    """The sensors of `cars` cars on one road, and what their noise and colours are drawn from."""

    def __init__(
        self,
        senses: Senses,
        road: Road,
        base_to_nose_m: float,
        cars: int,
        imperfections: Imperfections | None = None,
    ) -> None:
        """Set the sensors up; the first camera on a track draws its ground.

        With `imperfections` that blur the senses, cameras also see another light in each episode.
        """
        self._imperfections = imperfections if imperfections and imperfections.noise else None
        if self._imperfections:
            senses = replace(senses, random_colours=True, lidar_noise=True)
        self.senses, self._road, self._base_to_nose_m = senses, road, base_to_nose_m
        self._vector_only = senses.sensors == (Sensor.VECTOR,) and not self._imperfections
        self._sees_boxes = any("camera" in sensor or sensor in LIDARS for sensor in senses.sensors)
        self._cameras = {sensor: self._mount(sensor) for sensor in senses.sensors if "camera" in sensor}
        self._episode = np.zeros(cars, dtype=np.uint64)
        self._tables = np.zeros((cars, 256), dtype=np.uint8)
        self.seed(np.arange(cars, dtype=np.uint64))

    def _mount(self, sensor: Sensor) -> tuple[Camera, ...]:
        front, (left, right) = self.senses.camera, stereo_specs(self.senses.camera)
        places = {Sensor.LEFT_CAMERA: (left,), Sensor.STEREO_CAMERAS: (left, right)}
        ground = ground_of(self._road.track)
        return tuple(Camera(spec, ground) for spec in places.get(sensor, (front,)))

    def seed(self, seeds: SeedArray) -> None:
        """Begin all over with one seed per car [n]."""
        self._seeds = seeds
        self._episode[:] = 0
        self._reading = 0

    def observe(
        self,
        now: Situation,
        cars: IntArray,
        fresh: NDArray[np.bool_],
        objects: Objects | None = None,
        boxes: Boxes | None = None,
    ) -> Observation:
        """Return what the cars [m] observe in situations [m]; `fresh` [m] marks first looks of an episode.

        A car may be in the list twice: at its episode's end and, fresh, at the next one's beginning.
        `objects` are what is around them, [1, k] or [m, k]; `boxes` [1 or m] are seen instead, if given.
        """
        if self._vector_only:
            return observe(self._road, now)
        reading = np.uint64(2 * self._reading) + fresh.astype(np.uint64)
        if self._imperfections:
            now = blurred(now, self._imperfections, self._seeds[cars], reading)
        if boxes is None and objects is not None and self._sees_boxes:
            boxes = objects.boxes
        pose = self._pose(now)
        readings: dict[str, NDArray[Any]] = {}
        distance = self._distances(pose, self._seeds[cars], reading, boxes)
        tables = self._colours(cars, fresh)
        for sensor in self.senses.sensors:
            if sensor is Sensor.VECTOR:
                readings[str(sensor)] = observe(self._road, now)
            elif sensor is Sensor.OBJECT_VECTOR:
                parts = (observe(self._road, now), observe_objects(objects, now))
                readings[str(sensor)] = np.concatenate(parts, axis=1)
            elif sensor is Sensor.BORDER_LIDAR:
                readings[str(sensor)] = border.border_of(self._road.track).distances(pose)
            elif sensor in LIDARS:
                readings[str(sensor)] = LIDARS[sensor](distance)
            else:
                readings[str(sensor)] = self._pictures(sensor, pose, tables, boxes)
        self._reading += 1
        return readings if len(readings) > 1 else readings[str(self.senses.sensors[0])]

    def _pose(self, now: Situation) -> Pose:
        back = self._base_to_nose_m
        return Pose(now.nose_x - back * now.cos, now.nose_y - back * now.sin, now.cos, now.sin)

    def _pictures(self, sensor: Sensor, pose: Pose, tables: colours.Tables, boxes: Boxes | None) -> Frames:
        """Return the pictures [m, height, width, 1 or 2] of a camera or a pair."""
        pictures = [camera.render(pose, boxes) for camera in self._cameras[sensor]]
        if self.senses.random_colours:
            for frames in pictures:
                colours.recolour(frames, tables)
        return np.stack(pictures, axis=-1) if len(pictures) > 1 else pictures[0][..., None]

    def _colours(self, cars: IntArray, fresh: NDArray[np.bool_]) -> colours.Tables:
        """Return the tables [m, 256] of greys; cars that begin an episode get new ones."""
        beginning = cars[fresh]
        self._episode[beginning] += np.uint64(1)
        if not (self.senses.random_colours and self._cameras):
            return self._tables
        tables = self._tables[cars]
        if len(beginning):
            tables[fresh] = colours.tables(self._seeds[beginning], self._episode[beginning])
            self._tables[beginning] = tables[fresh]
        return tables

    def _distances(
        self, pose: Pose, seeds: SeedArray, reading: SeedArray, boxes: Boxes | None
    ) -> NDArray[np.float64]:
        if not any(sensor in LIDARS for sensor in self.senses.sensors):
            return np.empty((0, lidar.BEAMS))
        distance = lidar.distances(pose, boxes)
        if self.senses.lidar_noise:
            distance += lidar.noise(seeds, reading)
        return distance


def picked(observation: Observation, cars: Any) -> Observation:
    """Return the observation of some cars (an index [m], or a slice) or of one (an int)."""
    if isinstance(observation, dict):
        return {name: picked(reading, cars) for name, reading in observation.items()}
    return observation.take(cars, axis=0) if isinstance(cars, np.ndarray) else observation[cars]


def joined(observations: Sequence[Observation]) -> Observation:
    """Return the observations of the cars of one batch and then those of the next."""
    if isinstance(observations[0], dict):
        return {name: joined([each[name] for each in observations]) for name in observations[0]}
    return np.concatenate(observations)


def copied(observation: Observation) -> Observation:
    """Return a copy that shares no memory."""
    if isinstance(observation, dict):
        return {name: reading.copy() for name, reading in observation.items()}
    return observation.copy()
