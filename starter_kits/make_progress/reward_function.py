# What the function remembers between two calls. Each car in the training has
# its own copy of this file, so this is the progress of the same car one step
# ago.
previous_progress = 0.0


def reward_function(params):
    """Reward the way that the car made since the last step, and nothing else."""
    global previous_progress

    # The first call of an episode has steps == 2: there is nothing yet to
    # compare with.
    if params["steps"] <= 2:
        previous_progress = params["progress"]
    gained = params["progress"] - previous_progress
    previous_progress = params["progress"]

    if params["is_offtrack"]:
        return -5.0

    # Metres instead of percent, so that the same function suits a short and a
    # long track.
    return float(gained / 100.0 * params["track_length"])
