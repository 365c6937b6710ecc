episode = 0


def reward_function(params):
    global episode
    if params["steps"] <= 2:
        episode += 1
    reward = params["speed"] * (1.0 if params["all_wheels_on_track"] else 0.1)
    print(f"episode {episode} step {params['steps']:.0f} at ({params['x']:.2f}, {params['y']:.2f}): {reward:.3f}")
    return reward
