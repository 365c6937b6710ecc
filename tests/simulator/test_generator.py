"""Generated circuits: the same from the same seed, within their measures, harder as asked, and drivable."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import Polygon

from simulator.car import CLASSIC
from simulator.driver import FULL_RANGE, ReferenceDriver
from simulator.generator import DIFFICULTIES, Generated, GeneratorError, _bend_of, _candidate, generate
from simulator.planning import plan_for
from simulator.rules import Rules
from simulator.starts import Starts
from simulator.track import Track
from simulator.vector import TrackVectorEnv


@cache
def made(difficulty: int) -> Generated:
    return generate(11, difficulty)


def candidates(difficulty: int, count: int) -> list[Track]:
    """Circuits that keep the measures; whether they can be driven is left open."""
    drawn = (_candidate(np.random.default_rng(seed), DIFFICULTIES[difficulty], "c") for seed in range(10_000))
    return [track for track, _ in zip(filter(None, drawn), range(count), strict=False)]


@pytest.mark.parametrize("difficulty", DIFFICULTIES)
def test_circuit_keeps_the_measures_of_its_difficulty(difficulty: int) -> None:
    measures = DIFFICULTIES[difficulty]
    for track in candidates(difficulty, 6):
        assert measures.length_m[0] - 0.1 <= track.length_m <= measures.length_m[1] + 0.1
        widths = np.hypot(*(track.outer - track.inner).T)
        assert widths == pytest.approx(measures.width_m, abs=0.001)
        assert np.abs(_bend_of(track)).max() <= 1.02 / measures.min_radius_m
        assert track.segment_length_m == pytest.approx(0.18, abs=0.01)
        road = Polygon(track.outer, [track.inner])
        assert road.is_valid, "borders cross themselves or each other"
        assert road.area == pytest.approx(track.length_m * measures.width_m, rel=0.02)


@pytest.mark.parametrize("difficulty", [1, 4])
def test_reference_driver_laps_the_saved_file_cleanly_both_ways(difficulty: int, tmp_path: Path) -> None:
    made(difficulty).track.save(tmp_path / "track.npy")
    track = Track.load(tmp_path / "track.npy")
    assert track.version == made(difficulty).track.version
    for way, lap_ms in (
        (track, made(difficulty).lap_ms),
        (track.reversed(), made(difficulty).reversed_lap_ms),
    ):
        env = TrackVectorEnv(way, actions=FULL_RANGE, rules=Rules.time_trial(2), starts=Starts.LINE)
        driver = ReferenceDriver(plan_for(way, CLASSIC))
        env.reset(seed=0)
        while not env.outcomes:
            env.step(driver.actions(env.state))
        assert env.outcomes[0].reset_count == 0
        assert env.outcomes[0].laps[1].lap_time_ms == lap_ms


def test_equal_seeds_give_equal_bytes_and_others_another_circuit() -> None:
    again = generate(11, 1)
    assert again.track.rows().tobytes() == made(1).track.rows().tobytes()
    assert again.as_json() == made(1).as_json()
    assert generate(12, 1).track.version != made(1).track.version
    assert generate(11, 1, "mine").track.name == "mine"


def test_bytes_change_only_with_the_generators_version() -> None:
    """If this fails on purpose, raise GENERATOR_VERSION: people share seeds."""
    content = b"".join(candidates(difficulty, 1)[0].rows().tobytes() for difficulty in DIFFICULTIES)
    assert hashlib.sha256(content).hexdigest()[:12] == "8c61390d3ef5"


def test_a_higher_difficulty_is_longer_narrower_and_tighter_with_more_corners() -> None:
    drawn = [candidates(difficulty, 6) for difficulty in DIFFICULTIES]
    lengths = [np.mean([track.length_m for track in tracks]) for tracks in drawn]
    widths = [np.mean([track.width_at(0.0) for track in tracks]) for tracks in drawn]
    radii = [np.mean([1.0 / np.abs(_bend_of(track)).max() for track in tracks]) for tracks in drawn]
    assert lengths == sorted(lengths)
    assert widths == sorted(widths, reverse=True)
    assert radii == sorted(radii, reverse=True)
    assert made(4).corners > made(1).corners
    assert made(4).lap_ms > 2 * made(1).lap_ms


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**63 - 1), difficulty=st.sampled_from(sorted(DIFFICULTIES)))
def test_every_candidate_is_a_track_whose_lap_begins_on_a_straight(seed: int, difficulty: int) -> None:
    measures = DIFFICULTIES[difficulty]
    track = _candidate(np.random.default_rng(seed), measures, "candidate")
    if track is None:
        return
    Track.from_rows(track.rows(), "checked again")
    assert np.abs(_bend_of(track)).max() <= 1.02 / measures.min_radius_m
    assert np.abs(track.curvature_at([0.0, 0.2])).max() < 0.2


@pytest.mark.parametrize(
    ("seed", "difficulty", "hint"),
    [(1, 0, "from 1 .beginners. to 5, got 0"), (1, 6, "to 5, got 6"), (-1, 1, "seed of 0 or more, got -1")],
)
def test_wrong_values_are_refused(seed: int, difficulty: int, hint: str) -> None:
    with pytest.raises(GeneratorError, match=hint):
        generate(seed, difficulty)
