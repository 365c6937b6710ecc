import math


def reward_function(params):
    reward = 1.0 if params["distance_from_center"] < 0.4 * params["track_width"] else 0.2
    _, ahead = params["closest_objects"]
    places = params["objects_location"]
    if places:
        x, y = places[ahead]
        distance = math.hypot(x - params["x"], y - params["y"])
        same_side = params["objects_left_of_center"][ahead] == params["is_left_of_center"]
        if same_side and distance < 0.8:
            reward *= 0.1 if distance < 0.3 else 0.5
    if params["is_crashed"]:
        return 1e-4
    return reward + params["speed"] / 8.0
