import math


class Driver:
    """One car's memory: where it was a step ago and how long a good lap takes."""

    def __init__(self):
        self.progress = 0.0
        self.pace_mps = 2.0

    def reward(self, params):
        """Reward the pace, most of all that of a complete lap."""
        if params["steps"] <= 2:
            self.progress = params["progress"]
        gained_m = (params["progress"] - self.progress) / 100.0 * params["track_length"]
        self.progress = params["progress"]

        if params["is_offtrack"]:
            return -10.0

        speed_mps = gained_m * 15.0  # fifteen steps a second
        reward = gained_m + 0.05 * math.tanh(speed_mps - self.pace_mps)

        if params["progress"] >= 100.0:
            seconds = params["steps"] / 15.0
            lap_pace_mps = params["track_length"] / seconds
            # A bonus that grows with the pace of the whole lap.
            reward += lap_pace_mps
            self.pace_mps = max(self.pace_mps, lap_pace_mps)
        return float(reward)


driver = Driver()


def reward_function(params):
    return driver.reward(params)
