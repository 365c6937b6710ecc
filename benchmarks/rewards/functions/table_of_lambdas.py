RULES = {
    "on the road": (1.0, lambda p: not p["is_offtrack"]),
    "quick": (2.0, lambda p: p["speed"] > 2.5),
    "straight": (0.5, lambda p: abs(p["steering_angle"]) < 10),
    "central": (0.5, lambda p: p["distance_from_center"] < 0.3 * p["track_width"]),
}

reward_function = lambda params: sum(weight for weight, rule in RULES.values() if rule(params)) + 1e-3
