"""The lidar: distances to boxes by hand, DeepRacer's three forms of it, and its noise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.sensors import lidar
from simulator.sensors.boxes import Boxes
from simulator.sensors.view import Pose
from tests.simulator.sensors.views import pose

CAR = pose((0.0, 0.0, 0.0))


def along(degrees: float) -> int:
    """Return the beam that is nearest to a direction in the car's frame."""
    turn = np.angle(np.exp(1j * (lidar.BEAM_RAD - math.radians(degrees))))
    return int(np.abs(turn).argmin())


def test_fan_covers_all_but_sixty_degrees_in_front() -> None:
    degrees = np.degrees(lidar.BEAM_RAD)
    assert len(degrees) == 64
    assert (degrees[0], degrees[-1]) == pytest.approx((30.0, 330.0), abs=0.01)
    assert np.diff(degrees) == pytest.approx(300.0 / 63.0, abs=0.01)


def test_empty_circuit_reads_nothing() -> None:
    nothing = lidar.distances(CAR)
    assert (nothing == lidar.MAX_M).all()
    assert np.array_equal(lidar.distances(CAR, Boxes.at(np.zeros((0, 2)))), nothing)
    assert (lidar.raw(nothing) == lidar.RAW_CLIP_M).all()
    assert not lidar.sectors(nothing).any()
    assert not lidar.discretised_sectors(nothing).any()


def test_box_beside_is_as_far_as_its_face() -> None:
    # A box 0.4 m wide with its middle 1 m to the left of the lidar: its face is at 0.8 m.
    seen = lidar.distances(CAR, Boxes.at([[lidar.FORWARD_M, 1.0]]))[0]
    for beam in (along(88.0), along(92.0)):
        direction = lidar.BEAM_RAD[beam]
        assert seen[beam] == pytest.approx(0.8 / math.sin(direction))
    assert seen[along(-90.0)] == lidar.MAX_M
    hits = np.degrees(lidar.BEAM_RAD[seen < lidar.MAX_M])
    edge = math.degrees(math.atan2(0.25, 0.8))
    assert hits.min() == pytest.approx(90.0 - edge, abs=5.0)
    assert hits.max() == pytest.approx(90.0 + edge, abs=5.0)


def test_box_behind_is_seen_and_box_straight_ahead_is_the_cameras_business() -> None:
    seen = lidar.distances(CAR, Boxes.at([[lidar.FORWARD_M - 2.25, 0.0]]))[0]
    assert seen[along(178.0)] == pytest.approx(2.0, abs=0.01)
    assert (lidar.distances(CAR, Boxes.at([[2.0, 0.0]])) == lidar.MAX_M).all()


def test_turned_box_and_turned_car_see_each_other_alike() -> None:
    straight = lidar.distances(CAR, Boxes.at([[-1.0, 0.6]], 0.4))
    spun = pose((3.0, -2.0, 1.1))
    place = np.array([3.0, -2.0]) + np.array(
        [[math.cos(1.1), -math.sin(1.1)], [math.sin(1.1), math.cos(1.1)]]
    ) @ np.array([-1.0, 0.6])
    assert lidar.distances(spun, Boxes.at([place], 1.5)) == pytest.approx(straight, abs=1e-9)
    assert (straight < lidar.MAX_M).any()


def test_nearest_of_several_boxes_counts_and_nan_is_none() -> None:
    boxes = Boxes.at([[lidar.FORWARD_M, -3.0], [lidar.FORWARD_M, -1.0], [np.nan, np.nan]])
    seen = lidar.distances(CAR, boxes)[0]
    assert seen[along(-90.0)] == pytest.approx(0.8, abs=0.01)


def test_too_near_reads_the_least_range_and_too_far_nothing() -> None:
    touching = lidar.distances(CAR, Boxes.at([[lidar.FORWARD_M, 0.25]]))[0]
    assert touching.min() == lidar.MIN_M
    assert (lidar.distances(CAR, Boxes.at([[0.0, 13.0]])) == lidar.MAX_M).all()


