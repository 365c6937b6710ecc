def reward_function(params):
	# written on Windows, with tabs, and returns an int
	if params["all_wheels_on_track"] and params["steps"] > 0:
		reward = int(params["progress"] / params["steps"] * 100) + int(params["speed"] ** 2)
	else:
		reward = 0
	return reward
