import math

DIRECTION_THRESHOLD = 10.0
ABS_STEERING_THRESHOLD = 15


def reward_function(params):
    waypoints = params['waypoints']
    closest_waypoints = params['closest_waypoints']
    heading = params['heading']

    next_point = waypoints[closest_waypoints[1]]
    prev_point = waypoints[closest_waypoints[0]]

    track_direction = math.atan2(next_point[1] - prev_point[1], next_point[0] - prev_point[0])
    track_direction = math.degrees(track_direction)

    direction_diff = abs(track_direction - heading)
    if direction_diff > 180:
        direction_diff = 360 - direction_diff

    reward = 1.0 - params['distance_from_center'] / params['track_width']
    if direction_diff > DIRECTION_THRESHOLD:
        reward *= 0.5
    if abs(params['steering_angle']) > ABS_STEERING_THRESHOLD:
        reward *= 0.8
    return float(reward)
