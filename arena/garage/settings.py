"""One of the two settings files that people bring from DeepRacer: `model_metadata.json`, what the car can do.

Pure functions without torch, so that the web process can judge it as well. What is out of range is refused
with the key, the range and what came. What has no meaning here (a sensor that the race does not allow, a
network's name) is accepted, because the file is the one that people have, and said in a warning: nothing is
ignored in silence. Forms and ranges follow simapp and DeepRacer on AWS.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from arena.garage.jsontext import Interval, choice, read_json, settings_fault, shown, unknown_keys
from arena.garage.sensing import CAMERAS, LIDARS, OBSERVATION, PICTURE, VECTOR, sensors_for
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
_ALGORITHMS: Final = {"clipped_ppo": "clipped_ppo", "ppo": "clipped_ppo", "sac": "sac"}
_LARGE_NAME: Final = "DEEP_CONVOLUTIONAL_NETWORK_DEEP"
_NETWORKS: Final = {
    "deep_convolutional_network_shallow": "small",
    "deep_convolutional_network": "small",
    "deep_convolutional_network_deep": "large",
    "small": "small",
    "large": "large",
}
# Measured with 500,000 steps on one core; see docs/settings.md.
SAC_COST: Final = (
    "sac learns slowly here: 500,000 steps take about two minutes instead of ten seconds with clipped_ppo."
)
LARGE_COST: Final = (
    "this is the large network (two layers of 256); training takes about 3.5 times as long as with the "
    "small one."
)
LARGE_SAC_COST: Final = (
    "this is the large network (two layers of 256); with sac 500,000 steps take about six minutes then."
)
_SPACE_TYPES: Final = {"discrete": "discrete", "continuous": "continuous"}


class Algorithm(StrEnum):
    """What learns; named as in DeepRacer's file."""

    PPO = "clipped_ppo"
    SAC = "sac"


class Network(StrEnum):
    """How large the policy's network is."""

    SMALL = "small"
    LARGE = "large"


@dataclass(frozen=True, slots=True)
class ModelMetadata:
    """What the car can do and what learns, and what its file asked for that has no meaning here."""

    actions: ActionSpace = DEFAULT_ACTIONS
    warnings: tuple[str, ...] = ()
    sensors: tuple[str, ...] = (OBSERVATION,)
    """What the car sees by: names of `sensing.KNOWN`, in their order."""
    algorithm: Algorithm = Algorithm.PPO
    network: Network = Network.SMALL

    def as_json(self) -> dict[str, object]:
        """Return the canonical `model_metadata.json` (warnings left out: they do not change the car)."""
        network = {} if self.network is Network.SMALL else {"neural_network": _LARGE_NAME}
        return {
            "action_space_type": "discrete" if isinstance(self.actions, Discrete) else "continuous",
            "action_space": action_space_json(self.actions),
            "training_algorithm": self.algorithm.value,
            "sensor": list(self.sensors),
            "version": "5",
        } | network


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


def parse_model_metadata(text: str | None, senses: Collection[str] = (VECTOR,)) -> ModelMetadata:
    """Read a `model_metadata.json`; without one the default action space is used.

    `senses` are those that the race allows ("vector", "camera", "lidar"); a sensor that it does not allow has
    no effect but a warning. Raises `EntrantFault` (SETTINGS).
    """
    if text is None or not text.strip():
        return ModelMetadata(sensors=sensors_for(OBSERVATION, senses)[0])
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
    sensors, warnings = sensors_for(document.get("sensor") or OBSERVATION, senses)
    warnings += _metadata_warnings(document, sensors)
    actions = parse_action_space(document)
    network = Network(choice(document.get("neural_network", "small"), "neural_network", _NETWORKS))
    return ModelMetadata(actions, warnings, sensors, _algorithm(document, actions, sensors), network)


def _algorithm(document: Mapping[str, object], actions: ActionSpace, sensors: Collection[str]) -> Algorithm:
    name = choice(document.get("training_algorithm", "clipped_ppo"), "training_algorithm", _ALGORITHMS)
    if name == Algorithm.SAC and isinstance(actions, Discrete):
        raise settings_fault(
            "training_algorithm: sac needs a continuous action space, as in DeepRacer; this one is a list of "
            "actions. Give low and high of steering_angle and speed, or train with clipped_ppo."
        )
    if name == Algorithm.SAC and any(sensor in CAMERAS for sensor in sensors):
        raise settings_fault(
            "training_algorithm: sac cannot learn from camera pictures here. Train with clipped_ppo, or set "
            'sensor to ["observation"].'
        )
    return Algorithm(name)


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


def _metadata_warnings(document: Mapping[str, object], sensors: Collection[str]) -> tuple[str, ...]:
    warnings = list(unknown_keys(document, _METADATA_KEYS, _METADATA_FILE))
    with_sac = str(document.get("training_algorithm")).strip().lower() == Algorithm.SAC
    if with_sac:
        warnings.append(f"training_algorithm: {SAC_COST}")
    warnings += _version_warnings(document.get("version", 5))
    warnings += _index_warnings(document["action_space"])
    warnings += _network_warnings(document.get("neural_network"), with_sac)
    if "lidar_config" in document:
        has_lidar = any(name in LIDARS for name in sensors)
        why = "beams and sectors are fixed" if has_lidar else "the car has no lidar"
        warnings.append(f"lidar_config has no effect: {why}.")
    if "preprocess_type" in document:
        has_camera = any(name in CAMERAS for name in sensors)
        why = f"pictures are grey, {PICTURE}" if has_camera else "there are no camera pictures to prepare"
        warnings.append(f"preprocess_type has no effect: {why}.")
    if "regional_parameters" in document:
        warnings.append("regional_parameters has no effect: it belongs to a cloud account.")
    return tuple(warnings)


def _network_warnings(name: object, with_sac: bool) -> list[str]:
    """Say what a name of DeepRacer's gives here, where that is not plain."""
    named = str(name).strip().lower()
    if named == "deep_convolutional_network":
        return [
            "neural_network: DEEP_CONVOLUTIONAL_NETWORK is the small network here (two layers of 64). "
            f"For the large one write {_LARGE_NAME}."
        ]
    if _NETWORKS.get(named) != "large":
        return []
    return [f"neural_network: {LARGE_SAC_COST if with_sac else LARGE_COST}"]


def _version_warnings(version: object) -> list[str]:
    """Say where the version stands for another physics than ours (4 and 5 are the same car)."""
    try:
        number = float(version) if isinstance(version, str | int | float) else 0.0
    except (ValueError, OverflowError):
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
