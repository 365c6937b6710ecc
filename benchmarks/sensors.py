"""Frames per second of cameras and lidars on one core, beside gymnasium's CarRacing-v3 in the same run.

`python -m benchmarks.sensors [--json]`. Medians of CPU time over several rounds, taken in turn, so that a
neighbour on the machine disturbs all alike. CarRacing needs the extra `bench` (box2d, pygame); without it
its line is left out. Pixels are counted once each, whatever their colours: CarRacing's frames have 96 x 96.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

# One core: set before NumPy is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")

import gymnasium
import numpy as np

from simulator import tracks
from simulator.sensors import border, lidar
from simulator.sensors.boxes import Boxes
from simulator.sensors.camera import Camera
from simulator.sensors.ground import ground_of
from simulator.sensors.suite import Senses, Sensor
from simulator.sensors.view import CameraSpec, Pose
from simulator.vector import TrackVectorEnv

CARS = 64
ROUNDS = 7
TRACK = "grand_tour"
"""The circuit with the largest picture of the ground: the hardest one for the cache."""
OBSTACLES = 6
CAR_RACING = "CarRacing-v3"
CAR_RACING_PIXELS = 96 * 96


@dataclass(frozen=True, slots=True)
class Subject:
    """Something that makes `frames` frames of `pixels` pixels (or beams) per call."""

    name: str
    call: Callable[[], object]
    frames: int
    pixels: int
    required: int | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """One row of the table; `required` are the frames per second that the project promises."""

    name: str
    frames_per_s: int
    pixels_per_s: int
    required: int | None
    times_car_racing: float | None = None


def poses() -> Pose:
    """Return cars all over the circuit, near the centre line."""
    track, rng = tracks.load(TRACK), np.random.default_rng(0)
    s = rng.uniform(0.0, track.length_m, CARS)
    base = track.at(s, rng.uniform(-0.3, 0.3, CARS))
    heading = track.heading_at(s) + rng.normal(0.0, 0.3, CARS)
    return Pose(base[:, 0], base[:, 1], np.cos(heading), np.sin(heading))


def camera(width: int, height: int, required: int | None, boxes: Boxes | None = None) -> Subject:
    """Return a camera that takes a picture for each car per call."""
    eye, cars = Camera(CameraSpec(width, height), ground_of(tracks.load(TRACK))), poses()
    name = f"camera {width} x {height}" + (f", {OBSTACLES} boxes" if boxes else "")
    return Subject(name, lambda: eye.render(cars, boxes), CARS, width * height, required)


def obstacles() -> Boxes:
    """Return boxes around the circuit."""
    track = tracks.load(TRACK)
    s = (np.arange(OBSTACLES) + 0.5) * (track.length_m / OBSTACLES)
    return Boxes.at(track.at(s, np.full(OBSTACLES, 0.2)), track.heading_at(s))


def scanner(boxes: Boxes) -> Subject:
    """Return a lidar with its noise, among boxes."""
    cars, seeds = poses(), np.arange(CARS, dtype=np.uint64)
    return Subject(
        f"lidar of {lidar.BEAMS} beams, {OBSTACLES} boxes",
        lambda: lidar.raw(lidar.distances(cars, boxes) + lidar.noise(seeds, seeds)),
        CARS,
        lidar.BEAMS,
        40_000,
    )


def border_scanner() -> Subject:
    """Return the lidar that sees the road's border."""
    cars, field = poses(), border.border_of(tracks.load(TRACK))
    name = f"border lidar of {border.BEAMS} beams"
    return Subject(name, lambda: field.distances(cars), CARS, border.BEAMS, 40_000)


def environment(senses: Senses, name: str) -> Subject:
    """Return whole environment steps that end in a picture, cars acting at random."""
    env = TrackVectorEnv(TRACK, CARS, sensors=senses)
    env.reset(seed=0)
    actions = np.random.default_rng(0).uniform(-1.0, 1.0, (CARS, 2))
    return Subject(name, lambda: env.step(actions), CARS, senses.image_width * senses.image_height)


def car_racing() -> Subject | None:
    """Return gymnasium's pixel environment, or nothing where Box2D is not installed."""
    try:
        env = gymnasium.make(CAR_RACING).unwrapped
    except gymnasium.error.DependencyNotInstalled:
        return None
    env.reset(seed=0)
    # Straight on at walking pace: no time is spent on resets.
    action = np.array([0.0, 0.1, 0.0], dtype=np.float32)
    return Subject(f"gymnasium {CAR_RACING}", lambda: env.step(action), 1, CAR_RACING_PIXELS)


def measure(subjects: list[Subject], round_s: float = 0.25) -> list[Result]:
    """Give each subject a quarter of a second of CPU per round, in turn; return medians."""
    rates: list[list[float]] = [[] for _ in subjects]
    for subject in subjects:
        subject.call()
    for _ in range(ROUNDS):
        for subject, found in zip(subjects, rates, strict=True):
            begin, calls = time.process_time(), 0
            while (spent := time.process_time() - begin) < round_s:
                subject.call()
                calls += 1
            found.append(calls * subject.frames / spent)
    medians = [statistics.median(found) for found in rates]
    peer = next((rate for s, rate in zip(subjects, medians, strict=True) if CAR_RACING in s.name), None)
    return [
        Result(
            subject.name,
            round(rate),
            round(rate * subject.pixels),
            subject.required,
            round(rate * subject.pixels / (peer * CAR_RACING_PIXELS), 1)
            if peer and "lidar" not in subject.name
            else None,
        )
        for subject, rate in zip(subjects, medians, strict=True)
    ]


def subjects() -> list[Subject]:
    """Return what the project makes promises about, and some more beside."""
    front = (Sensor.FRONT_FACING_CAMERA,)
    ours = [
        camera(160, 120, 20_000),
        camera(80, 60, 40_000),
        camera(160, 120, None, obstacles()),
        scanner(obstacles()),
        border_scanner(),
        environment(Senses(front), "environment step, camera 160 x 120"),
        environment(Senses(front, 80, 60), "environment step, camera 80 x 60"),
        environment(Senses(front, random_colours=True), "the same with 160 x 120, random colours"),
    ]
    peer = car_racing()
    return [*ours, peer] if peer else ours


def main() -> None:
    """Print the table, or JSON for a program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    wants_json = parser.parse_args().json
    rows = measure(subjects())
    if wants_json:
        machine = {"machine": platform.processor() or platform.machine(), "numpy": np.__version__}
        print(json.dumps({**machine, "cars": CARS, "results": [asdict(row) for row in rows]}, indent=2))
        return
    print(f"{f'sensors, {CARS} cars':<42}{'frames/s':>10}{'required':>10}{'Mpixel/s':>10}{'x CarRacing':>13}")
    for row in rows:
        required = f"{row.required:,}" if row.required else "-"
        times = f"{row.times_car_racing:,.0f}" if row.times_car_racing else "-"
        print(
            f"{row.name:<42}{row.frames_per_s:>10,}{required:>10}{row.pixels_per_s / 1e6:>10.1f}{times:>13}"
        )
    if not any(CAR_RACING in row.name for row in rows):
        print(f"{CAR_RACING} was not measured: pip install '.[bench]' brings what it needs.")


if __name__ == "__main__":
    main()
