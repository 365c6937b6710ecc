"""Cameras: geometry that can be checked by hand, an exact slow reference, and independence of the batch."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator import tracks
from simulator.road import road_of
from simulator.sensors.boxes import Boxes
from simulator.sensors.camera import Camera
from simulator.sensors.drawing import END_LIGHT, SIDE_LIGHT, TOP_LIGHT
from simulator.sensors.ground import DASH, FIELD, LINE, ROAD, SKY, Ground, ground_of
from simulator.sensors.view import CameraSpec, Pose, stereo_specs
from simulator.track import Track
from tests.simulator.sensors.views import painted, pose, random_poses

FOCAL = 80.0 / math.tan(0.565)
"""126 pixels."""
AHEAD = pose((-1.0, -1.5, 0.0))
"""On the oval's lower straight, looking along it; the camera stands at x = -0.855."""
CAMERA_X = -0.855


def row_of(distance_m: float, up_m: float = 0.0) -> float:
    """Return the image row of a point straight ahead of the camera, by the angle below the horizon."""
    return 60.0 + FOCAL * math.tan(math.atan2(0.130 - up_m, distance_m) - 0.2618)


def test_camera_is_the_real_cars() -> None:
    spec = CameraSpec()
    assert (spec.width, spec.height) == (160, 120)
    assert math.degrees(spec.field_of_view_rad) == pytest.approx(64.7, abs=0.1)
    assert math.degrees(spec.pitch_rad) == pytest.approx(15.0, abs=0.01)
    assert spec.focal_pixels == pytest.approx(FOCAL)


def test_horizon_is_where_the_pitch_puts_it(ground: Ground) -> None:
    camera = Camera(CameraSpec(), ground)
    assert row_of(1e9) == pytest.approx(26.2, abs=0.05)
    frame = camera.render(AHEAD)[0]
    assert (frame[:26] == SKY).all()
    assert (frame[26] == FIELD).all()
    assert not (frame[27:] == SKY).any()


@pytest.mark.parametrize("distance_m", [0.2, 0.25, 0.4, 0.6, 1.0, 1.5])
def test_point_on_the_ground_lands_on_its_row(ground: Ground, distance_m: float) -> None:
    x = CAMERA_X + distance_m
    half = 0.5 * distance_m**2 / (FOCAL * 0.130)
    striped = painted(ground, (x - half, -1.9), (x + half, -1.1), 0)
    frame = Camera(CameraSpec(), striped).render(AHEAD)[0]
    black = (frame[:, 80] == 0).nonzero()[0]
    one_texel = row_of(distance_m - 0.01) - row_of(distance_m)
    assert black.mean() + 0.5 == pytest.approx(row_of(distance_m), abs=max(1.0, one_texel))


def test_point_to_the_left_lands_on_its_column(ground: Ground) -> None:
    # At 0.5 m, 0.2 m to the left: the depth along the optical axis is 0.5 cos 15 + 0.13 sin 15.
    striped = painted(ground, (CAMERA_X + 0.47, -1.304), (CAMERA_X + 0.53, -1.296), 0)
    frame = Camera(CameraSpec(), striped).render(AHEAD)[0]
    columns = (frame[int(row_of(0.5))] == 0).nonzero()[0]
    depth = 0.5 * math.cos(0.2618) + 0.13 * math.sin(0.2618)
    assert columns.mean() + 0.5 == pytest.approx(80.0 - FOCAL * 0.2 / depth, abs=1.5)


def test_camera_in_the_middle_of_a_straight_sees_a_mirror_image(ground: Ground) -> None:
    frame = Camera(CameraSpec(), ground).render(AHEAD)[0][45:].astype(float)
    assert np.abs(frame - frame[:, ::-1]).mean() < 1.0


def test_mirrored_track_gives_the_mirrored_picture() -> None:
    track = tracks.load("harbour")
    mirror = Track.from_rows(track.rows() * [1, -1, 1, -1, 1, -1], "mirror")
    there = random_poses(track, 12, seed=3)
    back = Pose(there.x, -there.y, there.cos, -there.sin)
    frames = Camera(CameraSpec(), ground_of(track)).render(there).astype(float)
    mirrored = Camera(CameraSpec(), ground_of(mirror)).render(back).astype(float)
    assert np.abs(frames - mirrored[:, :, ::-1]).mean() < 1.5


