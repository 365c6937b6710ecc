"""A row of named numbers holds what its columns' sensors observe, whatever else the car carries."""

from __future__ import annotations

import numpy as np
import pytest

from simulator.env import TrackVectorEnv
from simulator.sensors.lookahead import OBSERVATION_COLUMNS
from simulator.sensors.objects import OBJECT_VECTOR_COLUMNS
from simulator.sensors.rows import (
    PICTURE_HEIGHT,
    PICTURE_WIDTH,
    choice,
    columns_of,
    picture_shape,
    row_space,
    rows,
    senses_of,
)
from simulator.sensors.suite import Sensor


@pytest.mark.parametrize("sensor", Sensor)
def test_columns_tell_their_sensor(sensor: Sensor) -> None:
    columns = columns_of((sensor,))
    assert len(set(columns)) == len(columns) == row_space(choice((sensor,))).shape[0]
    assert senses_of(columns).sensors == (sensor,)


def test_a_row_has_one_order_with_the_pixels_last() -> None:
    columns = columns_of((Sensor.FRONT_FACING_CAMERA, Sensor.SECTOR_LIDAR, Sensor.VECTOR))
    assert columns[:28] == OBSERVATION_COLUMNS
    assert columns[28] == "sector_lidar_00"
    assert columns[36] == "front_facing_camera_00_00"
    assert columns[-1] == f"front_facing_camera_{PICTURE_HEIGHT - 1}_{PICTURE_WIDTH - 1}"
    assert columns_of(senses_of(columns).sensors) == columns


def test_a_row_takes_one_camera_and_one_vector() -> None:
    for pair in (
        (Sensor.LEFT_CAMERA, Sensor.FRONT_FACING_CAMERA),
        (Sensor.VECTOR, Sensor.OBJECT_VECTOR),
    ):
        with pytest.raises(ValueError, match="expected one of"):
            columns_of(pair)


@pytest.mark.parametrize(
    "columns", [(), ("speed",), OBSERVATION_COLUMNS[1:], (*OBSERVATION_COLUMNS, "luck"), ("lidar_00",) * 64]
)
def test_columns_of_no_sensor_are_refused(columns: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="no sensor"):
        senses_of(columns)


def test_each_part_of_a_row_is_the_sensors_own_reading() -> None:
    senses = choice((Sensor.OBJECT_VECTOR, Sensor.BORDER_LIDAR, Sensor.STEREO_CAMERAS))
    env = TrackVectorEnv("oval", 3, sensors=senses)
    observation, _ = env.reset(seed=1)
    columns = columns_of((Sensor.VECTOR, Sensor.BORDER_LIDAR, Sensor.STEREO_CAMERAS))
    row = rows(observation, env.senses, columns)
    assert row.shape == (3, len(columns))
    assert row.dtype == np.float32
    np.testing.assert_array_equal(row[:, :28], observation["object_vector"][:, :28])
    np.testing.assert_allclose(row[:, 28:92] * 5.0, observation["border_lidar"], rtol=1e-6)
    height, width, pictures = picture_shape(senses) or (0, 0, 0)
    assert (height, width, pictures) == (PICTURE_HEIGHT, PICTURE_WIDTH, 2)
    np.testing.assert_array_equal(row[:, 92:].reshape(3, height, width, 2), observation["stereo_cameras"])


def test_the_plain_vector_and_a_lone_picture_are_their_own_rows() -> None:
    env = TrackVectorEnv("oval", 2)
    observation, _ = env.reset(seed=0)
    assert rows(observation, env.senses, OBSERVATION_COLUMNS) is observation
    around = TrackVectorEnv("oval", 2, sensors="object_vector")
    observation, _ = around.reset(seed=0)
    assert rows(observation, around.senses, OBJECT_VECTOR_COLUMNS) is observation
    eyes = TrackVectorEnv("oval", 2, sensors=choice((Sensor.FRONT_FACING_CAMERA,)))
    observation, _ = eyes.reset(seed=0)
    assert rows(observation, eyes.senses, columns_of((Sensor.FRONT_FACING_CAMERA,))).dtype == np.uint8
