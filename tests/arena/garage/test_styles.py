"""Reward functions as people write them in public run unchanged, here on a real drive of many cars."""

from __future__ import annotations

import numpy as np
import pytest

from arena.garage import lock, protection
from arena.garage.lock import Profile
from arena.garage.protection import Protection
from arena.garage.sandbox import RewardSandbox, check
from simulator.env import TrackVectorEnv
from simulator.track import Track

STYLES = {
    "AWS' centre line": '''
def reward_function(params):
    """Example of rewarding the agent to follow center line"""
    track_width = params['track_width']
    distance_from_center = params['distance_from_center']
    marker_1 = 0.1 * track_width
    marker_2 = 0.25 * track_width
    marker_3 = 0.5 * track_width
    if distance_from_center <= marker_1:
        reward = 1
    elif distance_from_center <= marker_2:
        reward = 0.5
    elif distance_from_center <= marker_3:
        reward = 0.1
    else:
        reward = 1e-3  # likely crashed/ close to off track
    return float(reward)
''',
    "tabs, CRLF and an int": (
        "def reward_function(params):\r\n\tif params['all_wheels_on_track'] and params['steps'] > 0:\r\n"
        "\t\treward = int((params['progress'] / params['steps']) * 100) + params['speed'] ** 2\r\n"
        "\telse:\r\n\t\treward = 0\r\n\treturn int(reward)\r\n"
    ),
    "heading to the next waypoint": """
import math
def reward_function(params):
    waypoints = params['waypoints']
    closest_waypoints = params['closest_waypoints']
    next_point = waypoints[closest_waypoints[1]]
    prev_point = waypoints[closest_waypoints[0]]
    track_direction = math.degrees(math.atan2(next_point[1] - prev_point[1], next_point[0] - prev_point[0]))
    direction_diff = abs(track_direction - params['heading'])
    if direction_diff > 180:
        direction_diff = 360 - direction_diff
    reward = 1.0
    if direction_diff > 10.0:
        reward *= 0.5
    if abs(params['steering_angle']) > 15:
        reward *= 0.8
    return float(reward)
""",
    "a class with an instance in the module": """
class Reward:
    def __init__(self, verbose=False):
        self.first_racingpoint_index = None
        self.verbose = verbose

    def reward_function(self, params):
        def dist_2_points(x1, x2, y1, y2):
            return abs(abs(x1 - x2) ** 2 + abs(y1 - y2) ** 2) ** 0.5
        if self.first_racingpoint_index is None or params['steps'] == 2:
            self.first_racingpoint_index = params['closest_waypoints'][0]
            self.start = (params['x'], params['y'])
        driven = dist_2_points(self.start[0], params['x'], self.start[1], params['y'])
        if self.verbose == True:
            print("driven", driven)
        return float(max(1e-3, driven))

reward_object = Reward(verbose=True)

def reward_function(params):
    return reward_object.reward_function(params)
""",
    "attributes of a class as memory": """
class PARAMS:
    prev_speed = None
    prev_steering_angle = None
    intermediate_progress = [0] * 11

def reward_function(params):
    if params['steps'] == 2:
        PARAMS.prev_speed = None
        PARAMS.intermediate_progress = [0] * 11
    bonus = 0
    if PARAMS.prev_speed is not None and PARAMS.prev_speed > params['speed']:
        bonus = -1
    PARAMS.prev_speed = params['speed']
    pi = int(params['progress'] // 10)
    if pi != 0 and PARAMS.intermediate_progress[pi] == 0:
        PARAMS.intermediate_progress[pi] = 14 * (params['progress'] / params['steps']) ** 14
    return max(1e-3, bonus + PARAMS.intermediate_progress[pi])
""",
    "numpy and a racing line": """
import numpy as np
angles = np.linspace(0, 6.28, 120)
racing_track = np.array([[3.0 * np.cos(a), 2.0 * np.sin(a), 2.5, 0.07 * a] for a in angles])

def closest(x, y):
    d = np.linalg.norm(racing_track[:, :2] - np.array([x, y]), axis=1)
    order = np.argsort(d)
    return order[0], d[order[0]]

def reward_function(params):
    index, distance = closest(params['x'], params['y'])
    reward = np.exp(-distance ** 2) + 1 / (1 + abs(racing_track[index, 2] - params['speed']))
    return reward
""",
    "numpy scalars": """
import numpy as np
def reward_function(params):
    return np.float32(np.clip(params["progress"] / np.maximum(params["steps"], 1), 1e-3, 10))
""",
    "globals that begin at the second step": """
def reward_function(params):
    global last_progress, last_time
    if params["steps"] == 2:
        last_progress, last_time = params["progress"], params["sim_time"]
    gain = params["progress"] - last_progress
    last_progress, last_time = params["progress"], params["sim_time"]
    return gain if not params["is_offtrack"] else -1.0
""",
    "imports inside the function": """
def reward_function(params):
    import math
    import random
    from bisect import bisect_left
    import time
    start = time.time()
    values = sorted([params['x'], params['y'], params['speed']])
    return math.exp(-params['distance_from_center']) + bisect_left(values, 0.0) + random.random() / 1000
""",
    "annotations, a dataclass and future": """
from __future__ import annotations
from dataclasses import dataclass, field
from typing import Dict, Optional

@dataclass
class State:
    previous: Optional[float] = None
    history: list[float] = field(default_factory=list)

STATE = State()

def reward_function(params: Dict) -> float:
    STATE.history.append(params["speed"])
    match STATE.previous:
        case None:
            reward = 0.0
        case value:
            reward = params["progress"] - value
    STATE.previous = params["progress"]
    return reward + sum(STATE.history[-3:]) / 3
""",
    "shapely": """
from shapely.geometry import Point, LineString
def reward_function(params):
    line = LineString(params['waypoints'])
    return max(1e-3, 1.0 - line.distance(Point(params['x'], params['y'])) / params['track_width'])
""",
    "a log handler for a file, before anything else": """
import logging
logger = logging.getLogger("reward file")
logger.setLevel(logging.DEBUG)
handler = logging.FileHandler("/opt/simapp/logs/reward.log", mode="a", encoding="utf-8")
handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
logger.addHandler(handler)

def reward_function(params):
    logger.info("progress %s", params["progress"])
    return float(params["progress"] / max(1, params["steps"]))
""",
    "a table of its own in a csv file": """
import csv
import os
LOG = os.path.join(os.getcwd(), "laps.csv")
with open(LOG, "w", newline="") as file:
    csv.writer(file).writerow(["steps", "speed"])

def reward_function(params):
    with open(LOG, "a", newline="") as file:
        csv.writer(file).writerow([params["steps"], params["speed"]])
    with open(LOG) as file:
        rows = list(csv.DictReader(file))
    return float(rows[-1]["speed"])
""",
    "a log in a file, json and prints": """
import json, logging, os
logging.basicConfig(level=logging.INFO)
log = logging.getLogger("reward")
def reward_function(params):
    print(json.dumps({"steps": params["steps"], "progress": params["progress"]}))
    log.info("speed %s", params["speed"])
    with open("reward.log", "a") as file:
        file.write("x")
    return 1.0
if __name__ == "__main__":
    raise SystemExit("tried out")
""",
}


@pytest.mark.parametrize("source", STYLES.values(), ids=STYLES.keys())
def test_public_styles_run_unchanged(source: str, oval: Track) -> None:
    assert check(source, oval).message.startswith("The function answers")
    with RewardSandbox(source, oval, 16) as reward:
        env = TrackVectorEnv(oval, 16, reward=reward)
        env.reset(seed=1)
        actions = np.tile([0.2, -0.5], (16, 1))
        for _ in range(60):
            _, rewards, *_ = env.step(actions)
    assert np.isfinite(rewards).all()


@pytest.mark.skipif(lock.best_profile() is None, reason=lock.refusal())
@pytest.mark.parametrize("source", STYLES.values(), ids=STYLES.keys())
def test_they_run_where_no_file_can_be_opened_too(source: str, oval: Track) -> None:
    protection.use(Protection(Profile.STRICT))
    try:
        assert check(source, oval).message.startswith("The function answers")
    finally:
        protection.use(None)