def reference_grey(camera: Camera, place: tuple[float, float, float], row: int, column: int) -> set[int]:
    """Return the grey of a pixel, by its ray in plain Python, for a car with its base at (x, y, heading).

    More than one where the ray meets the ground within a hair of another texel.
    """
    spec, (x, y, heading) = camera.spec, place
    if row < camera.first_ground_row:
        return {SKY if row < camera.horizon_row else FIELD}
    focal = 0.5 * spec.width / math.tan(0.5 * spec.field_of_view_rad)
    right, down = (column + 0.5 - 0.5 * spec.width) / focal, (row + 0.5 - 0.5 * spec.height) / focal
    forward = math.cos(spec.pitch_rad) - down * math.sin(spec.pitch_rad)
    fall = math.sin(spec.pitch_rad) + down * math.cos(spec.pitch_rad)
    ahead, left = spec.up_m / fall * forward, spec.left_m - spec.up_m / fall * right
    along = spec.forward_m + ahead
    hit_x = x + along * math.cos(heading) - left * math.sin(heading)
    hit_y = y + along * math.sin(heading) + left * math.cos(heading)
    level = camera.level_of_row[row - camera.first_ground_row]
    hair = 2e-3 * camera.ground.levels[level].texel_m
    steps = [(i, j) for i in (-hair, 0.0, hair) for j in (-hair, 0.0, hair)]
    return {camera.ground.grey(hit_x + i, hit_y + j, level) for i, j in steps}


@pytest.mark.parametrize("spec", [CameraSpec(), CameraSpec(80, 60), stereo_specs(CameraSpec())[1]])
@pytest.mark.parametrize("name", ["oval", "switchback"])
def test_pixels_equal_an_exact_reference(name: str, spec: CameraSpec) -> None:
    track = tracks.load(name)
    camera = Camera(spec, ground_of(track))
    poses = random_poses(track, 40, seed=1)
    frames = camera.render(poses)
    rng = np.random.default_rng(2)
    for _ in range(1500):
        car, row, column = rng.integers(0, (40, spec.height, spec.width)).tolist()
        place = (poses.x[car], poses.y[car], math.atan2(poses.sin[car], poses.cos[car]))
        assert int(frames[car, row, column]) in reference_grey(camera, place, row, column)


def test_near_pixels_show_what_the_track_says_is_there() -> None:
    """Not by way of the picture of the ground: road, line and field from the road's distance field."""
    track = tracks.load("kidney")
    camera, surface = Camera(CameraSpec(), ground_of(track)), road_of(track).surface
    poses = random_poses(track, 30, seed=5)
    frames = camera.render(poses)
    rng = np.random.default_rng(6)
    compared = 0
    for _ in range(3000):
        car, row, column = rng.integers((0, 75, 0), (30, 120, 160)).tolist()
        right, down = (column - 79.5) / FOCAL, (row - 59.5) / FOCAL
        scale = 0.130 / (math.sin(0.2618) + down * math.cos(0.2618))
        along = 0.145 + scale * (math.cos(0.2618) - down * math.sin(0.2618))
        x = poses.x[car] + along * poses.cos[car] + scale * right * poses.sin[car]
        y = poses.y[car] + along * poses.sin[car] - scale * right * poses.cos[car]
        depth = surface.signed_distance(np.array([x]), np.array([y]))[0]
        if min(abs(depth), abs(depth - 0.05)) < 0.025:
            continue  # edges are blurred over a texel or two
        compared += 1
        expected = {FIELD} if depth < 0.0 else {LINE} if depth < 0.05 else range(ROAD, DASH + 1)
        assert frames[car, row, column] in expected
    assert compared > 2000


@settings(max_examples=10)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 11))
def test_batch_of_n_is_n_pictures_of_one_bit_for_bit(seed: int, n: int) -> None:
    track = tracks.load("sawmill")
    camera, cars = Camera(CameraSpec(80, 60), ground_of(track)), random_poses(track, n, seed)
    rng = np.random.default_rng(seed)
    place = np.column_stack([cars.x, cars.y])[:, None] + rng.uniform(-1.5, 1.5, (n, 3, 2))
    boxes = Boxes.at(place, rng.uniform(-3.0, 3.0, (n, 3)))
    together = camera.render(cars, boxes)
    for car in range(n):
        one = slice(car, car + 1)
        alone = Pose(cars.x[one], cars.y[one], cars.cos[one], cars.sin[one])
        assert camera.render(alone, Boxes(boxes.rows[one])).tobytes() == together[car].tobytes()


def test_lost_cars_see_field_and_nothing_breaks(ground: Ground) -> None:
    far = pose((1e6, -1e6, 0.3), (40.0, 40.0, -2.0), (-300.0, 2.0, 3.14))
    frames = Camera(CameraSpec(), ground).render(far)
    assert (frames[:, 60:] == FIELD).all()


