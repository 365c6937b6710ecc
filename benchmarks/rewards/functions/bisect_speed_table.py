from bisect import bisect_right

LIMITS = [3.0, 8.0, 14.0, 22.0]
SPEEDS = [4.0, 3.2, 2.4, 1.8, 1.4]


def reward_function(params):
    wanted = SPEEDS[bisect_right(LIMITS, abs(params["steering_angle"]))]
    reward = 1.0 / (1.0 + abs(wanted - params["speed"]))
    if params["distance_from_center"] > 0.4 * params["track_width"]:
        reward *= 0.2
    return reward
