"""What a training says about its reward function: how it went, where and what it paid, and whether it paid
for what the race wants.

Everything is computed from the recorded drives (a fair sample of the training) and the trial; every part is
numbers for a picture and one plain sentence. `patterns.py` knows how rewards backfire.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from arena.garage import patterns
from arena.garage.lines import Lines
from arena.garage.patterns import Evidence, Finding, rank_agreement
from simulator.car import STEP_S
from simulator.rules import Status
from simulator.simtrace import LoggedDrive

FloatArray = NDArray[np.float64]

SLICES = 20
"""Points of the learning curve."""
PLACES = 40
SIDES = np.linspace(-1.25, 1.25, 11)
"""Offset from the centre line in half widths, left positive; the road ends at 1."""
SPEEDS_MPS = np.linspace(0.0, 4.0, 9)
STEERINGS_DEG = np.linspace(-35.0, 35.0, 8)
FEWEST_STEPS = 5
"""A mean of fewer steps is not told."""
STRONG, WEAK = 0.7, 0.3
DEAR_US, DEAR_SHARE = 20.0, 0.3


@dataclass(frozen=True, slots=True)
class Slice:
    """A twentieth of the training: means of the drives that ended in it."""

    steps: int
    mean_return: float
    completion: float
    """Mean progress of a drive, percent."""
    lap_ms: int | None
    """Mean time of the complete laps, from standing starts all over the track."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Mean reward of a step by some quantity: `edges` [k + 1], `steps` and `reward` [k] (None: too few)."""

    edges: tuple[float, ...]
    steps: tuple[int, ...]
    reward: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Cost:
    """What the reward function took of the training's time."""

    call_us: float
    share: float
    sentence: str


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All of it; `as_json` is what pages and the command line show."""

    drives: int
    steps: int
    learning: tuple[Slice, ...]
    places: Profile
    """Reward by share of the lap."""
    off_places: tuple[int, ...]
    """How many drives ended off the road at each of the places."""
    by_side: Profile
    by_speed: Profile
    by_steering: Profile
    progress_agreement: float | None
    """Rank agreement of a drive's return with how far it came."""
    lap_agreement: float | None
    """Rank agreement of a complete lap's return with how long it took."""
    findings: tuple[Finding, ...]
    cost: Cost
    sentences: dict[str, str]
    lines: Lines | None = None

    def as_json(self) -> dict[str, object]:
        """Return it as JSON can carry it."""
        return asdict(self)


def diagnose(evidence: Evidence, *, budget: int, wall_s: float, call_us: float) -> Diagnosis | None:
    """Return the diagnosis of a training of `budget` steps; None if not one recorded drive was completed.

    `wall_s` is what the training took and `call_us` what a call of the reward function took on average.
    """
    if not evidence.drives:
        return None
    seen = _Steps(evidence)
    learning = _learning(evidence.drives, budget)
    progress = np.array([patterns.progress_of(drive) for drive in evidence.drives])
    paid = np.array([drive.rewards.sum() for drive in evidence.drives])
    agreement, by_lap = rank_agreement(paid, progress), patterns.lap_agreement(evidence)
    places = _profile(seen.share, seen.reward, np.linspace(0.0, 1.0, PLACES + 1))
    off_places = _off_places(seen)
    return Diagnosis(
        drives=len(evidence.drives),
        steps=len(seen.reward),
        learning=learning,
        places=places,
        off_places=off_places,
        by_side=_profile(seen.side, seen.reward, SIDES),
        by_speed=_profile(seen.column("speed_mps"), seen.reward, SPEEDS_MPS),
        by_steering=_profile(seen.column("command_steering_deg"), seen.reward, STEERINGS_DEG),
        progress_agreement=_rounded(agreement),
        lap_agreement=_rounded(by_lap),
        findings=patterns.find(evidence),
        cost=_cost(call_us, call_us * budget / 1e6 / max(wall_s, 1e-9)),
        sentences={
            "learning": _told_learning(learning),
            "places": _told_places(places, off_places),
            "agreement": _told_agreement(agreement, by_lap),
        }
        | _told_lines(evidence.lines),
        lines=evidence.lines,
    )


class _Steps:
    """All recorded steps [m], one behind the other."""

    def __init__(self, evidence: Evidence) -> None:
        self._rows = [drive.trace for drive in evidence.drives]
        self.reward = evidence.rewards
        place = evidence.track.project(np.column_stack([self.column("x_m"), self.column("y_m")]))
        self.share = place.s_m / evidence.track.length_m
        self.side = place.offset_m / (0.5 * evidence.track.width_at(place.s_m))

    def column(self, name: str) -> FloatArray:
        return np.concatenate([rows[name] for rows in self._rows])

    @cached_property
    def ends(self) -> NDArray[np.int64]:
        """The last step of each drive."""
        return np.cumsum([len(rows) for rows in self._rows]) - 1


