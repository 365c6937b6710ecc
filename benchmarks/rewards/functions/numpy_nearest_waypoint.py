import numpy as np


def reward_function(params):
    waypoints = np.array(params['waypoints'])
    car = np.array([params['x'], params['y']])
    nearest = np.argmin(np.linalg.norm(waypoints - car, axis=1))
    target = waypoints[(nearest + 6) % len(waypoints)]
    wanted = np.degrees(np.arctan2(target[1] - car[1], target[0] - car[0]))
    error = np.abs((wanted - params['heading'] + 180.0) % 360.0 - 180.0)
    return float(np.exp(-error / 20.0) + params['speed'] / 4.0)
