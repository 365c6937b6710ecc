import math

# The fastest action in model_metadata.json. With 4.0 m/s the car is quicker
# on open tracks and leaves the road in hairpins: try it.
TOP_SPEED_MPS = 3.0


def reward_function(params):
    """Reward the car for pointing along the road, and for doing so at speed."""
    # Leaving the road must cost more than a moment of speed brings.
    if params["is_offtrack"]:
        return -5.0

    # The direction of the road is the direction from the waypoint behind the
    # car to the one ahead of it.
    waypoints = params["waypoints"]
    behind, ahead = params["closest_waypoints"]
    x0, y0 = waypoints[behind]
    x1, y1 = waypoints[ahead]
    road = math.degrees(math.atan2(y1 - y0, x1 - x0))

    # How far the car's nose points away from it, as an angle from 0 to 180
    # degrees whichever way round.
    error = abs((params["heading"] - road + 180.0) % 360.0 - 180.0)
    aligned = max(0.0, math.cos(math.radians(error)))

    # Close to the edge there is no room for a mistake: pay less there.
    edge = params["distance_from_center"] / (params["track_width"] / 2)
    room = 1.0 if edge < 0.7 else 0.5

    return float(1e-3 + aligned * room * params["speed"] / TOP_SPEED_MPS)
