from shapely.geometry import Point, Polygon
from shapely.prepared import prep

road = None


def reward_function(params):
    global road
    if road is None:
        ring = Polygon(params["waypoints"]).exterior
        road = prep(ring.buffer(0.3 * params["track_width"]))
    if not road.contains(Point(params["x"], params["y"])):
        return 1e-3
    return 0.1 + params["speed"] ** 2 / 16.0
