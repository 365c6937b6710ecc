TOTAL_NUM_STEPS = 150


def reward_function(params):
    steps = params['steps']
    progress = params['progress']
    reward = 1.0
    # Every 50 steps a bonus for being ahead of the plan
    if (steps % 50) == 0 and progress > (steps / TOTAL_NUM_STEPS) * 100:
        reward += 10.0
    if params['is_offtrack']:
        return 1e-3
    return reward + progress / steps
