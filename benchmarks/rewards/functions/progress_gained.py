previous = 0.0


def reward_function(params):
    global previous
    if params["steps"] <= 2:
        previous = params["progress"]
    gained = params["progress"] - previous
    previous = params["progress"]
    return -5.0 if params["is_offtrack"] else gained
