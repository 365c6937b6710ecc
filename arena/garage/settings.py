"""One of the two settings files that people bring from DeepRacer: `model_metadata.json`, what the car can do.

Pure functions without torch, so that the web process can judge it as well. What is out of range is refused
with the key, the range and what came. What has no meaning here (a camera, a network's name) is accepted,
because the file is the one that people have, and said in a warning: nothing is ignored in silence. Forms and
ranges follow simapp and DeepRacer on AWS.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from arena.garage.jsontext import Interval, choice, read_json, settings_fault, shown, unknown_keys
from simulator.actions import DEFAULT_ACTIONS, ActionSpace, Continuous, Discrete

STEERING_DEG: Final = Interval(-30.0, 30.0, "degrees")
SPEED_MPS: Final = Interval(0.1, 4.0, "m/s")
ACTION_COUNT: Final = Interval(2, 30, "actions")

_METADATA_FILE: Final = "model_metadata.json"
_METADATA_KEYS: Final = (
    "action_space",
    "action_space_type",
    "training_algorithm",
    "sensor",
    "neural_network",
    "version",
    "lidar_config",
    "preprocess_type",
    "regional_parameters",
)
_CAMERAS: Final = ("observation", "FRONT_FACING_CAMERA", "LEFT_CAMERA", "STEREO_CAMERAS")
_LIDARS: Final = ("LIDAR", "SECTOR_LIDAR", "DISCRETIZED_SECTOR_LIDAR")
_VECTOR: Final = "every car sees the track ahead as a vector of numbers"
_ALGORITHMS: Final = {"clipped_ppo": "clipped_ppo", "ppo": "clipped_ppo", "sac": "sac"}
_SPACE_TYPES: Final = {"discrete": "discrete", "continuous": "continuous"}


@dataclass(frozen=True, slots=True)
class ModelMetadata:
    """What the car can do, and what its file asked for that has no meaning here."""

    actions: ActionSpace = DEFAULT_ACTIONS
    warnings: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """Return the canonical `model_metadata.json` (warnings left out: they do not change the car)."""
        return {
            "action_space_type": "discrete" if isinstance(self.actions, Discrete) else "continuous",
            "action_space": action_space_json(self.actions),
            "training_algorithm": "clipped_ppo",
            "sensor": ["observation"],
            "version": "5",
        }


def action_space_json(actions: ActionSpace) -> object:
    """Return the `action_space` value of a `model_metadata.json` for `actions`."""
    if isinstance(actions, Discrete):
        return [
            {"index": index, "steering_angle": steering_deg, "speed": speed_mps}
            for index, (steering_deg, speed_mps) in enumerate(actions.actions)
        ]
    return {
        "steering_angle": {"low": actions.steering_deg[0], "high": actions.steering_deg[1]},
        "speed": {"low": actions.speed_mps[0], "high": actions.speed_mps[1]},
    }


def parse_model_metadata(text: str | None) -> ModelMetadata:
    """Read a `model_metadata.json`; without one the default action space is used.

    Raises `EntrantFault` (SETTINGS).
    """
    if text is None or not text.strip():
        return ModelMetadata()
    document = read_json(text, _METADATA_FILE)
    if isinstance(document, list):
        document = {"action_space": document}
    if not isinstance(document, dict):
        raise settings_fault(
            f"{_METADATA_FILE}: expected an object with the key action_space, got {shown(document)}."
        )
    if "action_space" not in document and {"steering_angle", "speed"} <= document.keys():
        document = {"action_space": document}
    if "action_space" not in document:
        raise settings_fault(
            f"{_METADATA_FILE}: the key action_space is missing. Expected a list of actions "
            '{"steering_angle": degrees, "speed": m/s}, or low and high of both.'
        )
    return ModelMetadata(parse_action_space(document), _metadata_warnings(document))


def parse_action_space(document: Mapping[str, object]) -> ActionSpace:
    space = document["action_space"]
    implied = "continuous" if isinstance(space, dict) else "discrete"
    kind = choice(document.get("action_space_type", implied), "action_space_type", _SPACE_TYPES)
    if kind == "continuous":
        return _continuous(space)
    return _discrete(space)


def _discrete(space: object) -> Discrete:
    if not isinstance(space, list):
        raise settings_fault(
            f"action_space: a discrete action space is a list of {ACTION_COUNT}, got {shown(space)}. "
            'For low and high set "action_space_type": "continuous".'
        )
    if not ACTION_COUNT.low <= len(space) <= ACTION_COUNT.high:
        raise settings_fault(f"action_space: expected {ACTION_COUNT}, got {len(space)}.")
    return Discrete(tuple(_action(entry, f"action_space[{place}]") for place, entry in enumerate(space)))


def _action(entry: object, key: str) -> tuple[float, float]:
    if not isinstance(entry, dict):
        raise settings_fault(f'{key}: expected {{"steering_angle": ..., "speed": ...}}, got {shown(entry)}.')
    steering_deg = STEERING_DEG.number(_needed(entry, "steering_angle", key), f"{key}.steering_angle")
    return steering_deg, SPEED_MPS.number(_needed(entry, "speed", key), f"{key}.speed")


def _continuous(space: object) -> Continuous:
    if not isinstance(space, dict):
        raise settings_fault(
            "action_space: a continuous action space is an object with steering_angle and speed, each with "
            f'low and high, got {shown(space)}. For a list of actions set "action_space_type": "discrete".'
        )
    return Continuous(
        steering_deg=_low_high(space, "steering_angle", STEERING_DEG),
        speed_mps=_low_high(space, "speed", SPEED_MPS),
    )


def _low_high(space: Mapping[str, object], name: str, allowed: Interval) -> tuple[float, float]:
    key = f"action_space.{name}"
    ends = _needed(space, name, "action_space")
    if not isinstance(ends, dict):
        raise settings_fault(f'{key}: expected {{"low": ..., "high": ...}}, got {shown(ends)}.')
    low = allowed.number(_needed(ends, "low", key), f"{key}.low")
    high = allowed.number(_needed(ends, "high", key), f"{key}.high")
    if low >= high:
        raise settings_fault(f"{key}: low must be smaller than high, got {low:g} and {high:g}.")
    return low, high


def _needed(entry: Mapping[str, object], name: str, key: str) -> object:
    if name not in entry:
        raise settings_fault(f"{key}: {name} is missing.")
    return entry[name]


def _metadata_warnings(document: Mapping[str, object]) -> tuple[str, ...]:
    warnings = list(unknown_keys(document, _METADATA_KEYS, _METADATA_FILE))
    if choice(document.get("training_algorithm", "clipped_ppo"), "training_algorithm", _ALGORITHMS) == "sac":
        warnings.append("training_algorithm: sac is not available yet; the car is trained with clipped_ppo.")
    warnings += _sensor_warnings(document.get("sensor", ["observation"]))
    warnings += _version_warnings(document.get("version", 5))
    warnings += _index_warnings(document["action_space"])
    if "neural_network" in document:
        name = str(document["neural_network"])[:40]
        warnings.append(
            f"neural_network: {name} has no effect; every car has the same small network (64 x 64)."
        )
    if "lidar_config" in document:
        warnings.append(f"lidar_config has no effect; {_VECTOR}.")
    if "preprocess_type" in document:
        warnings.append("preprocess_type has no effect: there are no camera pictures to prepare.")
    if "regional_parameters" in document:
        warnings.append("regional_parameters has no effect: it belongs to a cloud account.")
    return tuple(warnings)


def _sensor_warnings(sensors: object) -> list[str]:
    names = [str(name)[:40] for name in (sensors if isinstance(sensors, list) else [sensors])]
    if names in ([], ["observation"]):
        return []
    warnings = [f"sensor: {', '.join(names[:4])} has no effect; {_VECTOR}."]
    known = (*_CAMERAS, *_LIDARS)
    for name in names[:4]:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            warnings.append(f"sensor: {name} is not known." + (f" Did you mean {near[0]}?" if near else ""))
    if sum(name in _CAMERAS for name in names) != 1 or sum(name in _LIDARS for name in names) > 1:
        warnings.append("sensor: DeepRacer takes exactly one camera and at most one lidar.")
    return warnings


def _version_warnings(version: object) -> list[str]:
    """Say where the version stands for another physics than ours (4 and 5 are the same car)."""
    try:
        number = float(version) if isinstance(version, str | int | float) else 0.0
    except ValueError:
        number = 0.0
    if number in (4.0, 5.0):
        return []
    if number in (1.0, 2.0, 3.0):
        return [
            f"version: the physics of version {number:g} (other wheels, a world that does not wait) "
            "are not simulated; the car is that of version 5."
        ]
    if number == 6.0:
        return ["version: 6 has no effect; the car is that of version 5, as on all public leaderboards."]
    return [f"version: expected one of 1 to 6, got {shown(version)}; it has no effect."]


def _index_warnings(space: object) -> list[str]:
    """Warn of the first action whose index is not its place: the place counts, there and here."""
    for place, entry in enumerate(space if isinstance(space, list) else []):
        if isinstance(entry, dict) and entry.get("index", place) != place:
            return [f"action_space[{place}].index: {shown(entry['index'])} has no effect; the place counts."]
    return []
