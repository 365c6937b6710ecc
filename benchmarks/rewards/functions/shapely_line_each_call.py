from shapely.geometry import LineString, Point


def reward_function(params):
    line = LineString(params['waypoints'])
    here = Point(params['x'], params['y'])
    near = 1.0 - line.distance(here) / (0.5 * params['track_width'])
    return max(1e-3, near * params['speed'])
