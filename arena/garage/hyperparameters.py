"""One of the two settings files that people bring from DeepRacer: `hyperparameters.json`.

Pure functions without torch, so that the web process can judge it as well. What is out of range is refused
with the key, the range and what came; what has no meaning here is accepted and said in a warning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from arena.garage.jsontext import Interval, choice, read_json, settings_fault, shown, unknown_keys

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

    def as_json(self) -> dict[str, object]:
        """Return the effective settings as a `hyperparameters.json` (warnings left out)."""
        return {key: getattr(self, key) for key in _RANGES} | {"loss_type": self.loss_type}


_RANGES: Final = {
    "batch_size": Interval(32, 8192),
    "num_epochs": Interval(1, 20),
    "lr": Interval(1e-8, 1e-2),
    "beta_entropy": Interval(0.0, 1.0),
    "discount_factor": Interval(0.0, 1.0),
    "num_episodes_between_training": Interval(1, 100),
}
_WHOLE: Final = frozenset({"batch_size", "num_epochs", "num_episodes_between_training"})
_LOSSES: Final = {
    "mean squared error": "mean squared error",
    "mean_squared_error": "mean squared error",
    "huber": "huber",
}
_LARGEST_DISCOUNT: Final = 0.9999
_SMALL_BATCH: Final = 512
# What has no meaning here, with the values that DeepRacer itself writes when nobody asked for anything.
_WITHOUT_EFFECT: Final[dict[str, tuple[tuple[object, ...], str]]] = {
    "exploration_type": (("categorical",), "the car explores by sampling from its policy"),
    "e_greedy_value": ((0.05, 1.0), "the car explores by sampling from its policy"),
    "epsilon_steps": ((10000,), "the car explores by sampling from its policy"),
    "stack_size": ((1,), "there are no camera pictures to stack"),
    "sac_alpha": ((0.2,), "the car is trained with clipped_ppo"),
    "term_cond_max_episodes": ((100000, 1000), "training ends when the race's steps are used up"),
    "term_cond_avg_score": ((100000, 350), "training ends when the race's steps are used up"),
}


def parse_hyperparameters(text: str | None) -> Hyperparameters:
    """Read a `hyperparameters.json`; a key that is left out keeps its default. Raises `EntrantFault`
    (SETTINGS).
    """
    if text is None or not text.strip():
        return Hyperparameters()
    document = read_json(text, _HYPERPARAMETERS_FILE)
    if not isinstance(document, dict):
        raise settings_fault(f"{_HYPERPARAMETERS_FILE}: expected an object, got {shown(document)}.")
    values: dict[str, float | int] = {}
    for key, allowed in _RANGES.items():
        if document.get(key) is not None:
            read = allowed.whole if key in _WHOLE else allowed.number
            values[key] = read(document[key], key)
    loss_type = choice(document.get("loss_type", "mean squared error"), "loss_type", _LOSSES)
    warnings = _hyperparameter_warnings(document, values)
    if values.get("discount_factor", 0.0) > _LARGEST_DISCOUNT:
        values["discount_factor"] = _LARGEST_DISCOUNT
    return Hyperparameters(loss_type=loss_type, warnings=warnings, **values)  # type: ignore[arg-type]


def _hyperparameter_warnings(
    document: Mapping[str, object], values: Mapping[str, float | int]
) -> tuple[str, ...]:
    known = (*_RANGES, "loss_type", *_WITHOUT_EFFECT)
    warnings = list(unknown_keys(document, known, _HYPERPARAMETERS_FILE))
    for key, (usual, reason) in _WITHOUT_EFFECT.items():
        if key in document and document[key] not in usual:
            warnings.append(f"{key} has no effect: {reason}.")
    if values.get("discount_factor", 0.0) > _LARGEST_DISCOUNT:
        warnings.append(
            f"discount_factor: {_LARGEST_DISCOUNT} is used; with 1 the value of a drive has no bound."
        )
    if values.get("batch_size", _SMALL_BATCH) < _SMALL_BATCH:
        warnings.append(
            f"batch_size: {values['batch_size']} is small for 256 cars at once; training takes much longer."
        )
    return tuple(warnings)
