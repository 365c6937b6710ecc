"""One of the two settings files that people bring from DeepRacer: `hyperparameters.json`.

Pure functions without torch, so that the web process can judge it as well. What is out of range is refused
with the key, the range and what came; what has no meaning here is accepted and said in a warning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from arena.garage.jsontext import Interval, choice, read_json, settings_fault, shown, unknown_keys
from arena.garage.settings import Algorithm

_HYPERPARAMETERS_FILE: Final = "hyperparameters.json"


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """How the policy learns. Defaults were measured with 256 cars on one core; see docs/architecture.md."""

    batch_size: int = 2048
    """Samples per gradient step."""
    num_epochs: int = 4
    """Passes over each batch of experience."""
    lr: float = 1e-3
    """Adam's step size at the start; it falls linearly to 5 % of that at the end of the budget."""
    beta_entropy: float | None = None
    """Weight of the entropy bonus; None means 0 for continuous and 0.003 for discrete actions."""
    discount_factor: float = 0.99
    """What a reward one step later is worth."""
    loss_type: str = "mean squared error"
    """Loss of the value estimate: `mean squared error` or `huber`."""
    num_episodes_between_training: int = 20
    """Experience between two updates: 20 stands for 32 steps of each car, others in proportion."""
    warnings: tuple[str, ...] = ()
    sac_alpha: float = 0.2
    """Weight of the entropy with SAC."""
    term_cond_max_episodes: int | None = None
    """The training ends after so many episodes, where that is before the end of its budget."""
    term_cond_avg_score: float | None = None
    """The training ends when the mean return of the last 100 episodes has come to this."""

    def as_json(self) -> dict[str, object]:
        """Return the effective settings as a `hyperparameters.json` (warnings left out).

        What came later stands in it only where it is not the default: seeds derive from this.
        """
        told = {key: getattr(self, key) for key in _RANGES} | {"loss_type": self.loss_type}
        later = {key: getattr(self, key) for key in _LATER if getattr(self, key) != _DEFAULTS[key]}
        return told | later


_RANGES: Final = {
    "batch_size": Interval(32, 8192),
    "num_epochs": Interval(1, 20),
    "lr": Interval(1e-8, 1e-2),
    "beta_entropy": Interval(0.0, 1.0),
    "discount_factor": Interval(0.0, 1.0),
    "num_episodes_between_training": Interval(1, 100),
}
_WHOLE: Final = frozenset(
    {
        "batch_size",
        "num_epochs",
        "num_episodes_between_training",
        "term_cond_max_episodes",
        "epsilon_steps",
        "stack_size",
    }
)
_LOSSES: Final = {
    "mean squared error": "mean squared error",
    "mean_squared_error": "mean squared error",
    "huber": "huber",
}
_LARGEST_DISCOUNT: Final = 0.9999
_SMALL_BATCH: Final = 512
_USUAL_EPOCHS: Final = 4
LARGEST_SAC_BATCH: Final = 256
"""Samples of a gradient step; SAC learns from many small steps where PPO takes few large ones."""
_LATER: Final = {
    "sac_alpha": Interval(0.0, 1.0),
    "term_cond_max_episodes": Interval(1, 1_000_000, "episodes"),
    "term_cond_avg_score": Interval(-1e9, 1e9),
}
_DEFAULTS: Final = {
    "sac_alpha": 0.2,
    "term_cond_max_episodes": None,
    "term_cond_avg_score": None,
}
# What DeepRacer's tools write into the file when nobody asked for an end: they do not end a training here.
_NO_END: Final = {"term_cond_max_episodes": (1000, 100_000), "term_cond_avg_score": (350, 100_000)}
# What has no meaning here: its range, the value that says nothing, and what to tell whoever asks for it.
_WITHOUT_EFFECT: Final[dict[str, tuple[Interval, tuple[float, ...], str]]] = {
    "e_greedy_value": (
        Interval(0.0, 1.0),
        (0.05, 1.0),
        "the car explores by sampling from what it has learnt, never by a random action",
    ),
    "epsilon_steps": (
        Interval(1, 1e9, "steps"),
        (10000,),
        "there are no random actions whose share could fall over so many steps",
    ),
    "stack_size": (Interval(1, 32, "pictures"), (1,), "the car sees one picture at a time"),
}
_EXPLORATIONS: Final = {"categorical": "categorical", "e-greedy": "e-greedy"}


