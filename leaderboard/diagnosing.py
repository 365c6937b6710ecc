"""The diagnosis of a training as pictures: inline SVG from the numbers that the garage has left.

Pictures say nothing by colour alone: height, width and marks carry the meaning, the style sheet the colours.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
from markupsafe import Markup

from arena.league.errors import ArtifactDamaged, ArtifactMissing
from arena.league.models import Race, Submission
from leaderboard import courses, line_marks
from leaderboard.context import Arena
from leaderboard.line_marks import LinesView
from simulator import tracks
from simulator.drawing import element
from simulator.track import Track, TrackError

log = logging.getLogger(__name__)

WIDTH, HEIGHT = 320.0, 120.0
"""The plotted area of a chart, in its own units."""
LEFT, BOTTOM, TOP = 44.0, 22.0, 8.0
RETURN, COMPLETION = "Reward of a drive", "How far a drive came, % of a lap"
LAP_TIME = "Time of complete laps, s"
_BAND_SHARE = 0.034  # of the larger side: the widest band of reward
_MARK_SHARE = 0.03  # of the larger side: the largest mark of where cars went off
_FEW_SHARE = 0.2  # of the most: places where fewer went off get no mark


@dataclass(frozen=True, slots=True)
class Chart:
    """One picture with its heading."""

    title: str
    drawing: Markup


@dataclass(frozen=True, slots=True)
class DiagnosisView:
    """What the page shows: findings, sentences and pictures."""

    findings: Sequence[Mapping[str, Any]]
    sentences: Mapping[str, str]
    cost: str
    drives: int
    curves: tuple[Chart, ...]
    profiles: tuple[Chart, ...]
    places: Markup
    lines: LinesView | None = None


def diagnosis_of(arena: Arena, race: Race, submission: Submission) -> DiagnosisView | None:
    """Return what is known of a submission's training; None where nothing is, or the track is gone."""
    found = read(arena, submission)
    if found is None:
        return None
    try:
        track = tracks.load(race.track)
    except (TrackError, OSError) as error:
        log.warning("The diagnosis of submission %s cannot be drawn: %s", submission.id, error)
        return None
    return view_of(found, courses.turned(track, race.direction), submission.source)


def read(arena: Arena, submission: Submission) -> dict[str, Any] | None:
    """Return the stored diagnosis of a training (`Diagnosis.as_json`), if there is one."""
    if submission.diagnosis_key is None:
        return None
    try:
        return dict(json.loads(arena.artifacts.get(submission.diagnosis_key)))
    except (ArtifactMissing, ArtifactDamaged) as error:
        log.warning("The diagnosis of submission %s cannot be shown: %s", submission.id, error)
        return None


def view_of(found: Mapping[str, Any], track: Track, source: str = "") -> DiagnosisView:
    """Draw a diagnosis (`Diagnosis.as_json`) of the reward function `source`."""
    return DiagnosisView(
        findings=found["findings"],
        sentences=found["sentences"],
        cost=found["cost"]["sentence"],
        drives=found["drives"],
        curves=_curves(found["learning"]),
        profiles=(
            _profile("Place across the road", found["by_side"], "right edge", "left edge"),
            _profile("Speed, m/s", found["by_speed"]),
            _profile("Steering angle, degrees", found["by_steering"], "right", "left"),
        ),
        places=_places(track, found["places"]["reward"], found["off_places"]),
        lines=line_marks.view_of(found, source),
    )


def _curves(learning: Sequence[Mapping[str, Any]]) -> tuple[Chart, ...]:
    steps = [one["steps"] for one in learning]
    return (
        _curve(RETURN, steps, [one["mean_return"] for one in learning]),
        _curve(COMPLETION, steps, [one["completion"] for one in learning], 100.0),
        _curve(LAP_TIME, steps, _lap_s(learning)),
    )


