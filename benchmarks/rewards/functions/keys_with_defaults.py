def reward_function(params):
    try:
        speed = params.get('speed', 0)
        width = params.get('track_width', 1.0) or 1.0
        off_road = params.get('is_offtrack', False) or params.get('is_crashed', False)
        nothing = params.get('no such key', None)
        params['reward so far'] = 0.0  # people write into it, too
        if off_road:
            raise ValueError("off")
        reward = speed * (1 - params['distance_from_center'] / width)
        assert nothing is None
    except (KeyError, ValueError, ZeroDivisionError):
        reward = 1e-3
    finally:
        del params['reward so far']
    return reward
