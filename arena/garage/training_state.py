"""What a learner has learnt, as plain arrays: networks, optimisers, normaliser, and what it adds itself.

Written for any algorithm of stable-baselines3: the names are those of its `get_parameters`. A learner that
has more to keep says so by `extras` and `restore_extras`, as `training_ppo.Learner` does. Settings of
optimisers are not kept, for the recipe gives them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.base_class import BaseAlgorithm

from arena.garage.training_checkpoint import CheckpointError

Arrays = Mapping[str, NDArray[Any]]

_NETWORK: Final = "policy"
_NORMALISER, _EXTRA = "normaliser", "extra"
_ADAM: Final = ("step", "exp_avg", "exp_avg_sq")


def arrays_of(learner: BaseAlgorithm) -> dict[str, NDArray[Any]]:
    """Return copies of all that the learner has learnt."""
    found: dict[str, NDArray[Any]] = {}
    for owner, state in learner.get_parameters().items():
        tensors: dict[str, torch.Tensor] = _flat(dict(state))
        found |= {f"{owner}/{name}": _array(tensor) for name, tensor in tensors.items()}
    if normaliser := learner.get_vec_normalize_env():
        rewards = normaliser.ret_rms
        found[_NORMALISER] = np.array([rewards.mean, rewards.var, rewards.count], np.float64)
    if extras := getattr(learner, "extras", None):
        found |= {f"{_EXTRA}/{name}": array for name, array in extras().items()}
    return found


def restore(learner: BaseAlgorithm, arrays: Arrays) -> None:
    """Set all that the learner knows. Raises `CheckpointError` where the arrays are of another learner."""
    try:
        states: Any = learner.get_parameters().items()
        known: Any = {owner: _state(owner, old, arrays) for owner, old in states}
        learner.set_parameters(known)
        if normaliser := learner.get_vec_normalize_env():
            rewards, (mean, var, count) = normaliser.ret_rms, arrays[_NORMALISER]
            rewards.mean, rewards.var, rewards.count = np.array(mean), np.array(var), float(count)
        if restore_extras := getattr(learner, "restore_extras", None):
            restore_extras(_of(arrays, _EXTRA))
    except (KeyError, ValueError, RuntimeError, TypeError) as error:
        raise CheckpointError(f"The checkpoint does not fit this training: {error}.") from error


def hand_down(learner: BaseAlgorithm, arrays: Arrays) -> None:
    """Give a new learner the networks of another one; it gathers its own steps of optimiser and normaliser.

    Raises `CheckpointError` where the networks differ.
    """
    state = {name: torch.from_numpy(array.copy()) for name, array in _of(arrays, _NETWORK).items()}
    try:
        learner.policy.load_state_dict(state)
    except RuntimeError as error:
        raise CheckpointError(f"The networks differ: {error}.") from error


def _flat(state: dict[str, Any]) -> dict[str, torch.Tensor]:
    """Return the tensors of a network's or an optimiser's state by name."""
    if "param_groups" not in state:
        return state
    return {f"{row}/{name}": held[name] for row, held in state["state"].items() for name in _ADAM}


def _state(owner: str, old: dict[str, Any], arrays: Arrays) -> dict[str, Any]:
    """Return the state of a network or an optimiser, in the form of its `old` one."""
    tensors = {name: torch.from_numpy(array.copy()) for name, array in _of(arrays, owner).items()}
    if "param_groups" not in old:
        return tensors
    held: dict[int, dict[str, torch.Tensor]] = {}
    for name, tensor in tensors.items():
        row, _, kind = name.partition("/")
        held.setdefault(int(row), {})[kind] = tensor
    return {"state": held, "param_groups": old["param_groups"]}


def _of(arrays: Arrays, owner: str) -> dict[str, NDArray[Any]]:
    prefix = f"{owner}/"
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _array(tensor: torch.Tensor) -> NDArray[Any]:
    return tensor.detach().cpu().numpy().copy()
