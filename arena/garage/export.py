"""A training or a trial as a model folder of DeepRacer, which the community's tools (deepracer-utils and what
is built on it) load as it is.

    training-simtrace/N-iteration.csv                      20 episodes each, as DeepRacer counts
    evaluation-YYYYMMDDhhmmss/evaluation-simtrace/0-iteration.csv      an episode is a lap
    model/model_metadata.json   ip/hyperparameters.json   metrics/...Metrics....json

Times in these files are those of simulated clocks. Nothing that is there already is overwritten.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np

from arena.garage.racing import Trial
from arena.garage.settings import Hyperparameters, ModelMetadata
from simulator.rules import Status
from simulator.simtrace import Episode, LoggedDrive, Scene, episodes, write_iteration
from simulator.track import Track

EPISODES_PER_ITERATION: Final = 20
_NETWORK: Final = "two layers of 64 (tanh)"
_STAMP: Final = "%Y%m%d%H%M%S"
# As DeepRacer's metrics write what its logs call lap_complete, off_track, ...
_LABELS: Final = {status: status.name.replace("_", " ").capitalize() for status in Status} | {
    Status.TIME_UP: "Time Up"
}


class ExportError(ValueError):
    """A folder that cannot take these logs; the message says what to do."""


def require_free(folder: Path) -> None:
    """Raise `ExportError` if `folder` already holds the logs of a training."""
    if any((folder / "training-simtrace").glob("*")):
        raise ExportError(
            f"{folder / 'training-simtrace'} already holds the logs of a training. "
            "Name another folder, or remove that one."
        )


def write_training(
    folder: Path,
    drives: list[LoggedDrive],
    track: Track,
    metadata: ModelMetadata,
    hyperparameters: Hyperparameters,
) -> int:
    """Write the logs of a training and return how many episodes they hold: none if no drive was completed.

    Raises `ExportError` where there are logs already.
    """
    require_free(folder)
    driven = list(episodes(drives, Scene(track, metadata.actions)))
    for number in range(0, len(driven), EPISODES_PER_ITERATION):
        path = folder / "training-simtrace" / f"{number // EPISODES_PER_ITERATION}-iteration.csv"
        write_iteration(path, driven[number : number + EPISODES_PER_ITERATION], number)
    _write_json(folder / "ip" / "hyperparameters.json", hyperparameters.as_json())
    _write_metadata(folder, metadata)
    metrics = [_training_metric(place, episode) for place, episode in enumerate(driven)]
    document = {"metrics": metrics, "version": 2.0, "best_model_metric": "progress"}
    _write_json(folder / "metrics" / "TrainingMetrics.json", document)
    return len(driven)


def write_evaluation(
    folder: Path, trial: Trial, track: Track, metadata: ModelMetadata, at: datetime | None = None
) -> Path:
    """Write the laps of a trial and return their csv; `at` (now) names the evaluation, to the second.

    Rewards are 0: a race never runs the reward function.
    """
    stamp = _free_stamp(folder, at or datetime.now(UTC))
    drive = LoggedDrive(trial.trace, np.zeros(len(trial.trace)))
    driven = list(episodes([drive], Scene(track, metadata.actions)))
    path = folder / f"evaluation-{stamp}" / "evaluation-simtrace" / "0-iteration.csv"
    write_iteration(path, driven)
    (folder / "training-simtrace").mkdir(exist_ok=True)  # by this folder the tools know what they have got
    if not (folder / "model" / "model_metadata.json").exists():
        _write_metadata(folder, metadata)
    metrics = [_evaluation_metric(place, episode, trial) for place, episode in enumerate(driven)]
    _write_json(folder / "metrics" / f"EvaluationMetrics-{stamp}.json", {"metrics": metrics})
    return path


def _free_stamp(folder: Path, at: datetime) -> str:
    while (folder / f"evaluation-{at.strftime(_STAMP)}").exists():
        at += timedelta(seconds=1)
    return at.strftime(_STAMP)


def _write_metadata(folder: Path, metadata: ModelMetadata) -> None:
    document = metadata.as_json() | {"neural_network": _NETWORK}
    _write_json(folder / "model" / "model_metadata.json", document)


def _write_json(path: Path, document: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _training_metric(place: int, episode: Episode) -> dict[str, object]:
    return _times(episode) | {
        "reward_score": round(episode.reward),
        "episode": place + 1,
        "trial": place % EPISODES_PER_ITERATION + 1,
        "phase": "training",
        "completion_percentage": int(episode.progress),
        "episode_status": _LABELS[episode.status],
    }


def _evaluation_metric(place: int, episode: Episode, trial: Trial) -> dict[str, object]:
    """Return a lap's entry; official milliseconds where the lap was completed."""
    statuses = [row[14] for row in episode.rows]
    last = place == len(trial.laps) - 1 or place >= len(trial.laps)
    counts = {
        f"{name}_count": statuses.count(status)
        for name, status in (
            ("crash", "crashed"),
            ("immobilized", "immobilized"),
            ("off_track", "off_track"),
            ("reversed", "reversed"),
        )
    }
    entry = _times(episode) | counts
    if place < len(trial.laps):
        entry["elapsed_time_in_milliseconds"] = trial.laps[place].lap_time_ms
    return entry | {
        "completion_percentage": int(episode.progress),
        "episode_status": _LABELS[episode.status] if last else _LABELS[Status.IN_PROGRESS],
        "reset_count": sum(counts.values()),
        "trial": place + 1,
    }


def _times(episode: Episode) -> dict[str, object]:
    begin_ms, end_ms = round(episode.begin_s * 1000), round(episode.end_s * 1000)
    return {"metric_time": end_ms, "start_time": begin_ms, "elapsed_time_in_milliseconds": end_ms - begin_ms}
