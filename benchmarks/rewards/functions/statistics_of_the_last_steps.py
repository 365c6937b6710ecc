import statistics
from collections import deque

steering = deque(maxlen=10)
speeds = deque(maxlen=10)


def reward_function(params):
    if params["steps"] <= 2:
        steering.clear()
        speeds.clear()
    steering.append(params["steering_angle"])
    speeds.append(params["speed"])
    calm = 1.0 if len(steering) < 2 else 1.0 / (1.0 + statistics.pstdev(steering) / 10.0)
    return calm * statistics.fmean(speeds) * (1e-3 if params["is_offtrack"] else 1.0)
