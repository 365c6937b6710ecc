"""Find the racing line once from the waypoints, then reward progress on it."""

import numpy as np

# How far the line keeps away from the edge of the road.
MARGIN_M = 0.15
# The line is pulled tight between neighbours this many waypoints away.
REACH = 4
ROUNDS = 60


def racing_line(waypoints, track_width):
    """How far left of each waypoint the line runs, in metres.

    The centre line is pulled tight like a rubber band that must stay on the road.
    """
    centre = np.array(waypoints[:-1])
    along = np.roll(centre, -1, axis=0) - np.roll(centre, 1, axis=0)
    left = np.column_stack([-along[:, 1], along[:, 0]]) / np.linalg.norm(along, axis=1, keepdims=True)
    limit = track_width / 2 - MARGIN_M
    offsets = np.zeros(len(centre))
    for _ in range(ROUNDS):
        line = centre + left * offsets[:, None]
        between = (np.roll(line, REACH, axis=0) + np.roll(line, -REACH, axis=0)) / 2
        wanted = ((between - centre) * left).sum(axis=1)
        offsets = np.clip((offsets + wanted) / 2, -limit, limit)
    return offsets.tolist()


line = None
previous_progress = 0.0


def reward_function(params):
    """Reward progress, and a little more of it on the racing line."""
    global line, previous_progress
    if line is None:
        line = racing_line(params["waypoints"], params["track_width"])
    if params["steps"] <= 2:
        previous_progress = params["progress"]
    gained = (params["progress"] - previous_progress) / 100.0 * params["track_length"]
    previous_progress = params["progress"]

    if params["is_offtrack"]:
        return -5.0

    return float(gained * (1.0 + 0.2 * closeness(params)))


def closeness(params):
    """1.0 on the racing line, 0.0 from 0.4 m beside it."""
    behind, ahead = params["closest_waypoints"]
    target = (line[behind % len(line)] + line[ahead % len(line)]) / 2
    # left/right of the centre line, in the direction of travel
    side = 1.0 if params["is_left_of_center"] else -1.0
    return max(0.0, 1.0 - abs(side * params["distance_from_center"] - target) / 0.4)
