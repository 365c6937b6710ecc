"""Trains the network in agent.py by imitation, in about a minute: `python train_model.py` writes it there.

The teacher is the simulator's reference driver, which knows the fastest line around every shipped track. The
pupil sees only what the car sees. It drives itself, the teacher says at every place what it would have done
there, and the pupil learns that (Ross, Gordon and Bagnell 2011 call it DAgger). The same seed gives the same
weights.
"""

import argparse
import base64
import re
import textwrap
from itertools import pairwise
from pathlib import Path

import numpy as np

from simulator import tracks
from simulator.car import CLASSIC
from simulator.driver import ReferenceDriver
from simulator.planning import plan_for
from simulator.vector import TrackVectorEnv

SIZES = (28, 48, 48, 2)  # what it sees, two hidden layers, what it does
CARS = 24  # on each track
STEPS = 90  # of each round: six seconds
BATCH, PASSES = 256, 6
MIDDLE, HALF = np.array([0.0, 2.05]), np.array([30.0, 1.95])  # of steering (degrees) and speed (m/s)
CAUTION = 0.82  # of the teacher's speed: pupils make mistakes


def train(rounds=20, names=None, seed=0):
    """Return the weights after so many rounds of driving and learning."""
    rng = np.random.default_rng(seed)
    weights = [
        (rng.normal(0.0, inputs**-0.5, (inputs, outputs)), np.zeros(outputs))
        for inputs, outputs in pairwise(SIZES)
    ]
    schools = [School(track) for name in names or tracks.names() for track in both_ways(name)]
    seen, told, memory = [], [], None
    for number in range(rounds):
        for school in schools:
            # In the first round the teacher drives, later more and more the pupil.
            school.drive(weights, rng, teacher=0.5**number, seen=seen, told=told)
        inputs, targets = np.concatenate(seen), np.concatenate(told)
        rate = 3e-3 * (1.0 - number / rounds)
        weights, memory = learn(weights, memory, inputs, targets, rng, rate)
    return weights


def both_ways(name):
    track = tracks.load(name)
    return track, track.reversed()


class School:
    """One track, its teacher and a class of cars."""

    def __init__(self, track):
        self.teacher = ReferenceDriver(plan_for(track, CLASSIC), CLASSIC)
        self.env = TrackVectorEnv(track, CARS, spec=CLASSIC, sensors="vector")

    def drive(self, weights, rng, teacher, seen, told):
        """Drive for a while; keep what was seen and what the teacher would have done."""
        observation, _ = self.env.reset(seed=int(rng.integers(2**31)))
        for _ in range(STEPS):
            right = self.teacher.commands(self.env.state)
            right[:, 1] *= CAUTION
            seen.append(observation.astype(np.float64))
            told.append(np.clip((right - MIDDLE) / HALF, -1.0, 1.0))
            own = MIDDLE + HALF * forward(weights, seen[-1])[-1] + rng.normal(0.0, (6.0, 0.2), right.shape)
            by_teacher = rng.random((CARS, 1)) < teacher
            observation, *_ = self.env.drive(np.where(by_teacher, right, own))


def forward(weights, inputs):
    """Return the values of all layers."""
    values = [inputs]
    for weight, bias in weights:
        values.append(np.tanh(values[-1] @ weight + bias))
    return values


def learn(weights, memory, inputs, targets, rng, rate):
    """Bring the answers nearer to the targets, by Adam; `memory` is what it remembers of former gradients."""
    parts = [part for layer in weights for part in layer]
    first, second, count = memory or ([np.zeros_like(p) for p in parts], [np.zeros_like(p) for p in parts], 0)
    for _ in range(PASSES):
        order = rng.permutation(len(inputs))
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            count += 1
            gradients = backward(layers_of(parts), inputs[batch], targets[batch])
            for place, gradient in enumerate(gradients):
                first[place] += 0.1 * (gradient - first[place])
                second[place] += 0.001 * (gradient**2 - second[place])
                step = first[place] / (1 - 0.9**count) / (np.sqrt(second[place] / (1 - 0.999**count)) + 1e-8)
                parts[place] -= rate * step
    return layers_of(parts), (first, second, count)


def layers_of(parts):
    return list(zip(parts[::2], parts[1::2], strict=True))


def backward(weights, inputs, targets):
    """Return the gradients of the mean squared error, layer by layer: weights, bias, weights, ..."""
    values = forward(weights, inputs)
    error = 2.0 * (values[-1] - targets) / len(inputs)
    gradients = []
    for (weight, _), before, after in reversed(list(zip(weights, values, values[1:], strict=False))):
        error = error * (1.0 - after**2)
        gradients = [before.T @ error, error.sum(axis=0), *gradients]
        error = error @ weight.T
    return gradients


def as_text(weights):
    """Return the weights as half precision in base64, in lines."""
    numbers = np.concatenate([part.ravel() for layer in weights for part in layer])
    return "\n".join(textwrap.wrap(base64.b64encode(numbers.astype("<f2").tobytes()).decode(), 100))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    text = as_text(train(chosen.rounds, seed=chosen.seed))
    agent = Path(__file__).with_name("agent.py")
    source = agent.read_text(encoding="utf-8")
    source = re.sub(r'(?s)WEIGHTS = """.*?"""', f'WEIGHTS = """\n{text}\n"""', source)
    agent.write_text(source, encoding="utf-8")
    print(f"{agent} has new weights.")


if __name__ == "__main__":
    main()
