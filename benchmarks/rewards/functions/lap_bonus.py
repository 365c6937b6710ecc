class Lap:
    """Remembers the best lap of this car."""
    best = 400
    steps = 0


def reward_function(params):
    Lap.steps = params["steps"]
    reward = 10.0 * params["progress"] / 100.0 / Lap.steps
    if params["progress"] >= 100.0:
        if Lap.steps < Lap.best:
            print("new best lap: %d steps" % Lap.steps)
            Lap.best = Lap.steps
        reward += 200.0 / Lap.steps
    return float(reward)
