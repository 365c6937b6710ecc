started = None
EXPECTED_S = 9.0


def reward_function(params):
    global started
    if params["steps"] <= 2 or started is None:
        started = params["sim_time"]
    elapsed = params["sim_time"] - started + 1.0 / 15.0
    expected = 100.0 * elapsed / EXPECTED_S
    ahead = params["progress"] - expected
    if params["is_offtrack"]:
        return -10
    return params["speed"] / 4.0 + max(-1.0, min(1.0, ahead / 20.0))
