from math import exp, pow, tanh


def bell(x, width):
    return exp(-0.5 * pow(x / width, 2))


def sigmoid(x):
    return 1 / (1 + exp(-x))


def reward_function(params):
    off = bell(params['distance_from_center'], 0.25 * params['track_width'])
    straight = bell(params['steering_angle'], 12.0)
    quick = sigmoid(3.0 * (params['speed'] - 2.0))
    return off * (0.3 + 0.7 * quick) * (0.5 + 0.5 * straight) * tanh(params['steps'])
