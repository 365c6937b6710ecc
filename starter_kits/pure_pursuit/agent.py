"""Pure pursuit: cut the bends, know how fast each of them can be taken, and always aim at a point ahead."""

import math

import numpy as np

STEP_M = 0.15  # between the points of the line
MARGIN_M = 0.22  # from the line to the border
GRIP_SHARE = 0.6  # how much of its grip the car may use in a bend
BRAKING_SHARE = 0.5  # ... and to slow down before one
REACH_M, REACH_S = 0.5, 0.15  # aim so far ahead, and so many seconds of the way
HASTE = 3.0  # the wheels turn slowly: ask for more than is missing


class Agent:
    def reset(self, info):
        """Called before the start. `info` says all there is to know about the track and the car."""
        self.car = info["car"]
        self.line = bends_cut(info["track"])
        self.speeds = self.planned_speeds()

    def act(self, observation):
        """Called 15 times a second. Return the steering angle (degrees, left is positive) and the speed."""
        nose = np.array([observation["x"], observation["y"]])
        nearest = int(np.argmin(np.sum((self.line - nose) ** 2, axis=1)))
        return self.steering(observation, nearest), self.speed(observation, nearest)

    def steering(self, observation, nearest):
        heading = math.radians(observation["heading"])
        forward = np.array([math.cos(heading), math.sin(heading)])
        left = np.array([-forward[1], forward[0]])
        rear_axle = np.array([observation["x"], observation["y"]]) - self.car["rear_to_nose_m"] * forward
        reach = REACH_M + REACH_S * observation["speed"]
        target = self.line[(nearest + round(reach / STEP_M)) % len(self.line)] - rear_axle
        curvature = 2.0 * (target @ left) / (target @ target)  # of the circle that leads there
        wanted = math.degrees(math.atan(curvature * self.car["wheelbase_m"] / self.car["steering_gain"]))
        return wanted + HASTE * (wanted - observation["steering_angle"])

    def speed(self, observation, nearest):
        soon = observation["speed"] * self.car["speed_lag_s"]  # the motor is slow, too
        return self.speeds[(nearest + round(soon / STEP_M)) % len(self.speeds)]

    def planned_speeds(self):
        """Return the speed at each point: what the bend there allows, and less where a bend follows."""
        grip = self.car["grip_mps2"]
        into = self.line - np.roll(self.line, 3, axis=0)
        out = np.roll(self.line, -3, axis=0) - self.line
        turn = np.arctan2(into[:, 0] * out[:, 1] - into[:, 1] * out[:, 0], np.sum(into * out, axis=1))
        curvature = np.abs(turn) / (3 * STEP_M)
        speeds = np.sqrt(GRIP_SHARE * grip / np.maximum(curvature, 1e-6))
        speeds = np.minimum(speeds, self.car["max_speed_mps"])
        for _ in range(2):  # twice round: the last bend of a lap is before the first
            for here in reversed(range(len(speeds))):
                after = speeds[(here + 1) % len(speeds)]
                speeds[here] = min(speeds[here], math.sqrt(after**2 + 2 * BRAKING_SHARE * grip * STEP_M))
        return speeds


def bends_cut(track):
    """Return points [n, 2] of the line of an elastic band that is laid around the track."""
    left, right = evenly(track["left_border"], track), evenly(track["right_border"], track)
    across = left - right
    width = np.sum(across**2, axis=1)
    margin = MARGIN_M / np.sqrt(width)
    share = np.full(len(left), 0.5)
    for _ in range(300):
        points = right + share[:, None] * across
        between = 0.5 * (np.roll(points, 1, axis=0) + np.roll(points, -1, axis=0))
        share = np.clip(np.sum((between - right) * across, axis=1) / width, margin, 1.0 - margin)
    return right + share[:, None] * across


def evenly(points, track):
    """Return a border at places that are the same way apart on the centre line."""
    centre = track["waypoints"]
    place = np.append(0.0, np.cumsum(np.hypot(*np.diff(centre, axis=0).T)))
    places = np.linspace(0.0, place[-1], round(place[-1] / STEP_M), endpoint=False)
    return np.column_stack([np.interp(places, place, points[:, 0]), np.interp(places, place, points[:, 1])])