def parse_hyperparameters(text: str | None, algorithm: Algorithm = Algorithm.PPO) -> Hyperparameters:
    """Read a `hyperparameters.json`; a key that is left out keeps its default.

    The warnings say what has no effect with the `algorithm`. Raises `EntrantFault` (SETTINGS).
    """
    if text is None or not text.strip():
        return Hyperparameters()
    document = read_json(text, _HYPERPARAMETERS_FILE)
    if not isinstance(document, dict):
        raise settings_fault(f"{_HYPERPARAMETERS_FILE}: expected an object, got {shown(document)}.")
    values = _values(document)
    loss_type = choice(document.get("loss_type", "mean squared error"), "loss_type", _LOSSES)
    warnings = _hyperparameter_warnings(document, values, algorithm)
    if values.get("discount_factor", 0.0) > _LARGEST_DISCOUNT:
        values["discount_factor"] = _LARGEST_DISCOUNT
    for key, usual in _NO_END.items():
        if values.get(key) in usual:
            del values[key]
    return Hyperparameters(loss_type=loss_type, warnings=warnings, **values)  # type: ignore[arg-type]


def _values(document: Mapping[str, object]) -> dict[str, float | int]:
    values: dict[str, float | int] = {}
    for key, allowed in (_RANGES | _LATER).items():
        if document.get(key) is not None:
            read = allowed.whole if key in _WHOLE else allowed.number
            values[key] = read(document[key], key)
    return values


def _hyperparameter_warnings(
    document: Mapping[str, object], values: Mapping[str, float | int], algorithm: Algorithm
) -> tuple[str, ...]:
    known = (*_RANGES, *_LATER, "loss_type", "exploration_type", *_WITHOUT_EFFECT)
    warnings = list(unknown_keys(document, known, _HYPERPARAMETERS_FILE))
    warnings += _without_effect(document)
    warnings += _sac_warnings(values) if algorithm is Algorithm.SAC else _ppo_warnings(values)
    if values.get("discount_factor", 0.0) > _LARGEST_DISCOUNT:
        warnings.append(
            f"discount_factor: {_LARGEST_DISCOUNT} is used; with 1 the value of a drive has no bound."
        )
    return tuple(warnings)


def _without_effect(document: Mapping[str, object]) -> list[str]:
    """Name what has no meaning here, and refuse what has none anywhere."""
    warnings = []
    exploration = choice(document.get("exploration_type", "categorical"), "exploration_type", _EXPLORATIONS)
    if exploration != "categorical":
        warnings.append(
            "exploration_type has no effect: the car explores by sampling from what it has learnt "
            "(categorical). Actions at random would teach it about moves that it never chose."
        )
    for key, (allowed, usual, reason) in _WITHOUT_EFFECT.items():
        if document.get(key) is None:
            continue
        read = allowed.whole if key in _WHOLE else allowed.number
        if read(document[key], key) not in usual:
            warnings.append(f"{key} has no effect: {reason}.")
    return warnings


def _ppo_warnings(values: Mapping[str, float | int]) -> list[str]:
    warnings = []
    if values.get("sac_alpha", _DEFAULTS["sac_alpha"]) != _DEFAULTS["sac_alpha"]:
        warnings.append(
            "sac_alpha has no effect with clipped_ppo; there beta_entropy does its work. For SAC set "
            "training_algorithm in model_metadata.json to sac."
        )
    if values.get("batch_size", _SMALL_BATCH) < _SMALL_BATCH:
        warnings.append(
            f"batch_size: {values['batch_size']} is small for 256 cars at once; training takes much longer."
        )
    return warnings


def _sac_warnings(values: Mapping[str, float | int]) -> list[str]:
    warnings = []
    if "beta_entropy" in values:
        warnings.append("beta_entropy has no effect with sac; there sac_alpha does its work.")
    if values.get("batch_size", 0) > LARGEST_SAC_BATCH:
        warnings.append(f"batch_size: with sac at most {LARGEST_SAC_BATCH} are used.")
    if values.get("num_epochs", 0) > _USUAL_EPOCHS:
        times = values["num_epochs"] / _USUAL_EPOCHS
        warnings.append(f"num_epochs: training with sac takes {times:g} times as long as with 4.")
    return warnings
