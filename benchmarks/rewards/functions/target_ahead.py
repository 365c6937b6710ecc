import math


def dist(point1, point2):
    return ((point1[0] - point2[0]) ** 2 + (point1[1] - point2[1]) ** 2) ** 0.5


def up_sample(waypoints, factor):
    """Adds extra points between the waypoints"""
    p = waypoints
    n = len(p)
    return [
        [i / factor * p[(j + 1) % n][0] + (1 - i / factor) * p[j][0],
         i / factor * p[(j + 1) % n][1] + (1 - i / factor) * p[j][1]]
        for j in range(n)
        for i in range(factor)
    ]


def get_target_point(params):
    waypoints = up_sample(params["waypoints"], 3)
    car = [params['x'], params['y']]
    distances = [dist(p, car) for p in waypoints]
    i_closest = distances.index(min(distances))
    waypoints = waypoints[i_closest:] + waypoints[:i_closest]
    r = params['track_width'] * 0.9
    for p in waypoints:
        if dist(p, car) >= r:
            return p
    return waypoints[i_closest]


def angle_mod_360(angle):
    n = math.floor(angle / 360.0)
    between = angle - n * 360.0
    return between if between <= 180.0 else between - 360.0


def reward_function(params):
    tx, ty = get_target_point(params)
    target_angle = math.degrees(math.atan2(ty - params['y'], tx - params['x']))
    best = angle_mod_360(target_angle - params['heading'])
    error = (params['steering_angle'] - best) / 60.0
    return float(max(1.0 - abs(error), 0.01))
