import math

# About the distance that the car needs to slow down from full speed.
LOOK_AHEAD_M = 1.5
# What the tyres hold in a bend.
GRIP_MPS2 = 3.0


def reward_function(params):
    """Reward the speed that the bend ahead allows: slow in, fast out."""
    if params["is_offtrack"]:
        return 1e-3

    target = allowed_speed(params)
    speed = params["speed"]

    # Below the allowed speed every bit more pays; above it the reward falls
    # quickly.
    pace = speed / target if speed <= target else max(0.0, 1.0 - (speed - target))

    # Speed in the wrong direction is worth nothing.
    aligned = max(0.0, math.cos(math.radians(heading_error(params))))
    edge = params["distance_from_center"] / (params["track_width"] / 2)
    room = 1.0 if edge < 0.8 else 0.4
    return float(1e-3 + aligned * room * pace * (0.5 + speed / 4.0))


def allowed_speed(params):
    """The speed at which the bend ahead can just be held, in m/s."""
    bend = math.radians(abs(turn_ahead(params)))
    if bend < 0.05:
        return 4.0
    # The racing line is wider than the centre line.
    radius = LOOK_AHEAD_M / bend + params["track_width"] / 2
    return min(4.0, max(1.0, math.sqrt(GRIP_MPS2 * radius)))


def turn_ahead(params):
    """By how many degrees the road turns over the look-ahead distance."""
    waypoints = params["waypoints"]
    spacing = params["track_length"] / (len(waypoints) - 1)
    ahead = params["closest_waypoints"][1]
    far = ahead + max(1, round(LOOK_AHEAD_M / spacing))
    return difference(direction(waypoints, far), direction(waypoints, ahead))


def heading_error(params):
    """The angle between the car and the road, in degrees."""
    behind = params["closest_waypoints"][0]
    return difference(params["heading"], direction(params["waypoints"], behind))


def direction(waypoints, index):
    """The road's direction at a waypoint, in degrees."""
    count = len(waypoints) - 1  # the last waypoint is the first again
    x0, y0 = waypoints[index % count]
    x1, y1 = waypoints[(index + 1) % count]
    return math.degrees(math.atan2(y1 - y0, x1 - x0))


def difference(a, b):
    """The signed angle from b to a, in (-180, 180] degrees."""
    return (a - b + 180.0) % 360.0 - 180.0