def test_box_ahead_stands_where_its_faces_are(ground: Ground) -> None:
    # Near face at 0.8 m from the camera, 0.3 m high and 0.4 m wide.
    box = Boxes.at([[CAMERA_X + 0.8 + 0.25, -1.5]], grey=200.0)
    camera = Camera(CameraSpec(), ground)
    empty, frame = camera.render(AHEAD)[0], camera.render(AHEAD, box)[0]
    rows = (frame[:, 80] == round(200.0 * END_LIGHT)).nonzero()[0]
    assert rows.min() == pytest.approx(max(0.0, row_of(0.8, 0.3)), abs=1.0)
    assert rows.max() + 1 == pytest.approx(row_of(0.8), abs=1.0)
    depth = 0.8 * math.cos(0.2618) + 0.13 * math.sin(0.2618)
    width = np.count_nonzero(frame[int(row_of(0.8)) - 1] == round(200.0 * END_LIGHT))
    assert width == pytest.approx(FOCAL * 0.4 / depth, abs=2.0)
    changed = frame != empty
    assert not changed[int(row_of(0.8)) + 2 :].any()
    assert changed.sum() > 1000


def test_low_box_shows_its_top(ground: Ground) -> None:
    box = Boxes.at([[CAMERA_X + 0.6, -1.5]], size_m=(0.5, 0.4, 0.05), grey=200.0)
    frame = Camera(CameraSpec(), ground).render(AHEAD, box)[0]
    assert (frame[:, 80] == round(200.0 * TOP_LIGHT)).sum() > 5
    assert (frame[:, 80] == round(200.0 * END_LIGHT)).sum() > 5


def test_box_turned_by_a_quarter_shows_its_side(ground: Ground) -> None:
    box = Boxes.at([[CAMERA_X + 1.0, -1.5]], math.pi / 2, grey=200.0)
    frame = Camera(CameraSpec(), ground).render(AHEAD, box)[0]
    assert frame[int(row_of(0.8)) - 2, 80] == round(200.0 * SIDE_LIGHT)


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_nearer_box_hides_the_farther_one(ground: Ground, order: list[int]) -> None:
    rows = np.concatenate(
        [Boxes.at([[CAMERA_X + x, -1.5]], grey=grey).rows for x, grey in ((1.0, 200.0), (2.0, 100.0))], axis=1
    )
    frame = Camera(CameraSpec(), ground).render(AHEAD, Boxes(rows[:, order]))[0]
    assert frame[int(row_of(0.75)) - 2, 80] == round(200.0 * END_LIGHT)
    assert not (frame == round(100.0 * END_LIGHT)).any()


def test_box_behind_or_beside_the_camera_is_not_seen(ground: Ground) -> None:
    camera = Camera(CameraSpec(), ground)
    for place in ([-2.0, -1.5], [-1.0, -0.9], [-1.0, 2.0]):
        assert np.array_equal(camera.render(AHEAD, Boxes.at([place])), camera.render(AHEAD))


def test_boxes_with_nan_are_none(ground: Ground) -> None:
    camera = Camera(CameraSpec(), ground)
    assert np.array_equal(camera.render(AHEAD, Boxes.at([[np.nan, 0.0]])), camera.render(AHEAD))


def test_box_across_the_edge_of_the_image_is_cut_off(ground: Ground) -> None:
    frame = Camera(CameraSpec(), ground).render(AHEAD, Boxes.at([[CAMERA_X + 0.6, -1.2]], grey=200.0))[0]
    assert frame[50, 0] == round(200.0 * END_LIGHT)
    assert frame[50, 159] != round(200.0 * END_LIGHT)


def test_stereo_pair_sees_a_box_shifted_by_the_baseline(ground: Ground) -> None:
    box = Boxes.at([[CAMERA_X + 0.85, -1.5]], size_m=(0.1, 0.1, 0.3), grey=200.0)
    left, right = (Camera(spec, ground).render(AHEAD, box)[0] for spec in stereo_specs(CameraSpec()))
    row = int(row_of(0.8)) - 2
    places = [(frame[row] == round(200.0 * END_LIGHT)).nonzero()[0].mean() for frame in (left, right)]
    depth = 0.8 * math.cos(0.2618) + 0.13 * math.sin(0.2618)
    assert places[0] - places[1] == pytest.approx(FOCAL * 0.06 / depth, abs=1.0)
    assert places[0] + places[1] == pytest.approx(159.0, abs=1.0)


@pytest.mark.parametrize(("width", "height"), [(0, 120), (160, -1), (4000, 100)])
def test_impossible_image_is_refused(width: int, height: int) -> None:
    with pytest.raises(ValueError, match=f"got {width} x {height}"):
        CameraSpec(width, height)
