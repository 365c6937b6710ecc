import math


def bend(waypoints, index, count):
    """How much the track turns over the next `count` waypoints, in degrees."""
    n = len(waypoints)
    total = 0.0
    last = None
    for k in range(count):
        ax, ay = waypoints[(index + k) % n]
        bx, by = waypoints[(index + k + 1) % n]
        if ax == bx and ay == by:
            continue
        angle = math.atan2(by - ay, bx - ax)
        if last is not None:
            turn = angle - last
            while turn > math.pi:
                turn -= 2 * math.pi
            while turn < -math.pi:
                turn += 2 * math.pi
            total += turn
        last = angle
    return math.degrees(total)


def reward_function(params):
    turning = bend(params["waypoints"], params["closest_waypoints"][0], 12)
    wanted = 4.0 if abs(turning) < 15 else 2.5 if abs(turning) < 45 else 1.5
    reward = 1.0 - abs(wanted - params["speed"]) / 4.0
    if turning > 30 and not params["is_left_of_center"]:
        reward *= 0.7
    if turning < -30 and params["is_left_of_center"]:
        reward *= 0.7
    return max(reward, 1e-3)
