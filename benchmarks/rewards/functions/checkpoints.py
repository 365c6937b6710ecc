passed = set()


def reward_function(params):
    """Pay at every tenth of the lap, the more the quicker."""
    if params["steps"] <= 2:
        passed.clear()
    reward = 1e-3
    tenth = int(params["progress"] // 10)
    if tenth not in passed:
        passed.add(tenth)
        reward += 100.0 * tenth / params["steps"]
    if params["progress"] == 100:
        reward += 50.0
    return reward if params["all_wheels_on_track"] else 1e-3
