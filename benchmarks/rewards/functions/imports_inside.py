def reward_function(params):
    import math
    import time
    from bisect import bisect_left

    started = time.time()
    values = sorted([params['x'], params['y'], params['speed']])
    reward = math.exp(-4.0 * params['distance_from_center'] / params['track_width'])
    reward += 0.001 * bisect_left(values, 0.0)
    if time.time() - started > 5.0:
        print("slow")
    return reward * params['speed']
