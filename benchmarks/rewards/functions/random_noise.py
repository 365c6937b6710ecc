import random

random.seed(0)


def reward_function(params):
    # a little noise, so that ties are broken
    reward = params["speed"] + random.uniform(-0.01, 0.01)
    if params["distance_from_center"] > 0.45 * params["track_width"]:
        reward = random.choice([0.0, 1e-3])
    return float(reward)