def distance_by_steps(place: Pose, boxes: Boxes, beam: int) -> float:
    """Return the distance by walking along a beam in steps of 1 mm."""
    heading = math.atan2(place.sin[0], place.cos[0]) + lidar.BEAM_RAD[beam]
    eye = [axis[0] for axis in place.ahead(lidar.FORWARD_M)]
    steps = np.arange(0.0, lidar.MAX_M, 1e-3)
    inside = np.zeros(len(steps), dtype=np.bool_)
    for x, y, turn, length, width, _, _ in boxes.of(0):
        away_x = eye[0] + steps * math.cos(heading) - x
        away_y = eye[1] + steps * math.sin(heading) - y
        along_x = away_x * math.cos(turn) + away_y * math.sin(turn)
        along_y = away_y * math.cos(turn) - away_x * math.sin(turn)
        inside |= (np.abs(along_x) <= 0.5 * length) & (np.abs(along_y) <= 0.5 * width)
    return float(steps[inside.argmax()]) if inside.any() else lidar.MAX_M


@settings(max_examples=8)
@given(seed=st.integers(0, 10_000))
def test_distances_equal_a_slow_walk_along_the_beams(seed: int) -> None:
    rng = np.random.default_rng(seed)
    boxes = Boxes.at(rng.uniform(-4.0, 4.0, (4, 2)), rng.uniform(-3.0, 3.0, 4))
    car = pose((float(rng.uniform(-1, 1)), float(rng.uniform(-1, 1)), float(rng.uniform(-3, 3))))
    seen = lidar.distances(car, boxes)[0]
    walked = [max(distance_by_steps(car, boxes, beam), lidar.MIN_M) for beam in range(0, 64, 7)]
    grazing = np.abs(seen[::7] - walked) > 2e-3
    assert grazing.sum() <= 1


@settings(max_examples=10)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 9))
def test_batch_of_n_is_n_scans_of_one_bit_for_bit(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    cars = pose(*rng.uniform(-2.0, 2.0, (n, 3)).tolist())
    boxes = Boxes.at(rng.uniform(-4.0, 4.0, (n, 5, 2)))
    seeds, reading = np.arange(n, dtype=np.uint64), np.full(n, seed, dtype=np.uint64)
    together = lidar.distances(cars, boxes) + lidar.noise(seeds, reading)
    for car in range(n):
        one = slice(car, car + 1)
        alone = Pose(cars.x[one], cars.y[one], cars.cos[one], cars.sin[one])
        single = lidar.distances(alone, Boxes(boxes.rows[one])) + lidar.noise(seeds[one], reading[one])
        assert single.tobytes() == together[car].tobytes()


def test_noise_is_normal_with_a_centimetre_and_differs_by_car_and_reading() -> None:
    seeds = np.arange(200, dtype=np.uint64)
    first, second = (lidar.noise(seeds, np.full(200, reading, dtype=np.uint64)) for reading in (0, 1))
    both = np.concatenate([first, second])
    assert both.std() == pytest.approx(0.01, rel=0.02)
    assert abs(both.mean()) < 2e-4
    assert np.mean(np.abs(both) < 0.01) == pytest.approx(0.683, abs=0.01)
    assert len(np.unique(both)) == both.size
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.03


def test_sectors_say_where_something_is_near() -> None:
    distance = np.full((2, 64), 12.0)
    distance[0, 17] = 0.49
    distance[1, 63] = 0.5
    assert lidar.sectors(distance).tolist() == [[0, 0, 1, 0, 0, 0, 0, 0], [0] * 8]


def test_discretised_sectors_say_how_far() -> None:
    distance = np.full((1, 64), 12.0)
    distance[0, 0], distance[0, 9], distance[0, 16] = 0.2, 1.99, 2.0
    distance[0, 24:32] = [1.8, 0.6, 3.0, 12.0, 12.0, 0.5, 0.9, 1.0]
    seen = lidar.discretised_sectors(distance).reshape(8, 8)
    assert [row.nonzero()[0].tolist() for row in seen] == [[0], [7], [], [2], [], [], [], []]


def test_raw_is_clipped_as_on_the_real_car() -> None:
    seen = lidar.raw(np.array([[0.01, 0.4, 7.0]]))
    assert seen.dtype == np.float32
    assert seen.tolist() == [[pytest.approx(0.15), pytest.approx(0.4), 1.0]]
