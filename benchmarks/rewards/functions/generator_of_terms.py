def terms(params):
    """Yield the terms of the reward one by one."""
    yield params["speed"] / 4.0
    yield 1.0 - 2.0 * params["distance_from_center"] / params["track_width"]
    if abs(params["steering_angle"]) > 20:
        yield -0.5
    if params["is_reversed"]:
        yield 0.0
    yield -2.0 * params["is_offtrack"]


def reward_function(params):
    *most, last = terms(params)
    return sum(most) + last
