"""Known ways in which a reward backfires, each a rule on what the recorded cars did and were paid.

A rule speaks only where there is enough to judge by, and says what the figures are. The limits were set by
trainings of functions that do it and of every starter kit on several tracks; the tests hold both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Self

import numpy as np
from numpy.typing import NDArray

from arena.garage.lines import Lines
from arena.garage.racing import Trial
from arena.garage.recording import DriveRecorder
from simulator.actions import ActionSpace, Discrete
from simulator.car import STEP_S
from simulator.course import Course
from simulator.rules import Status
from simulator.simtrace import LoggedDrive
from simulator.track import Track

FloatArray = NDArray[np.float64]

FEWEST_DRIVES = 20
LATE_SHARE = 0.25
"""The last quarter of the drives shows what was learned, exploration included."""
FLOOR_SHARE = 0.1
"""Commands within a tenth of the range from the slowest count as the slowest."""
ZIGZAG_DEG, ZIGZAG_PER_S = 10.0, 4.0
"""Steering beyond 10 degrees to the one side and then to the other, 4 times a second."""
PLACES = 20
CALLS_TO_JUDGE = 400
"""In as many calls of one car, nearly half a minute, what is to teach should have been paid once."""


class Pattern(StrEnum):
    """What may be wrong with a reward."""

    CONSTANT = "constant"
    RARE = "rare"
    COSTLY_LIFE = "costly_life"
    JACKPOT = "jackpot"
    CRAWLING = "crawling"
    PAYS_FOR_TIME = "pays_for_time"
    ZIGZAG = "zigzag"
    CIRCLING = "circling"
    ONE_PLACE = "one_place"
    IDLE_TERM = "idle_term"


@dataclass(frozen=True, slots=True)
class Finding:
    """One pattern with what was seen and what may help."""

    pattern: Pattern
    sentence: str
    advice: str
    figures: dict[str, float]

    def as_json(self) -> dict[str, object]:
        """Return it for a page."""
        return asdict(self)


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What a training and its trial have left behind; drives in the order in which they ended."""

    drives: Sequence[LoggedDrive]
    trial: Trial
    track: Track
    actions: ActionSpace
    lines: Lines | None = None

    @classmethod
    def of(cls, recorder: DriveRecorder, trial: Trial, course: Course, actions: ActionSpace) -> Evidence:
        """Return what a training recorded; of a course driven both ways, its first leg."""
        drives = [drive for drive in recorder.drives() if drive.leg == 0]
        return cls(drives, trial, course.legs()[0].track, actions)

    def with_lines(self, lines: Lines | None) -> Self:
        """Return it with what the study of the function's lines found."""
        return replace(self, lines=lines)

    @property
    def late(self) -> Sequence[LoggedDrive]:
        """Return the last quarter of the drives."""
        return self.drives[-max(1, int(len(self.drives) * LATE_SHARE)) :]

    @property
    def rewards(self) -> FloatArray:
        """Return the reward of every recorded step [m]."""
        return np.concatenate([drive.rewards for drive in self.drives])


def find(evidence: Evidence) -> tuple[Finding, ...]:
    """Return what the rules find, the gravest first; nothing where too little was recorded."""
    if len(evidence.drives) < FEWEST_DRIVES:
        return ()
    found = tuple(finding for rule in RULES if (finding := rule(evidence)))
    # Whoever is paid the same for everything is also paid for time: the cause is enough.
    causes = {Pattern.CONSTANT, Pattern.RARE}
    if not any(one.pattern in causes for one in found):
        return found
    return tuple(one for one in found if one.pattern in causes | {Pattern.IDLE_TERM})


def end_of(drive: LoggedDrive) -> Status:
    """Return how a drive ended."""
    return Status(int(drive.trace["status"][-1]))


def progress_of(drive: LoggedDrive) -> float:
    """Return how far a drive came (percent of a lap)."""
    return float(drive.trace["progress"][-1])


def rank_agreement(one: FloatArray, other: FloatArray) -> float | None:
    """Return Spearman's rank correlation of two columns [m], ties averaged; None where one does not vary."""
    if len(one) < 3 or np.ptp(one) == 0.0 or np.ptp(other) == 0.0:
        return None
    return float(np.corrcoef(_ranks(one), _ranks(other))[0, 1])


