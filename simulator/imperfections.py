"""Imperfections for races that ask for robustness: less grip, late commands, noisy senses.

They are drawn per car and episode from the car's seed, like starts: a batch of n cars and n batches of one
live the same lives, and everybody who drives a race (its seed, its first episode) meets the same draw. Only
the driver's senses and the car's response are imperfect: the referee and the params see the true state, and
the `speed` and `steering_angle` of params are what was asked for.

Every draw makes the car slower, never quicker, so that the optimum of the nominal car remains a bound: nobody
is suspected for a lucky draw.

The constants come from logs of the real simulator (`benchmarks/imperfections.py` derives them again,
docs/fidelity.md has the figures): the grip that foretells single drives best, the delay that does, and the
noise floor of their poses and speeds.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace

import numpy as np
from numpy.typing import NDArray

from simulator.car import STEP_S, CarSpec
from simulator.draws import normals, uniforms
from simulator.road import IntArray, Location
from simulator.situation import Situation
from simulator.starts import SeedArray, mixed

FloatArray = NDArray[np.float64]

SPEED_NOISE_MPS = 0.11
YAW_NOISE_RAD = math.radians(0.42)
ALONG_NOISE_M, ACROSS_NOISE_M = 0.005, 0.0026
"""Standard deviations of a reading, from second differences of the logs of `classic` (median absolute
deviation; white noise assumed): along the car's heading, and across it. Logs of `v6` have about 2.5 times as
much."""
YAW_RATE_NOISE_RADPS = math.sqrt(2.0) * YAW_NOISE_RAD / STEP_S
"""Of a driver who takes the difference of two headings; the logs have no other source."""

MOST_GRIP_LOST = 0.5
MOST_LATENCY_STEPS = 5
MOST_NOISE = 10.0
SALT = np.uint64(0x6772697021)
"""Keeps these draws apart from those of starts, colours and lidars, which share the seeds."""


@dataclass(frozen=True, slots=True)
class Imperfections:
    """How imperfect cars may be; the defaults are calibrated on logs."""

    grip: float = 0.2
    """The largest share of the grip that is lost: an episode has a share drawn from [1 - grip, 1]. Of the
    single drives in logs that show the grip at all, nine in ten are foretold best by 0.81 to 1.01 of the
    nominal."""
    latency_steps: int = 1
    """Commands act 0 to this many whole steps late. Nine in ten logged drives are foretold best without
    delay, most others with one step."""
    noise: float = 1.0
    """Noise of the senses in multiples of that in the logs (`SPEED_NOISE_MPS` and its like)."""

    def __post_init__(self) -> None:
        """Refuse what no car could be driven with, and what is no number."""
        limits = {"grip": MOST_GRIP_LOST, "latency_steps": MOST_LATENCY_STEPS, "noise": MOST_NOISE}
        for name, most in limits.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value <= most:
                raise ValueError(f"expected imperfections with {name} from 0 to {most}, got {value!r}")
        if not isinstance(self.latency_steps, int):
            raise ValueError(f"expected latency_steps as a whole number, got {self.latency_steps!r}")
        # Equal imperfections are to have equal texts.
        object.__setattr__(self, "grip", float(self.grip))
        object.__setattr__(self, "noise", float(self.noise))

    def worst(self, spec: CarSpec) -> CarSpec:
        """Return the car with the least grip that can be drawn."""
        if not self.grip:
            return spec
        # Another name: plans and optima are kept by it.
        return replace(spec, name=f"{spec.name}-worst", grip_mps2=spec.grip_mps2 * (1.0 - self.grip))

    def as_json(self) -> dict[str, object]:
        """Return everything by name, for seeds and versions."""
        return asdict(self)


CALIBRATED = Imperfections()


class Conditions:
    """What n cars drive with in their present episodes."""

    def __init__(self, imperfections: Imperfections, seeds: SeedArray) -> None:
        """Take one seed per car [n]; cars with the same seed meet the same conditions."""
        self.imperfections = imperfections
        n = len(seeds)
        self._keys = _salted(seeds)
        self._episode: SeedArray = np.zeros(n, dtype=np.uint64)
        self.grip_share: FloatArray = np.ones(n)
        self.latency_steps: IntArray = np.zeros(n, dtype=np.int64)
        self._all = np.arange(n)
        # Newest first. Before its first command arrives a car is told to stand, straight ahead.
        self._commands = np.zeros((imperfections.latency_steps + 1, n, 2))

    def begin(self, cars: IntArray) -> None:
        """Draw the conditions of the next episode of some cars [m]."""
        drawn = uniforms(self._keys[cars] ^ mixed(self._episode[cars]), 2)
        self.grip_share[cars] = 1.0 - self.imperfections.grip * drawn[:, 0]
        self.latency_steps[cars] = (drawn[:, 1] * (self.imperfections.latency_steps + 1)).astype(np.int64)
        self._commands[:, cars] = 0.0
        self._episode[cars] += np.uint64(1)

    def acting(self, commands: FloatArray) -> FloatArray:
        """Take the commands [n, 2] given now; return those that act now."""
        self._commands = np.roll(self._commands, 1, axis=0)
        self._commands[0] = commands
        return np.asarray(self._commands[self.latency_steps, self._all])


def blurred(now: Situation, imperfections: Imperfections, seeds: SeedArray, reading: SeedArray) -> Situation:
    """Return situations [n] as the senses of cars with these seeds [n] read them.

    The car believes to be a little elsewhere, heading otherwise and at another speed; the steering, which no
    log shows, is exact. The noise depends on the seed and the number of the reading only.
    """
    if not imperfections.noise:
        return now
    with np.errstate(over="ignore"):
        keys = _salted(seeds) + reading
    speed, yaw, along, across, rate = imperfections.noise * normals(keys, 5).T
    along, across = ALONG_NOISE_M * along, ACROSS_NOISE_M * across
    yaw_rad = now.yaw_rad + YAW_NOISE_RAD * yaw
    place = now.location
    return replace(
        now,
        nose_x=now.nose_x + along * now.cos - across * now.sin,
        nose_y=now.nose_y + along * now.sin + across * now.cos,
        yaw_rad=yaw_rad,
        cos=np.cos(yaw_rad),
        sin=np.sin(yaw_rad),
        location=Location(place.segment, place.s_m, place.offset_m + across, place.distance_m),
        speed_mps=now.speed_mps + SPEED_NOISE_MPS * speed,
        yaw_rate_radps=now.yaw_rate_radps + YAW_RATE_NOISE_RADPS * rate,
    )


def _salted(seeds: SeedArray) -> SeedArray:
    return mixed(seeds ^ SALT)
