from functools import lru_cache
from itertools import accumulate

POINTS = []


@lru_cache(maxsize=None)
def turn_at(index):
    n = len(POINTS)
    (ax, ay), (bx, by), (cx, cy) = POINTS[index - 3], POINTS[index], POINTS[(index + 3) % n]
    return (bx - ax) * (cy - by) - (by - ay) * (cx - bx)


def reward_function(params):
    if not POINTS:
        POINTS.extend(params["waypoints"][:-1])
    first = params["closest_waypoints"][1]
    turns = accumulate(abs(turn_at((first + k) % len(POINTS))) for k in range(8))
    hardest = max(turns)
    wanted = 4.0 if hardest < 0.3 else 2.0
    return 1.0 / (1.0 + (params["speed"] - wanted) ** 2)
