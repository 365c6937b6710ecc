def reward_function(params):
    """Reward the car for staying close to the centre line."""
    if params["is_offtrack"]:
        return 1e-3

    # 0.0 in the middle of the road, 1.0 with the nose on its edge.
    distance = params["distance_from_center"] / (params["track_width"] / 2)

    # A soft hill is easier to climb than a staircase: every step towards the
    # middle pays a little more.
    return float(max(1e-3, 1.0 - distance**2))
