"""How a training goes: counts of its episodes, and what it says about itself while it runs."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from simulator.laps import Outcome

_LAST_EPISODES: Final = 100  # means are taken over this many
_COUNTS: Final = ("steps", "episodes", "completed_laps", "best_lap_ms")
_ETA_AFTER_S: Final = 0.4  # the first steps are slow and would promise hours


@dataclass(frozen=True, slots=True)
class Progress:
    """A training at one moment. Means are of the last hundred episodes, None before the first has ended."""

    steps: int
    budget: int
    elapsed_s: float
    eta_s: float | None
    steps_per_s: float
    episodes: int
    completed_laps: int
    mean_return: float | None
    mean_progress: float | None
    best_lap_ms: int | None

    def as_json(self) -> dict[str, object]:
        return asdict(self)


class Meter:
    """Counts what the cars of one training do."""

    def __init__(self, budget: int, num_cars: int) -> None:
        self.budget = budget
        self.steps = 0
        self.episodes = 0
        self.completed_laps = 0
        self.best_lap_ms: int | None = None
        self._returns: NDArray[np.float64] = np.zeros(num_cars)
        self._last_returns: deque[float] = deque(maxlen=_LAST_EPISODES)
        self._last_progress: deque[float] = deque(maxlen=_LAST_EPISODES)
        self._began = time.monotonic()

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self._began

    def count(self, rewards: NDArray[np.float64], outcomes: Mapping[int, Outcome]) -> None:
        """Take in one step of all cars: rewards [n] and the drives that ended with it."""
        self.steps += len(rewards)
        self._returns += rewards
        for car, outcome in outcomes.items():
            self.episodes += 1
            self.completed_laps += len(outcome.laps)
            self._last_returns.append(float(self._returns[car]))
            self._last_progress.append(outcome.progress)
            self._returns[car] = 0.0
            for lap in outcome.laps:
                self.best_lap_ms = min(lap.lap_time_ms, self.best_lap_ms or lap.lap_time_ms)

    def is_enough(self, max_episodes: int | None, mean_return: float | None) -> bool:
        """Return whether there were so many episodes, or the last hundred returned so much in the mean."""
        if max_episodes is not None and self.episodes >= max_episodes:
            return True
        last = self._last_returns
        return (
            mean_return is not None and len(last) == _LAST_EPISODES and sum(last) >= mean_return * len(last)
        )

    def cut(self) -> None:
        """Forget the drives under way: all cars begin anew."""
        self._returns[:] = 0.0

    def as_json(self) -> dict[str, Any]:
        """Return what `go_on_from` needs between two stints."""
        kept = {name: getattr(self, name) for name in _COUNTS}
        last = {"returns": list(self._last_returns), "progress": list(self._last_progress)}
        return kept | {"last": last, "elapsed_s": self.elapsed_s}

    def go_on_from(self, document: dict[str, Any]) -> None:
        """Go on counting where another meter stopped. Raises ValueError, KeyError or TypeError."""
        for name in _COUNTS:
            value = document[name]
            if not isinstance(value, int) and not (value is None and name == "best_lap_ms"):
                raise ValueError(f"expected a number as {name}, got {value!r:.40}")
            setattr(self, name, value)
        self._last_returns.extend(map(float, document["last"]["returns"]))
        self._last_progress.extend(map(float, document["last"]["progress"]))
        self._began -= float(document["elapsed_s"])

    def progress(self) -> Progress:
        elapsed_s = self.elapsed_s
        steps_per_s = self.steps / elapsed_s if elapsed_s > 0 else 0.0
        return Progress(
            steps=self.steps,
            budget=self.budget,
            elapsed_s=round(elapsed_s, 3),
            eta_s=round((self.budget - self.steps) / steps_per_s, 1) if elapsed_s > _ETA_AFTER_S else None,
            steps_per_s=round(steps_per_s, 1),
            episodes=self.episodes,
            completed_laps=self.completed_laps,
            mean_return=_mean(self._last_returns),
            mean_progress=_mean(self._last_progress),
            best_lap_ms=self.best_lap_ms,
        )


def _mean(values: deque[float]) -> float | None:
    return round(sum(values) / len(values), 4) if values else None
