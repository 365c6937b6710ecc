"""What learns: stable-baselines3's PPO or SAC with our defaults, set up from the entrant's settings."""

from __future__ import annotations

import warnings
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecNormalize

from arena.garage.hyperparameters import Hyperparameters
from arena.garage.policy import Layer, Output, Policy
from arena.garage.settings import Algorithm, ModelMetadata, Network
from arena.garage.training_cars import Cars
from arena.garage.training_ppo import Learner
from arena.garage.training_recipe import Plan, Recipe
from arena.garage.training_sac import SacLearner, new_sac
from arena.garage.training_vision import LAYERS as _LAYERS_OF_PICTURES
from arena.garage.training_vision import Eyes, device_for_pictures
from simulator.actions import Discrete
from simulator.sensors.rows import picture_shape

_LAYERS: Final = {Network.SMALL: (64, 64), Network.LARGE: (256, 256)}
_LOG_STD_INIT: Final = -0.5
_GAE_LAMBDA: Final = 0.95
_CLIP_RANGE: Final = 0.2
_DISCRETE_ENTROPY: Final = 0.003
_LAST_LR_SHARE: Final = 0.05


AnyLearner = Learner | SacLearner


def warm_up() -> None:
    """Pay for what PyTorch loads at its first optimiser (over a second) before a racer waits for it."""
    torch.optim.Adam([torch.zeros(1, requires_grad=True)])


def new_learner(cars: Cars, plan: Plan, recipe: Recipe, seed: int) -> AnyLearner:
    """Return the learner of a training that has not begun."""
    layers = _LAYERS[recipe.metadata.network]
    if recipe.metadata.algorithm is Algorithm.SAC:
        return new_sac(cars, plan, recipe.hyperparameters, layers, seed)
    return _new_ppo(cars, plan, recipe.hyperparameters, layers, seed)


def _new_ppo(
    cars: Cars, plan: Plan, settings: Hyperparameters, layers: tuple[int, ...], seed: int
) -> Learner:
    entropy = settings.beta_entropy
    if entropy is None:
        entropy = _DISCRETE_ENTROPY if isinstance(cars.env.actions, Discrete) else 0.0
    pixels = picture_shape(cars.env.senses)
    if pixels and layers == _LAYERS[Network.SMALL]:
        layers = _LAYERS_OF_PICTURES
    eyes = {"features_extractor_class": Eyes, "features_extractor_kwargs": {"pixels": pixels}}
    normalised = VecNormalize(cars, norm_obs=False, norm_reward=True, gamma=settings.discount_factor)
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", message="You have specified a mini-batch size"
        )  # the last one is shorter
        learner = Learner(
            "MlpPolicy",
            normalised,
            learning_rate=lambda left: settings.lr * (_LAST_LR_SHARE + (1.0 - _LAST_LR_SHARE) * left),
            n_steps=plan.steps_per_update,
            batch_size=min(settings.batch_size, plan.num_cars * plan.steps_per_update),
            n_epochs=settings.num_epochs,
            gamma=settings.discount_factor,
            gae_lambda=_GAE_LAMBDA,
            clip_range=_CLIP_RANGE,
            ent_coef=entropy,
            policy_kwargs=(eyes if pixels else {})
            | {
                "net_arch": {"pi": list(layers), "vf": list(layers)},
                "activation_fn": torch.nn.Tanh,
                "log_std_init": _LOG_STD_INIT,
                "optimizer_kwargs": {"eps": 1e-5, "fused": True},
            },
            seed=seed,
            device=device_for_pictures() if pixels else "cpu",
        )
    if settings.loss_type == "huber":
        learner.value_loss = torch.nn.functional.smooth_l1_loss
    return learner


def extract_policy(learner: AnyLearner, metadata: ModelMetadata, about: dict[str, str]) -> Policy:
    """Return the actor's layers of the learner, and what is before them, as a `Policy`."""
    if isinstance(learner, SacLearner):
        squashed = _linear(*learner.actor.latent_pi, learner.actor.mu)
        return Policy(squashed, metadata.actions, _columns(learner), about, Output.TANH)
    with learner.average.lent_to(learner.parameters):
        layers = _linear(*learner.policy.mlp_extractor.policy_net, learner.policy.action_net)
        eyes = learner.policy.features_extractor
        convolutions = eyes.as_arrays() if isinstance(eyes, Eyes) else ()
    return Policy(layers, metadata.actions, _columns(learner), about, convolutions=convolutions)


def _linear(*modules: torch.nn.Module) -> tuple[Layer, ...]:
    linear = [module for module in modules if isinstance(module, torch.nn.Linear)]
    return tuple((_array(layer.weight), _array(layer.bias)) for layer in linear)


def _columns(learner: AnyLearner) -> tuple[str, ...]:
    """Return the names of what the learner sees."""
    normalised = learner.get_vec_normalize_env()
    assert normalised is not None
    assert isinstance(normalised.venv, Cars)
    return normalised.venv.columns


def _array(parameter: torch.Tensor) -> NDArray[np.float64]:
    return parameter.detach().cpu().numpy().astype(np.float64)
