"""The car: physics that can be checked in the head, and laws that hold for every drive."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from simulator.car import (
    CLASSIC,
    SPECS,
    SPEED,
    STEERING,
    STEP_S,
    V6,
    YAW,
    YAW_RATE,
    CarSpec,
    X,
    Y,
    advance,
    nose,
    standing_state,
    wheels,
    wrapped_angle,
)

Array = NDArray[np.float64]
SPEC = st.sampled_from([CLASSIC, V6])
SEED = st.integers(0, 2**32 - 1)


def standing(n: int = 1) -> Array:
    return standing_state(np.zeros(n), np.zeros(n), np.zeros(n), CLASSIC)


def held(state: Array, steering_deg: float, speed_mps: float, spec: CarSpec, steps: int) -> Array:
    n = state.shape[1]
    for _ in range(steps):
        state = advance(state, np.full(n, steering_deg), np.full(n, speed_mps), spec)
    return state


def random_drive(seed: int, n: int, spec: CarSpec, steps: int, step_s: float = STEP_S) -> Array:
    """Drive n cars under commands that change every 1/15 s, whatever the step."""
    rng = np.random.default_rng(seed)
    state = standing(n)
    for _ in range(steps):
        steering, speed = rng.uniform(-35.0, 35.0, n), rng.uniform(0.0, 4.5, n)
        state = advance(state, steering, speed, spec, step_s)
    return state


@pytest.mark.parametrize(("spec", "known_s"), [(CLASSIC, 1.23), (V6, 0.43)], ids=["classic", "v6"])
def test_straight_from_0_to_full_speed_takes_the_known_time(spec: CarSpec, known_s: float) -> None:
    state, time_s, step_s = standing(), 0.0, 1.0 / 60.0
    substep, previous = replace(spec, substeps=1), 0.0
    full_speed = np.array([4.0])
    while state[SPEED, 0] < 3.8:
        previous = state[SPEED, 0]
        state = advance(state, np.zeros(1), full_speed, substep, step_s)
        time_s += step_s
    exact = time_s - step_s * (state[SPEED, 0] - 3.8) / (state[SPEED, 0] - previous)
    assert exact == pytest.approx(known_s, rel=0.02)
    assert state[Y, 0] == 0.0
    assert state[YAW, 0] == 0.0


@pytest.mark.parametrize(
    ("spec", "radii_m"),
    [(CLASSIC, (0.45, 1.22, 2.67, 4.7)), (V6, (0.44, 0.62, 1.09, 1.83))],
    ids=["classic", "v6"],
)
def test_full_lock_radius_at_1_2_3_4_mps(spec: CarSpec, radii_m: tuple[float, ...]) -> None:
    for speed, radius in enumerate(radii_m, start=1):
        state = held(standing(), 30.0, float(speed), spec, 300)
        assert state[SPEED, 0] == pytest.approx(speed, rel=1e-3)
        assert state[SPEED, 0] / state[YAW_RATE, 0] == pytest.approx(radius, rel=0.02)


@pytest.mark.parametrize("spec", [CLASSIC, V6], ids=["classic", "v6"])
def test_steering_and_speed_follow_their_lags(spec: CarSpec) -> None:
    seconds = 3 * STEP_S
    state = held(standing(), 20.0, 0.3, spec, 3)
    expected = np.radians(20.0) * (1.0 - np.exp(-seconds / spec.steering_lag_s))
    assert state[STEERING, 0] == pytest.approx(expected, rel=1e-9)
    assert state[SPEED, 0] == pytest.approx(0.3 * (1.0 - np.exp(-seconds / spec.speed_lag_s)), rel=0.05)


def test_commands_are_clipped_to_the_limits_of_the_car() -> None:
    assert np.array_equal(held(standing(), 90.0, 9.0, CLASSIC, 20), held(standing(), 30.0, 4.0, CLASSIC, 20))
    assert np.array_equal(held(standing(), 0.0, -3.0, CLASSIC, 20), held(standing(), 0.0, 0.1, CLASSIC, 20))


@given(seed=SEED, spec=SPEC)
def test_acceleration_stays_within_the_friction_circle_at_every_substep(seed: int, spec: CarSpec) -> None:
    one = replace(spec, substeps=1)
    rng = np.random.default_rng(seed)
    state = standing(16)
    h = STEP_S / 4
    for _ in range(60):
        after = advance(state, rng.uniform(-35.0, 35.0, 16), rng.uniform(0.0, 4.5, 16), one, h)
        along = (after[SPEED] - state[SPEED]) / h
        across = 0.5 * (after[SPEED] + state[SPEED]) * after[YAW_RATE]
        assert np.all(np.abs(across) < spec.grip_mps2)
        # The circle is that of the speed at the substep's beginning; half a substep later it is 1 % off.
        asked = state[SPEED] ** 2 * spec.steering_gain * np.tan(after[STEERING]) / spec.wheelbase_m
        lateral = asked / np.sqrt(1.0 + (asked / spec.grip_mps2) ** 2)
        assert np.all(np.hypot(along, lateral) <= spec.grip_mps2 * (1.0 + 1e-9))
        assert np.all(np.hypot(along, across) <= 1.02 * spec.grip_mps2)
        state = after


@given(seed=SEED, spec=SPEC)
def test_share_of_the_grip_is_a_car_with_that_grip(seed: int, spec: CarSpec) -> None:
    rng = np.random.default_rng(seed)
    share = np.append(rng.uniform(0.5, 1.0, 5), 1.0)
    batch, nominal = standing(6), standing()
    alone = [standing() for _ in share]
    specs = [replace(spec, grip_mps2=spec.grip_mps2 * part) for part in share.tolist()]
    for _ in range(30):
        steering, speed = rng.uniform(-35.0, 35.0, 1), rng.uniform(0.0, 4.5, 1)
        batch = advance(batch, np.repeat(steering, 6), np.repeat(speed, 6), spec, grip_share=share)
        pairs = zip(alone, specs, strict=True)
        alone = [advance(state, steering, speed, weak) for state, weak in pairs]
        nominal = advance(nominal, steering, speed, spec)
    assert np.array_equal(batch[:, -1:], nominal)
    assert batch == pytest.approx(np.concatenate(alone, axis=1), abs=1e-9)


@given(seed=SEED, spec=SPEC)
def test_left_and_right_are_mirror_images_to_the_last_bit(seed: int, spec: CarSpec) -> None:
    rng = np.random.default_rng(seed)
    left, right = standing(8), standing(8)
    for _ in range(30):
        steering, speed = rng.uniform(-35.0, 35.0, 8), rng.uniform(0.0, 4.5, 8)
        left, right = advance(left, steering, speed, spec), advance(right, -steering, speed, spec)
    assert np.array_equal(left[[X, SPEED]], right[[X, SPEED]])
    unwrapped = np.abs(np.abs(left[YAW]) - np.pi) > 1e-9
    assert np.array_equal(left[[Y, STEERING, YAW_RATE]], -right[[Y, STEERING, YAW_RATE]])
    assert left[YAW, unwrapped] == pytest.approx(-right[YAW, unwrapped], abs=1e-12)


@settings(max_examples=20)
@given(seed=SEED, spec=SPEC, n=st.integers(2, 40))
def test_car_in_a_batch_is_the_same_car_alone(seed: int, spec: CarSpec, n: int) -> None:
    rng = np.random.default_rng(seed)
    commands = rng.uniform((-35.0, 0.0), (35.0, 4.5), (20, n, 2))
    batch = standing(n)
    alone = [standing() for _ in range(n)]
    for step in commands:
        batch = advance(batch, step[:, 0], step[:, 1], spec)
        alone = [
            advance(state, step[car : car + 1, 0], step[car : car + 1, 1], spec)
            for car, state in enumerate(alone)
        ]
    assert np.array_equal(batch, np.concatenate(alone, axis=1))


@pytest.mark.parametrize(("substeps", "within_m"), [(1, 0.2), (2, 0.1), (4, 0.05), (8, 0.025)])
@pytest.mark.parametrize("spec", [CLASSIC, V6], ids=["classic", "v6"])
def test_few_substeps_come_close_to_64_after_3_s(spec: CarSpec, substeps: int, within_m: float) -> None:
    coarse = random_drive(3, 200, replace(spec, substeps=substeps), 45)
    fine = random_drive(3, 200, replace(spec, substeps=64), 45)
    errors = np.hypot(coarse[X] - fine[X], coarse[Y] - fine[Y])
    assert np.sqrt(np.mean(errors**2)) < within_m


@pytest.mark.parametrize("spec", [CLASSIC, V6], ids=["classic", "v6"])
@pytest.mark.parametrize("lock_deg", [-30.0, 30.0, -90.0])
def test_standing_at_full_lock_is_finite(spec: CarSpec, lock_deg: float) -> None:
    locked = standing()
    locked[STEERING] = np.radians(np.clip(lock_deg, -30.0, 30.0))
    assert np.all(np.isfinite(held(locked, lock_deg, 0.0, spec, 1)))
    state = held(locked, lock_deg, 0.0, spec, 200)
    assert np.all(np.isfinite(state))
    assert state[SPEED, 0] == pytest.approx(0.1)


def test_three_points_of_a_car_that_faces_north() -> None:
    state = standing_state(np.array([1.0]), np.array([2.0]), np.array([np.pi / 2]), CLASSIC)
    x, y, cos, sin = nose(state, CLASSIC)
    assert (state[X, 0], state[Y, 0]) == pytest.approx((1.0, 2.0 - 0.0817))
    assert (x[0], y[0]) == pytest.approx((1.0, 2.14))
    wheel_x, wheel_y = wheels(state, cos, sin, CLASSIC)
    assert wheel_x[:, 0] == pytest.approx([0.92, 1.08, 0.92, 1.08])
    assert wheel_y[:, 0] == pytest.approx([1.9183, 1.9183, 2.0823, 2.0823])


def test_angles_are_wrapped_to_the_half_open_circle() -> None:
    angles = np.array([0.0, np.pi, -np.pi, 3 * np.pi / 2, 7.0])
    assert wrapped_angle(angles) == pytest.approx([0.0, np.pi, np.pi, -np.pi / 2, 7.0 - 2 * np.pi])


def test_specs_are_found_by_name() -> None:
    assert SPECS == {"classic": CLASSIC, "v6": V6}
