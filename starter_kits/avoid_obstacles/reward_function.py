# From here on something ahead counts, and this much room beside it is enough.
LOOK_AHEAD_M = 2.0
CLEARANCE_M = 0.4

previous_progress = 0.0


def reward_function(params):
    """Reward the way made, and less of it in front of something in the way."""
    global previous_progress
    if params["steps"] <= 2:
        previous_progress = params["progress"]
    gained = params["progress"] - previous_progress
    previous_progress = params["progress"]

    if params["is_crashed"] or params["is_offtrack"]:
        return -5.0

    gained_m = gained / 100.0 * params["track_length"]
    return float(gained_m * (1.0 - danger(params)))


def danger(params):
    """0 on a free road, towards 1 close behind something in the car's way."""
    if not params["objects_distance"]:
        return 0.0  # a race without objects

    # closest_objects are the indices of the last and the next object. The
    # remainder of the division counts the way on across the start line.
    ahead = params["closest_objects"][1]
    way_m = params["objects_distance"][ahead] - params["projection_distance"]
    way_m %= params["track_length"]
    if way_m > LOOK_AHEAD_M:
        return 0.0

    own_m = side(params["distance_from_center"], params["is_left_of_center"])
    object_m = side(
        params["objects_distance_from_center"][ahead],
        params["objects_left_of_center"][ahead],
    )
    near = 1.0 - way_m / LOOK_AHEAD_M
    in_the_way = max(0.0, 1.0 - abs(own_m - object_m) / CLEARANCE_M)
    return near * in_the_way


def side(distance_m, is_left):
    """Metres from the centre line, left of it positive."""
    return distance_m if is_left else -distance_m
