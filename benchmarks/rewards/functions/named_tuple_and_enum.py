from collections import namedtuple
from enum import Enum, auto

Weights = namedtuple("Weights", "speed centre steering")


class Mode(Enum):
    STRAIGHT = auto()
    BEND = auto()


WEIGHTS = {Mode.STRAIGHT: Weights(1.0, 0.2, 0.5), Mode.BEND: Weights(0.4, 0.6, 0.0)}


def reward_function(params):
    mode = Mode.BEND if abs(params["steering_angle"]) > 12 else Mode.STRAIGHT
    weights = WEIGHTS[mode]
    centre = 1.0 - 2.0 * params["distance_from_center"] / params["track_width"]
    steady = 1.0 - abs(params["steering_angle"]) / 30.0
    return float(weights.speed * params["speed"] / 4 + weights.centre * centre + weights.steering * steady)
