from arena_tools import Gained, RacingLine, bend_ahead, heading_error

gained = Gained("progress")
line = None


def reward_function(params):
    global line
    if line is None:
        line = RacingLine(params["waypoints"])
    here = line.at(params)
    wanted = 4.0 - min(2.5, abs(bend_ahead(params, 1.5)) / 30)
    reward = gained(params) + 0.05 / (1 + abs(wanted - params["speed"]))
    reward -= 0.001 * abs(heading_error(params)) + 0.01 * abs(here.offset_m)
    return reward if not params["is_offtrack"] else -3.0
