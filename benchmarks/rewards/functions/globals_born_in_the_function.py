def reward_function(params):
    global last_progress, last_time
    if params["steps"] == 2:
        last_progress, last_time = params["progress"], params["sim_time"]
    gain = params["progress"] - last_progress
    seconds = max(params["sim_time"] - last_time, 1 / 15)
    last_progress, last_time = params["progress"], params["sim_time"]
    return gain / seconds if not params["is_offtrack"] else -1.0