def lap_agreement(evidence: Evidence) -> float | None:
    """Return how the pay of complete laps goes with the time they took: above 0, slower laps earn more."""
    learned = evidence.drives[len(evidence.drives) // 4 :]
    laps = [drive for drive in learned if end_of(drive) is Status.LAP_COMPLETE]
    if len(laps) < FEWEST_DRIVES:
        return None
    paid = np.array([drive.rewards.sum() for drive in laps])
    return rank_agreement(paid, np.array([float(len(drive.rewards)) for drive in laps]))


def slowest_and_fastest(actions: ActionSpace) -> tuple[float, float]:
    """Return the limits of the speeds that the car may command (m/s)."""
    if isinstance(actions, Discrete):
        speeds = [speed for _, speed in actions.actions]
        return min(speeds), max(speeds)
    return actions.speed_mps


def constant(evidence: Evidence) -> Finding | None:
    """Find a reward that is the same for everything."""
    rewards = evidence.rewards
    spread, level = float(rewards.std()), float(np.abs(rewards).mean())
    if level == 0.0 or spread > 0.01 * level:
        return None
    return Finding(
        Pattern.CONSTANT,
        f"The reward was practically always {rewards.mean():.3g}, whatever the car did.",
        "Let it depend on what params say of the car, for instance on speed, progress or the heading.",
        {"mean": round(float(rewards.mean()), 6), "spread": round(spread, 6)},
    )


def rare(evidence: Evidence) -> Finding | None:
    """Find a reward that nearly never pays."""
    rewards = evidence.rewards
    silent = float(np.mean(np.abs(rewards) < 1e-9))
    if silent < 0.98:
        return None
    return Finding(
        Pattern.RARE,
        f"In {100 * silent:.1f} % of all steps the reward was 0: the car seldom learned whether it did well.",
        "Pay a little for every step in the right direction; keep a bonus for the lap as an extra.",
        {"silent_share": round(silent, 4)},
    )


def costly_life(evidence: Evidence) -> Finding | None:
    """Find a reward under which ending soon is the best that a car can do."""
    negative = float(np.mean(evidence.rewards < 0.0))
    late, early = evidence.late, evidence.drives[: len(evidence.late)]
    off = float(np.mean([end_of(drive) is Status.OFF_TRACK for drive in late]))
    late_steps = float(np.mean([len(drive.rewards) for drive in late]))
    early_steps = float(np.mean([len(drive.rewards) for drive in early]))
    if negative < 0.8 or off < 0.8 or late_steps > early_steps:
        return None
    return Finding(
        Pattern.COSTLY_LIFE,
        f"Nearly every step costs ({100 * negative:.0f} % are below 0), so the car learned to leave the road "
        f"quickly: its drives went from {early_steps:.0f} to {late_steps:.0f} steps.",
        "Make good driving worth more than 0, so that a longer drive earns more than a short one.",
        {"negative_share": round(negative, 4), "early_steps": early_steps, "late_steps": late_steps},
    )


def jackpot(evidence: Evidence) -> Finding | None:
    """Find rare payments beside which the rest of the reward is nothing."""
    size = np.abs(evidence.rewards)
    usual, largest = float(np.quantile(size, 0.9)), float(size.max())
    if usual == 0.0 or largest < 100.0 * usual:
        return None
    return Finding(
        Pattern.JACKPOT,
        f"Single steps paid up to {largest:.4g}, {largest / usual:,.0f} times what nine of ten steps paid at "
        "most: beside that the rest of the reward hardly counts.",
        "Bring the terms to one scale: a bonus for a lap is felt when it is about 10 times a good step.",
        {"largest": largest, "usual": usual},
    )


def crawling(evidence: Evidence) -> Finding | None:
    """Find a car that drives as slowly as it may."""
    slowest, fastest = slowest_and_fastest(evidence.actions)
    if fastest <= slowest:
        return None
    commanded = evidence.trial.trace["command_speed_mps"]
    share = float(np.mean(commanded <= slowest + FLOOR_SHARE * (fastest - slowest)))
    if share < 0.7:
        return None
    return Finding(
        Pattern.CRAWLING,
        f"In {100 * share:.0f} % of the race the car asked for the slowest speed it may ({slowest:.1f} m/s).",
        "A slow car seldom errs, so safety alone teaches crawling: pay for speed or for progress per step.",
        {"share": round(share, 4), "slowest_mps": slowest},
    )


def pays_for_time(evidence: Evidence) -> Finding | None:
    """Find a reward that pays slow laps more than fast ones."""
    agreement = lap_agreement(evidence)
    if agreement is None or agreement < 0.5:
        return None
    return Finding(
        Pattern.PAYS_FOR_TIME,
        f"Slower laps were paid more than faster ones (rank agreement {agreement:.2f}): each step earns, "
        "so taking more steps for a lap earns more.",
        "Pay for the way made since the last step instead of for each step, or multiply by the speed.",
        {"agreement": round(agreement, 3)},
    )


def zigzag(evidence: Evidence) -> Finding | None:
    """Find a car that throws its steering from side to side.

    Judged by the commands: the steering lags by half a second here, so that a quick zigzag hardly shows in
    the path; but it wears a real car out.
    """
    steering = evidence.trial.trace["command_steering_deg"]
    sides = np.sign(steering[np.abs(steering) >= ZIGZAG_DEG])
    per_s = float(np.count_nonzero(np.diff(sides))) / max(len(steering) * STEP_S, 1.0)
    if per_s < ZIGZAG_PER_S:
        return None
    return Finding(
        Pattern.ZIGZAG,
        f"The steering is thrown from one side to the other {per_s:.1f} times a second.",
        "Offer an action that steers straight ahead if there is none, and pay a bit less for large angles.",
        {"per_s": round(per_s, 2)},
    )


def circling(evidence: Evidence) -> Finding | None:
    """Find a car that turns round instead of driving on."""
    reversed_share = float(np.mean([end_of(drive) is Status.REVERSED for drive in evidence.late]))
    if reversed_share < 0.3:
        return None
    return Finding(
        Pattern.CIRCLING,
        f"{100 * reversed_share:.0f} % of the last drives ended because the car turned round and drove back.",
        "Something pays for turning or for facing backwards: reward the way along the track instead.",
        {"reversed_share": round(reversed_share, 4)},
    )


def one_place(evidence: Evidence) -> Finding | None:
    """Find a reward that is earned at one place of the track only."""
    earned, visited = _by_place(evidence)
    total = float(earned.sum())
    if total <= 0.0:
        return None
    best = np.argsort(earned)[::-1][:3]
    share, time_share = float(earned[best].sum() / total), float(visited[best].sum() / visited.sum())
    # A car that only ever reaches one piece of the road earns everything there: no fault of the reward's.
    if share < 0.7 or share < time_share + 0.4:
        return None
    return Finding(
        Pattern.ONE_PLACE,
        f"{100 * share:.0f} % of all reward is earned on 15 % of the track, where the car spends "
        f"{100 * time_share:.0f} % of its time.",
        "Elsewhere the car learns nothing, and it may want to stay there: let good driving pay everywhere.",
        {"share": round(share, 4), "time_share": round(time_share, 4)},
    )


def idle_term(evidence: Evidence) -> Finding | None:
    """Find lines that add to the reward and never ran.

    Only plain additions (`reward += ...`) count: a penalty that is never due, or a way out of the function
    for a car off the road, is as it should be.
    """
    lines = evidence.lines
    if lines is None or lines.calls - lines.laps < CALLS_TO_JUDGE:
        return None
    idle = [stretch for stretch in lines.never if stretch.pays]
    if not idle:
        return None
    places = ", ".join(f"{stretch} ({stretch.pays})" for stretch in idle[:3])
    return Finding(
        Pattern.IDLE_TERM,
        f"A term was never paid: {places} did not run once in {lines.calls:,} calls.",
        "Check the condition and the units it compares (angles are degrees, speed is m/s), or make it easier "
        "to reach: what is never paid teaches nothing.",
        {"calls": float(lines.calls), "terms": float(len(idle))},
    )


RULES: tuple[Callable[[Evidence], Finding | None], ...] = (
    constant,
    rare,
    costly_life,
    circling,
    jackpot,
    one_place,
    crawling,
    pays_for_time,
    zigzag,
    idle_term,
)


def _by_place(evidence: Evidence) -> tuple[FloatArray, FloatArray]:
    """Return what the late drives earned above 0, and their steps, by twentieths of the lap."""
    points = np.concatenate([np.column_stack([one.trace["x_m"], one.trace["y_m"]]) for one in evidence.late])
    rewards = np.concatenate([one.rewards for one in evidence.late])
    share = evidence.track.project(points).s_m / evidence.track.length_m
    place = np.minimum((share * PLACES).astype(np.int64), PLACES - 1)
    earned = np.bincount(place, np.maximum(rewards, 0.0), PLACES).astype(np.float64)
    return earned, np.bincount(place, minlength=PLACES).astype(np.float64)


def _ranks(column: FloatArray) -> FloatArray:
    """Return the ranks [m] of a column; equal values share the mean of theirs."""
    _, where, count = np.unique(column, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    mean_rank = last - 0.5 * (count - 1)
    return np.asarray(mean_rank[where], dtype=np.float64)
