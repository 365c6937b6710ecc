class PARAMS:
    prev_speed = None
    prev_steering_angle = None
    intermediate_progress = [0] * 11


def reward_function(params):
    if params['steps'] == 2:
        PARAMS.prev_speed = None
        PARAMS.prev_steering_angle = None
        PARAMS.intermediate_progress = [0] * 11

    braking = PARAMS.prev_speed is not None and PARAMS.prev_speed > params['speed']
    twitching = (
        PARAMS.prev_steering_angle is not None
        and abs(PARAMS.prev_steering_angle - params['steering_angle']) > 20
    )
    PARAMS.prev_speed = params['speed']
    PARAMS.prev_steering_angle = params['steering_angle']

    pi = int(params['progress'] // 10)
    if pi > 0 and PARAMS.intermediate_progress[pi] == 0:
        PARAMS.intermediate_progress[pi] = 14 * (params['progress'] / params['steps']) ** 2
    reward = PARAMS.intermediate_progress[pi] + params['speed'] - braking - twitching
    return max(1e-3, reward) if params['all_wheels_on_track'] else 1e-3
