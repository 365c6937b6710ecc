import cmath


def reward_function(params):
    points = params["waypoints"]
    behind, ahead = (complex(*points[index]) for index in params["closest_waypoints"])
    along = cmath.phase(ahead - behind) if ahead != behind else 0.0
    pointing = cmath.rect(params["speed"], cmath.pi * params["heading"] / 180.0 - along)
    return pointing.real - 0.5 * abs(pointing.imag)