def curves_of_two(
    first: Sequence[Mapping[str, Any]], second: Sequence[Mapping[str, Any]]
) -> tuple[Chart, ...]:
    """Draw how far two trainings came and how fast, the second one dashed.

    Their returns are not drawn: two reward functions pay in different money.
    """
    steps = [[one["steps"] for one in learning] for learning in (first, second)]
    completion = [[one["completion"] for one in learning] for learning in (first, second)]
    return (
        _two_curves(COMPLETION, steps, completion),
        _two_curves(LAP_TIME, steps, [_lap_s(first), _lap_s(second)]),
    )


def _lap_s(learning: Sequence[Mapping[str, Any]]) -> list[float | None]:
    return [None if one["lap_ms"] is None else one["lap_ms"] / 1000 for one in learning]


def _two_curves(
    title: str, steps: Sequence[Sequence[int]], values: Sequence[Sequence[float | None]]
) -> Chart:
    lines = [
        [(step, value) for step, value in zip(*one, strict=True) if value is not None]
        for one in zip(steps, values, strict=True)
    ]
    heights = [value for line in lines for _, value in line]
    if not heights:
        return Chart(title, Markup(_frame(title, "never", _text(LEFT + 8, TOP + HEIGHT / 2, "none yet"))))
    last = max(step for one in steps for step in one)
    low, high = (0.9 * min(heights) if title == LAP_TIME else 0.0), max(heights)
    high = high if high > low else low + 1.0
    body = ""
    for name, line in zip(("dia-line", "dia-line is-second"), lines, strict=True):
        points = "L".join(
            f"{LEFT + WIDTH * step / last:.1f} {TOP + HEIGHT * (high - value) / (high - low):.1f}"
            for step, value in line
        )
        body += f'<path class="{name}" d="M{points}"/>' if points else ""
    body += _scale(low, high) + _text(LEFT, TOP + HEIGHT + 16, "0")
    body += _text(LEFT + WIDTH, TOP + HEIGHT + 16, f"{last:,} steps", "end")
    ends = " and ".join(_number(line[-1][1]) if line else "none" for line in lines)
    return Chart(title, Markup(_frame(title, f"at the end {ends}", body)))


def _curve(
    title: str, steps: Sequence[int], values: Sequence[float | None], most: float | None = None
) -> Chart:
    """Draw a line over the steps of the training; the dashed line is where exploring alone got."""
    points = [(step, value) for step, value in zip(steps, values, strict=True) if value is not None]
    if not points:
        return Chart(title, Markup(_frame(title, "never", _text(LEFT + 8, TOP + HEIGHT / 2, "none yet"))))
    heights = [value for _, value in points]
    low, high = min([*heights, 0.0]), max([*heights, most or 0.0])
    if most is None and min(heights) > 0.0:
        low = 0.9 * min(heights)
    high = high if high > low else low + 1.0

    def place(step: float, value: float) -> str:
        x = LEFT + WIDTH * step / steps[-1]
        return f"{x:.1f} {TOP + HEIGHT * (high - value) / (high - low):.1f}"

    line = "L".join(place(step, value) for step, value in points)
    dots = "".join(
        '<circle r="2.4" cx="{}" cy="{}"/>'.format(*place(step, value).split()) for step, value in points
    )
    first = values[0]
    across = "" if first is None else f"M{place(0, first)}L{place(steps[-1], first)}"
    body = f'<path class="dia-base" d="{across}"/><path class="dia-line" d="M{line}"/>'
    body += f'<g class="dia-dot">{dots}</g>'
    body += _scale(low, high) + _text(LEFT, TOP + HEIGHT + 16, "0")
    body += _text(LEFT + WIDTH, TOP + HEIGHT + 16, f"{steps[-1]:,} steps", "end")
    return Chart(title, Markup(_frame(title, f"from {_number(heights[0])} to {_number(heights[-1])}", body)))


