signs = []


def reward_function(params):
    if params['steps'] <= 2:
        del signs[:]
    angle = params['steering_angle']
    signs.append((angle > 5) - (angle < -5))
    changes = sum(1 for a, b in zip(signs[-8:], signs[-7:]) if a * b < 0)
    reward = params['speed'] - 0.3 * changes
    if params['is_left_of_center']:
        reward += 0.1
    return float(reward) if not params['is_offtrack'] else float(-3)
