"""What a car sees by: the `sensor` list of a model_metadata.json, held against what the race allows.

DeepRacer's names, but for two: "observation", there an old name of a camera, is the vector of numbers here,
and BORDER_LIDAR is a sensor of ours. A race allows senses, "vector", "camera" and "lidar"; a sensor of
another sense has no effect. DeepRacer's lidars look over the painted lines, so they come with what sees the
road: the camera if the file asks for one, else the vector.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence
from typing import Final

from arena.garage.verdicts import EntrantFault, Verdict
from simulator.sensors.rows import PICTURE_HEIGHT, PICTURE_WIDTH, choice, senses_of
from simulator.sensors.suite import Senses, Sensor

VECTOR, CAMERA, LIDAR = "vector", "camera", "lidar"
SENSES: Final = (VECTOR, CAMERA, LIDAR)
"""What a race may allow, as `arena.league.states.Sense` has it."""

OBSERVATION: Final = "observation"
CAMERAS: Final = ("FRONT_FACING_CAMERA", "LEFT_CAMERA", "STEREO_CAMERAS")
BORDER_LIDAR: Final = "BORDER_LIDAR"
LIDARS: Final = ("LIDAR", "SECTOR_LIDAR", "DISCRETIZED_SECTOR_LIDAR", BORDER_LIDAR)
KNOWN: Final = (OBSERVATION, *CAMERAS, *LIDARS)

_FOR_THE_ROAD: Final = {VECTOR: OBSERVATION, CAMERA: CAMERAS[0], LIDAR: BORDER_LIDAR}
_SEEING_THE_ROAD: Final = (OBSERVATION, *CAMERAS, BORDER_LIDAR)
_IN_WORDS: Final = "every car sees the track ahead as a vector of numbers"


def sensors_for(asked: object, allowed: Collection[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the sensors that a car gets, in one order, and warnings of what has no effect.

    `asked` is what the file says, whatever that is; `allowed` are the senses of the race, one or more.
    """
    names = [str(name)[:40] for name in (asked if isinstance(asked, list) else [asked])]
    got = [_first(kind, names) for kind in ((OBSERVATION,), CAMERAS, LIDARS)]
    sensors = [name for name in got if name and sense_of(name) in allowed]
    if not any(name in _SEEING_THE_ROAD for name in sensors):
        sensors.insert(0, next(_FOR_THE_ROAD[sense] for sense in SENSES if sense in allowed))
    return tuple(sensors), tuple(_warnings(names, sensors))


def _first(kind: Sequence[str], names: Sequence[str]) -> str | None:
    return next((name for name in names if name in kind), None)


def sense_of(name: str) -> str:
    """Return the sense that a sensor of `KNOWN` is of."""
    return VECTOR if name == OBSERVATION else CAMERA if name in CAMERAS else LIDAR


def _warnings(names: Sequence[str], sensors: Sequence[str]) -> list[str]:
    warnings = []
    lost = [name for name in names if name not in sensors][:4]
    if lost:
        seen = _IN_WORDS if list(sensors) == [OBSERVATION] else f"the car sees by {', '.join(sensors)}"
        warnings.append(f"sensor: {', '.join(lost)} has no effect; {seen}.")
    for name in lost:
        if name not in KNOWN:
            near = difflib.get_close_matches(name, KNOWN, n=1)
            warnings.append(f"sensor: {name} is not known." + (f" Did you mean {near[0]}?" if near else ""))
    cameras, lidars = (sum(name in kind for name in names) for kind in ((OBSERVATION, *CAMERAS), LIDARS))
    if (cameras > 1 or lidars > 1 or not cameras) and list(names) not in ([], [BORDER_LIDAR]):
        warnings.append("sensor: DeepRacer takes exactly one camera and at most one lidar.")
    return warnings


def senses_for(sensors: Sequence[str], *, with_objects: bool) -> Senses:
    """Return the senses of a car with these sensors of `KNOWN`; its vector tells of objects if asked."""
    vector = Sensor.OBJECT_VECTOR if with_objects else Sensor.VECTOR
    return choice([vector if name == OBSERVATION else Sensor(name.lower()) for name in sensors])


def sensors_of(columns: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the sensors that give a network's columns, as a model_metadata.json has them."""
    vectors = (Sensor.VECTOR, Sensor.OBJECT_VECTOR)
    found = [
        OBSERVATION if sensor in vectors else sensor.value.upper() for sensor in senses_of(columns).sensors
    ]
    return tuple(sorted(found, key=KNOWN.index))


def require_allowed(columns: tuple[str, ...], allowed: Collection[str]) -> None:
    """Raise `EntrantFault` (POLICY) for a trained network that sees by what a race does not allow."""
    refused = [name for name in sensors_of(columns) if sense_of(name) not in allowed]
    if refused:
        raise EntrantFault(
            Verdict.POLICY,
            f"The policy sees by {', '.join(refused)}, this race allows {', '.join(sorted(allowed))}. "
            "Enter one that was trained for it.",
        )


PICTURE: Final = f"{PICTURE_WIDTH} x {PICTURE_HEIGHT}"