def _profile(title: str, profile: Mapping[str, Any], left: str = "", right: str = "") -> Chart:
    """Draw the mean reward of a step as bars; bars of few steps are narrow."""
    rewards, steps = profile["reward"], profile["steps"]
    known = [reward for reward in rewards if reward is not None]
    low, high = min([*known, 0.0]), max([*known, 0.0])
    high = high if high > low else low + 1.0
    each, zero = WIDTH / len(rewards), TOP + HEIGHT * high / (high - low)
    bars = ""
    for index, (reward, count) in enumerate(zip(rewards, steps, strict=True)):
        if reward is None:
            continue
        width = each * (0.25 + 0.6 * min(1.0, count * len(rewards) / max(1, sum(steps))))
        x = LEFT + each * (index + 0.5) - width / 2
        y = TOP + HEIGHT * (high - max(reward, 0.0)) / (high - low)
        tall = max(1.0, HEIGHT * abs(reward) / (high - low))
        bars += f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{tall:.1f}"/>'
    body = f'<g class="dia-bar">{bars}</g><path class="dia-zero" d="M{LEFT} {zero:.1f}h{WIDTH}"/>'
    body += _scale(low, high)
    first, last = left or _number(profile["edges"][0]), right or _number(profile["edges"][-1])
    body += _text(LEFT, TOP + HEIGHT + 16, first) + _text(LEFT + WIDTH, TOP + HEIGHT + 16, last, "end")
    best = max(known, default=0.0)
    return Chart(title, Markup(_frame(f"Mean reward by {title.lower()}", f"at most {_number(best)}", body)))


def _places(track: Track, rewards: Sequence[float | None], off: Sequence[int]) -> Markup:
    """Draw the track: the wider the band on the road the more a step pays there, crosses are off-tracks."""
    larger = float(np.ptp(np.concatenate([track.inner, track.outer]), axis=0).max())
    bands, crosses = _bands(track, rewards, larger * _BAND_SHARE), _crosses(track, off, larger * _MARK_SHARE)
    drawn = f'<g class="dia-band">{bands}</g>'
    drawn += f'<path class="dia-off-edge" d="{crosses}" stroke-width="{larger * 0.012:.3f}"/>'
    drawn += f'<path class="dia-off" d="{crosses}" stroke-width="{larger * 0.006:.3f}"/>'
    return Markup(element(track).removesuffix("</svg>") + drawn + "</svg>")


def _bands(track: Track, rewards: Sequence[float | None], widest_m: float) -> str:
    known = [reward for reward in rewards if reward is not None]
    low, span = min(known, default=0.0), max(known, default=1.0) - min(known, default=0.0)
    drawn = ""
    for index, reward in enumerate(rewards):
        if reward is None:
            continue
        share = (reward - low) / (span or 1.0)
        s = track.length_m * (index + np.linspace(0.04, 0.96, 6)) / len(rewards)
        points = "L".join(f"{x:.2f} {-y:.2f}" for x, y in track.at(s).tolist())
        width = widest_m * (0.15 + 0.85 * share)
        drawn += f'<path d="M{points}" stroke-width="{width:.3f}" opacity="{0.35 + 0.65 * share:.2f}"/>'
    return drawn


def _crosses(track: Track, off: Sequence[int], largest_m: float) -> str:
    most, drawn = max([*off, 1]), ""
    for index, count in enumerate(off):
        if count < _FEW_SHARE * most:
            continue
        x, y = track.at(np.array([track.length_m * (index + 0.5) / len(off)]))[0].tolist()
        arm = largest_m * (0.35 + 0.65 * count / most) / 2
        drawn += f"M{x - arm:.2f} {-y - arm:.2f}L{x + arm:.2f} {-y + arm:.2f}"
        drawn += f"M{x - arm:.2f} {-y + arm:.2f}L{x + arm:.2f} {-y - arm:.2f}"
    return drawn


def _frame(title: str, summary: str, body: str) -> str:
    box = f"0 0 {LEFT + WIDTH + 8:.0f} {TOP + HEIGHT + BOTTOM:.0f}"
    axes = f'<path class="dia-axis" d="M{LEFT} {TOP}V{TOP + HEIGHT}h{WIDTH}"/>'
    return (
        f'<svg class="dia-chart" viewBox="{box}" role="img" aria-label="{escape(title)}: {escape(summary)}">'
        f"{axes}{body}</svg>"
    )


def _scale(low: float, high: float) -> str:
    return _text(LEFT - 5, TOP + 8, _number(high), "end") + _text(LEFT - 5, TOP + HEIGHT, _number(low), "end")


def _text(x: float, y: float, words: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def _number(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
