"""Train a car with plain stable-baselines3, and write it as policy.onnx, which races can take.

    python train.py --track oval --steps 300000
    arena race policy.onnx --track oval

Nothing of the arena's own trainer is used here: only its simulator, `TrackVectorEnv`. Change whatever you
like: the algorithm, the network, the reward. Only policy.onnx and model_metadata.json leave this folder.
"""

import argparse
import json
import warnings
from pathlib import Path

import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecEnv, VecMonitor, VecNormalize

from simulator.actions import Continuous
from simulator.env import TrackVectorEnv

# What the car can do. The network answers with two numbers from -1 to 1; these are what they stand for.
STEERING_DEG = (-30.0, 30.0)
SPEED_MPS = (1.0, 4.0)
CARS = 64  # that learn at the same time


class Cars(VecEnv):
    """TrackVectorEnv in the words of stable-baselines3: all cars take one step at once."""

    def __init__(self, track):
        # Without `reward=` a car is paid its progress in percent, and loses 5 when it leaves the road.
        self.env = TrackVectorEnv(track, CARS, actions=Continuous(STEERING_DEG, SPEED_MPS))
        super().__init__(CARS, self.env.single_observation_space, self.env.single_action_space)

    def reset(self):
        return self.env.reset(seed=0)[0]

    def step_async(self, actions):
        self.actions = actions

    def step_wait(self):
        seen, rewards, terminated, truncated, _ = self.env.step(self.actions)
        infos = [{} for _ in range(CARS)]
        for car in np.flatnonzero(terminated | truncated):
            # This car has started anew already; PPO wants to know what it saw last.
            infos[car]["terminal_observation"] = self.env.final_observation[car]
            # A completed lap is no end of the world: what comes after it still has a value.
            infos[car]["TimeLimit.truncated"] = bool(truncated[car])
        return seen, rewards.astype(np.float32), terminated | truncated, infos

    # stable-baselines3 asks for these; a plain training does not use them.
    def close(self): ...
    def get_attr(self, name, indices=None):
        return [None] * CARS

    def set_attr(self, name, value, indices=None): ...
    def env_method(self, name, *args, indices=None, **kwargs):
        return [None] * CARS

    def env_is_wrapped(self, wrapper, indices=None):
        return [False] * CARS


class Driver(torch.nn.Module):
    """What drives: the half of the network that chooses, without the half that judges."""

    def __init__(self, policy):
        super().__init__()
        self.hidden, self.last = policy.mlp_extractor.policy_net, policy.action_net

    def forward(self, observation):
        return self.last(self.hidden(observation))


def write_onnx(policy, path):
    """Write the network with one input, `observation`, and one output, `action`."""
    # PyTorch's newer exporter (dynamo=True) would need another package, onnxscript.
    warnings.simplefilter("ignore", DeprecationWarning)
    seen = torch.zeros(1, *policy.observation_space.shape)
    names = {"input_names": ["observation"], "output_names": ["action"]}
    torch.onnx.export(Driver(policy).eval(), (seen,), path, opset_version=17, dynamo=False, **names)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--track", default="oval")
    parser.add_argument("--steps", type=int, default=300_000)
    parser.add_argument("--out", type=Path, default=Path())
    options = parser.parse_args()

    torch.set_num_threads(1)  # for so small a network, more threads only get in each other's way
    # Rewards are scaled while learning; observations are not, because the race does not scale them either.
    cars = VecNormalize(VecMonitor(Cars(options.track)), norm_obs=False, gamma=0.99)
    learner = PPO(
        "MlpPolicy", cars, n_steps=64, batch_size=1024, n_epochs=5, learning_rate=1e-3, gamma=0.99, seed=0
    )
    learner.learn(options.steps, progress_bar=False)

    options.out.mkdir(parents=True, exist_ok=True)
    write_onnx(learner.policy, options.out / "policy.onnx")
    actions = {
        "action_space_type": "continuous",
        "action_space": {
            "steering_angle": {"low": STEERING_DEG[0], "high": STEERING_DEG[1]},
            "speed": {"low": SPEED_MPS[0], "high": SPEED_MPS[1]},
        },
    }
    (options.out / "model_metadata.json").write_text(json.dumps(actions, indent=2) + "\n")
    print(f"Now race it: arena race {options.out / 'policy.onnx'} --track {options.track}")


if __name__ == "__main__":
    main()
