"""What a network sees as one row of named numbers, whatever the car's sensors are.

A row is put together of the sensors' parts in the order of `ORDER`: vector, lidars, and last the pixels of a
camera, row by row from the top left. So one array [n, columns] goes through training, buffers, races and
files, and its columns' names say which sensors are needed. The plain vector is its own row, untouched.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

import numpy as np
from gymnasium.spaces import Box
from numpy.typing import NDArray

from simulator.sensors import border, lidar
from simulator.sensors.lookahead import LIMIT, OBSERVATION_COLUMNS
from simulator.sensors.objects import OBJECT_VECTOR_COLUMNS
from simulator.sensors.suite import Observation, Senses, Sensor

PICTURE_WIDTH: Final = 40
PICTURE_HEIGHT: Final = 30
"""Of the cameras of cars that learn and race: DeepRacer's picture at a quarter, for a CPU's sake."""

CAMERAS: Final = (Sensor.FRONT_FACING_CAMERA, Sensor.LEFT_CAMERA, Sensor.STEREO_CAMERAS)
_NUMBERS: Final[dict[Sensor, tuple[str, ...] | int]] = {
    Sensor.OBJECT_VECTOR: OBJECT_VECTOR_COLUMNS,
    Sensor.VECTOR: OBSERVATION_COLUMNS,
    Sensor.LIDAR: lidar.BEAMS,
    Sensor.SECTOR_LIDAR: lidar.SECTORS,
    Sensor.DISCRETIZED_SECTOR_LIDAR: lidar.SECTORS * lidar.BINS,
    Sensor.BORDER_LIDAR: border.BEAMS,
}
ORDER: Final = (*_NUMBERS, *CAMERAS)
_SCALES: Final = {Sensor.BORDER_LIDAR: np.float32(1.0 / border.MAX_M)}
"""What brings readings to about [-1, 1]; the others are there."""


def choice(sensors: Sequence[Sensor]) -> Senses:
    """Return senses in the order of a row, with pictures of the size that networks take."""
    chosen = tuple(sorted(sensors, key=ORDER.index))
    return Senses(chosen, image_width=PICTURE_WIDTH, image_height=PICTURE_HEIGHT)


def picture_shape(senses: Senses) -> tuple[int, int, int] | None:
    """Return height, width and pictures of what the camera among these senses gives; None without one."""
    camera = next((sensor for sensor in senses.sensors if sensor in CAMERAS), None)
    if camera is None:
        return None
    return senses.image_height, senses.image_width, 2 if camera is Sensor.STEREO_CAMERAS else 1


@lru_cache(maxsize=64)
def columns_of(sensors: tuple[Sensor, ...]) -> tuple[str, ...]:
    """Return the names of a row's numbers. Raises `ValueError` for two cameras or two vectors."""
    senses = choice(sensors)
    for kind in (CAMERAS, (Sensor.OBJECT_VECTOR, Sensor.VECTOR)):
        if sum(sensor in kind for sensor in sensors) > 1:
            raise ValueError(f"expected one of {', '.join(kind)}, got {', '.join(senses.sensors)}")
    return tuple(name for sensor in senses.sensors for name in _names(sensor))


def _names(sensor: Sensor) -> tuple[str, ...]:
    names = _NUMBERS.get(sensor)
    if isinstance(names, tuple):
        return names
    if names is not None:
        return tuple(f"{sensor}_{beam:02d}" for beam in range(names))
    pictures = ("_left", "_right") if sensor is Sensor.STEREO_CAMERAS else ("",)
    return tuple(
        f"{sensor}_{row:02d}_{column:02d}{picture}"
        for row in range(PICTURE_HEIGHT)
        for column in range(PICTURE_WIDTH)
        for picture in pictures
    )


@lru_cache(maxsize=64)
def senses_of(columns: tuple[str, ...]) -> Senses:
    """Return the senses that give these columns. Raises `ValueError` where none do."""
    found: list[Sensor] = []
    at = 0
    for sensor in ORDER:
        names = _names(sensor)
        if columns[at : at + len(names)] == names:
            found.append(sensor)
            at += len(names)
    if at < len(columns) or not found:
        raise ValueError(f"no sensor of this version of the car gives the columns {columns[at : at + 3]} ...")
    return choice(found)


def row_space(senses: Senses) -> Box:
    """Return the space of one car's row."""
    count = len(columns_of(senses.sensors))
    if all(sensor in CAMERAS for sensor in senses.sensors):
        return Box(0, 255, (count,), np.uint8)
    limit = LIMIT if picture_shape(senses) is None else 255.0
    return Box(-limit, limit, (count,), np.float32)


def rows(observation: Observation, senses: Senses, columns: tuple[str, ...]) -> NDArray[Any]:
    """Return the rows [n, columns] of what `senses` observed, which may be more than the columns need.

    float32, or uint8 where there are only pictures. An object vector serves for the vector, its beginning.
    """
    wanted = senses_of(columns)
    if isinstance(observation, dict):
        parts = [_part(observation, sensor) for sensor in wanted.sensors]
    else:
        parts = [_part({str(senses.sensors[0]): observation}, sensor) for sensor in wanted.sensors]
    if len(parts) == 1:
        return parts[0]
    return np.concatenate([part.astype(np.float32, copy=False) for part in parts], axis=1)


def _part(observation: dict[str, NDArray[Any]], sensor: Sensor) -> NDArray[Any]:
    """Return one sensor's part of the rows [n, ...]."""
    if sensor is Sensor.VECTOR and str(sensor) not in observation:
        return observation[str(Sensor.OBJECT_VECTOR)][:, : len(OBSERVATION_COLUMNS)]
    reading = observation[str(sensor)]
    if sensor in _SCALES:
        return reading * _SCALES[sensor]
    if sensor in CAMERAS:
        return reading.reshape(len(reading), -1)
    return reading if reading.dtype == np.float32 else reading.astype(np.float32)
