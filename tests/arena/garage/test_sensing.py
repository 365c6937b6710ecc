"""What a car sees by is what its file asks for and its race allows."""

from __future__ import annotations

import json

import pytest

from arena.garage.sensing import SENSES, require_allowed, sensors_for, sensors_of
from arena.garage.settings import ModelMetadata, parse_model_metadata
from arena.garage.verdicts import EntrantFault, Verdict
from arena.league.states import Sense
from simulator.sensors.objects import OBJECT_VECTOR_COLUMNS
from simulator.sensors.rows import columns_of
from simulator.sensors.suite import Sensor

SPACE = {"steering_angle": {"low": -30, "high": 30}, "speed": {"low": 1, "high": 2}}


def metadata(sensors: object, senses: tuple[str, ...] = ("vector",)) -> ModelMetadata:
    return parse_model_metadata(json.dumps({"action_space": SPACE, "sensor": sensors}), senses)


def test_the_league_and_the_garage_know_the_same_senses() -> None:
    assert tuple(Sense) == SENSES


@pytest.mark.parametrize("sensors", [["FRONT_FACING_CAMERA"], ["STEREO_CAMERAS", "LIDAR"], "LEFT_CAMERA"])
def test_a_file_of_deepracer_trains_by_the_vector_where_no_camera_is_allowed(sensors: object) -> None:
    plain, read = ModelMetadata(parse_model_metadata(None).actions), metadata(sensors)
    assert read.sensors == plain.sensors == ("observation",)
    assert read.as_json()["sensor"] == ["observation"]
    assert "has no effect; every car sees the track ahead as a vector of numbers" in read.warnings[0]


@pytest.mark.parametrize(
    ("asked", "senses", "got"),
    [
        (["FRONT_FACING_CAMERA"], ("vector", "camera"), ("FRONT_FACING_CAMERA",)),
        (["LIDAR", "STEREO_CAMERAS"], SENSES, ("STEREO_CAMERAS", "LIDAR")),
        (["STEREO_CAMERAS", "LIDAR"], ("vector", "lidar"), ("observation", "LIDAR")),
        (["STEREO_CAMERAS", "LIDAR"], ("vector", "camera"), ("STEREO_CAMERAS",)),
        (["SECTOR_LIDAR"], SENSES, ("observation", "SECTOR_LIDAR")),
        (["BORDER_LIDAR"], SENSES, ("BORDER_LIDAR",)),
        (["observation", "DISCRETIZED_SECTOR_LIDAR"], SENSES, ("observation", "DISCRETIZED_SECTOR_LIDAR")),
        (["observation"], SENSES, ("observation",)),
        (["observation"], ("camera",), ("FRONT_FACING_CAMERA",)),
        (["LIDAR"], ("camera", "lidar"), ("FRONT_FACING_CAMERA", "LIDAR")),
        (["FRONT_FACING_CAMERA"], ("lidar",), ("BORDER_LIDAR",)),
        (["FRONT_FACING_CAMERA"], (Sense.VECTOR, Sense.CAMERA), ("FRONT_FACING_CAMERA",)),
        ([], SENSES, ("observation",)),
        (["LEFT_CAMERA", "FRONT_FACING_CAMERA"], SENSES, ("LEFT_CAMERA",)),
        ([{"a": 1}, 7], SENSES, ("observation",)),
    ],
)
def test_a_car_sees_by_what_is_asked_for_and_allowed(
    asked: object, senses: tuple[str, ...], got: tuple[str, ...]
) -> None:
    assert metadata(asked, senses).sensors == got


def test_what_is_plain_is_not_warned_of() -> None:
    assert not sensors_for(["FRONT_FACING_CAMERA", "LIDAR"], SENSES)[1]
    assert not sensors_for("observation", ("vector",))[1]
    assert not sensors_for(["BORDER_LIDAR"], SENSES)[1]


def test_a_sensor_that_is_not_known_is_named_with_the_nearest_one() -> None:
    warnings = " ".join(metadata(["FRONT_FACING"], SENSES).warnings)
    assert "FRONT_FACING is not known. Did you mean FRONT_FACING_CAMERA?" in warnings


def test_a_policy_that_sees_by_what_a_race_does_not_allow_is_refused() -> None:
    columns = columns_of((Sensor.FRONT_FACING_CAMERA, Sensor.LIDAR))
    assert sensors_of(columns) == ("FRONT_FACING_CAMERA", "LIDAR")
    assert sensors_of(OBJECT_VECTOR_COLUMNS) == ("observation",)
    require_allowed(columns, ("camera", "lidar"))
    with pytest.raises(EntrantFault, match="sees by LIDAR, this race allows camera, vector") as refused:
        require_allowed(columns, ("vector", "camera"))
    assert refused.value.verdict is Verdict.POLICY
