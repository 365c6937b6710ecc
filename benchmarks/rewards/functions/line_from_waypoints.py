"""A racing line that is found once, from the waypoints, and kept in a global."""
import numpy as np

LINE = None


def tight(waypoints, limit):
    centre = np.array(waypoints[:-1])
    line = centre.copy()
    for _ in range(200):
        line = (np.roll(line, 3, axis=0) + np.roll(line, -3, axis=0)) / 2
        off = line - centre
        far = np.linalg.norm(off, axis=1, keepdims=True)
        line = centre + off * np.minimum(1.0, limit / np.maximum(far, 1e-9))
    return line


def reward_function(params):
    global LINE
    if LINE is None:
        LINE = tight(params["waypoints"], 0.35 * params["track_width"])
    distance = np.hypot(LINE[:, 0] - params["x"], LINE[:, 1] - params["y"]).min()
    if not params["all_wheels_on_track"]:
        return 1e-3
    return float(1e-3 + max(0.0, 1.0 - distance / 0.5) + (params["speed"] / 4.0) ** 2)