def _learning(drives: Sequence[LoggedDrive], budget: int) -> tuple[Slice, ...]:
    driven = np.cumsum([len(drive.rewards) for drive in drives])
    place = np.minimum(SLICES * driven // (driven[-1] + 1), SLICES - 1)
    found = []
    for index in np.unique(place).tolist():
        some = [drives[which] for which in np.flatnonzero(place == index).tolist()]
        laps = [len(one.rewards) - 1 for one in some if patterns.end_of(one) is Status.LAP_COMPLETE]
        found.append(
            Slice(
                steps=round(budget * (index + 1) / SLICES),
                mean_return=_short(np.mean([drive.rewards.sum() for drive in some])),
                completion=round(float(np.mean([patterns.progress_of(drive) for drive in some])), 2),
                lap_ms=round(1000.0 * STEP_S * float(np.mean(laps))) if laps else None,
            )
        )
    return tuple(found)


def _profile(quantity: FloatArray, reward: FloatArray, edges: FloatArray) -> Profile:
    """Return mean rewards [k] by bins; what lies outside counts to the outermost bins."""
    bins = len(edges) - 1
    place = np.clip(np.searchsorted(edges, quantity, side="right") - 1, 0, bins - 1)
    steps = np.bincount(place, minlength=bins)
    total = np.bincount(place, reward, bins)
    return Profile(
        edges=tuple(np.round(edges, 4).tolist()),
        steps=tuple(steps.tolist()),
        reward=tuple(
            _short(paid / count) if count >= FEWEST_STEPS else None
            for paid, count in zip(total.tolist(), steps.tolist(), strict=True)
        ),
    )


def _off_places(seen: _Steps) -> tuple[int, ...]:
    ended = seen.column("status")[seen.ends] == Status.OFF_TRACK
    place = np.minimum((seen.share[seen.ends][ended] * PLACES).astype(np.int64), PLACES - 1)
    return tuple(np.bincount(place, minlength=PLACES).tolist())


def _cost(call_us: float, share: float) -> Cost:
    share = min(1.0, share)
    told = f"A call of the reward function took {call_us:.1f} µs, {100 * share:.0f} % of the training's time."
    if call_us >= DEAR_US and share >= DEAR_SHARE:
        told += (
            " That is much: searching all waypoints in every call is the usual cause, closest_waypoints says"
            " already where the car is."
        )
    return Cost(round(call_us, 2), round(share, 4), told)


def _told_learning(learning: tuple[Slice, ...]) -> str:
    first, last = learning[0], learning[-1]
    told = "Exploring alone, drives came "
    told += f"{first.completion:.0f} % of a lap far; at the end {last.completion:.0f} %"
    laps = [slice_.lap_ms for slice_ in learning if slice_.lap_ms]
    if not laps:
        return f"{told}. No recorded drive completed a lap."
    if len(laps) == 1 or last.lap_ms is None:
        return f"{told}, with laps of {laps[-1] / 1000:.1f} s."
    return f"{told}; laps went from {laps[0] / 1000:.1f} s to {last.lap_ms / 1000:.1f} s."


def _told_places(places: Profile, off_places: tuple[int, ...]) -> str:
    paid = [(reward, index) for index, reward in enumerate(places.reward) if reward is not None]
    if not paid:
        return "Too few steps were recorded to say where reward is earned."
    most = max(paid)[1]
    told = f"A step earns most around {100 * (most + 0.5) / PLACES:.0f} % of the lap"
    if not any(off_places):
        return f"{told}; no recorded drive left the road."
    worst = int(np.argmax(off_places))
    return (
        f"{told}; {100 * off_places[worst] / sum(off_places):.0f} % of all drives that left the road did so "
        f"around {100 * (worst + 0.5) / PLACES:.0f} %."
    )


def _told_agreement(progress: float | None, lap: float | None) -> str:
    if progress is None:
        return "All drives were paid alike, so the reward could not tell good from bad ones."
    if progress >= STRONG:
        told = f"Drives that came further were paid more (rank agreement {progress:.2f})"
    elif progress >= WEAK:
        told = f"Drives that came further were only somewhat better paid (rank agreement {progress:.2f})"
    else:
        paid = "were paid less" if progress <= -WEAK else "were not paid more"
        told = f"Drives that came further {paid} (rank agreement {progress:.2f})"
    if lap is None:
        return f"{told}."
    if lap <= -WEAK:
        return f"{told}, and so were faster laps."
    if lap >= 0.5:
        return f"{told}, but slower laps earned more than faster ones."
    return f"{told}; the time of a lap made little difference."


def _told_lines(lines: Lines | None) -> dict[str, str]:
    return {"reach": lines.reach, "lines": lines.cost} if lines else {}


def _short(value: float | np.floating) -> float:
    """Return a number with six significant digits."""
    return float(f"{float(value):.6g}")


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
