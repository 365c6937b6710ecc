"""A training or a trial as a model folder of DeepRacer, which the community's tools (deepracer-utils and what
is built on it) load as it is.

    training-simtrace/N-iteration.csv                      20 episodes each, as DeepRacer counts
    evaluation-YYYYMMDDhhmmss/evaluation-simtrace/0-iteration.csv      an episode is a lap
    model/model_metadata.json   ip/hyperparameters.json   metrics/...Metrics....json

Times in these files are those of simulated clocks. Nothing that is there already is overwritten.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Final, Self

import numpy as np

from arena.garage.hyperparameters import Hyperparameters
from arena.garage.settings import ModelMetadata
from arena.garage.trials import Trial
from simulator.archive import NO_DATE
from simulator.car import CLASSIC, SPECS, CarSpec
from simulator.course import Course
from simulator.rules import Status
from simulator.simtrace import Episode, LoggedDrive, Scene, episodes, iteration_bytes, write_iteration
from simulator.trace import COLUMNS, Trace
from simulator.track import Track

EPISODES_PER_ITERATION: Final = 20
METADATA_FILE: Final = "model/model_metadata.json"
_SMALL_NETWORK: Final = "DEEP_CONVOLUTIONAL_NETWORK_SHALLOW"
_STAMP: Final = "%Y%m%d%H%M%S"
_TIME: Final = COLUMNS.index("t_s")
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
    drives: Sequence[LoggedDrive],
    course: Course | Track,
    metadata: ModelMetadata,
    hyperparameters: Hyperparameters,
    spec: CarSpec = CLASSIC,
) -> int:
    """Write the logs of a training and return how many episodes they hold: none if no drive was completed.

    Raises `ExportError` where there are logs already.
    """
    require_free(folder)
    driven = list(episodes(drives, *_scenes(Course.of(course), metadata, spec)))
    for number in range(0, len(driven), EPISODES_PER_ITERATION):
        path = folder / "training-simtrace" / f"{number // EPISODES_PER_ITERATION}-iteration.csv"
        write_iteration(path, driven[number : number + EPISODES_PER_ITERATION], number)
    metrics = [_training_metric(place, episode) for place, episode in enumerate(driven)]
    document = {"metrics": metrics, "version": 2.0, "best_model_metric": "progress"}
    files = {
        "ip/hyperparameters.json": _json_bytes(hyperparameters.as_json()),
        METADATA_FILE: _metadata_bytes(metadata),
        "metrics/TrainingMetrics.json": _json_bytes(document),
    }
    _write(folder, files)
    return len(driven)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A drive as it was recorded, with what its logs have to say besides."""

    trace: Trace
    lap_times_ms: Sequence[int]
    """The official ones, of the completed laps."""
    course: Course
    metadata: ModelMetadata
    spec: CarSpec = CLASSIC

    @classmethod
    def of(cls, trial: Trial, course: Course | Track, metadata: ModelMetadata) -> Self:
        """Return what there is to say of a trial on a course."""
        times = [lap.lap_time_ms for lap in trial.laps]
        return cls(trial.trace, times, Course.of(course), metadata, SPECS[trial.versions["spec"]])

    def files(self, stamp: str) -> dict[str, bytes]:
        """Return the files by their paths in a model folder; `stamp` are 14 digits. Rewards are 0: a race
        never runs the reward function.
        """
        scenes = _scenes(self.course, self.metadata, self.spec)
        driven = list(episodes(self._drives(len(scenes)), *scenes))
        metrics = [
            _evaluation_metric(place, episode, self.lap_times_ms) for place, episode in enumerate(driven)
        ]
        return {
            f"evaluation-{stamp}/evaluation-simtrace/0-iteration.csv": iteration_bytes(driven),
            f"metrics/EvaluationMetrics-{stamp}.json": _json_bytes({"metrics": metrics}),
        }

    def _drives(self, legs: int) -> list[LoggedDrive]:
        """Return the drive, or one for each lap where the direction alternates."""
        laps = self.trace["lap"]
        borders = (np.flatnonzero(np.diff(laps)) + 1).tolist() if legs > 1 else []
        drives = []
        for place, (begin, end) in enumerate(pairwise([0, *borders, len(laps)])):
            rows = self.trace.rows[begin:end].copy()
            rows[:, _TIME] -= rows[0, _TIME]
            drives.append(LoggedDrive(Trace(rows), np.zeros(len(rows)), leg=place % legs))
        return drives


def write_evaluation(
    folder: Path, trial: Trial, course: Course | Track, metadata: ModelMetadata, at: datetime | None = None
) -> Path:
    """Write the laps of a trial and return their csv; `at` (now) names the evaluation, to the second."""
    files = Evaluation.of(trial, course, metadata).files(_free_stamp(folder, at or datetime.now(UTC)))
    (folder / "training-simtrace").mkdir(parents=True, exist_ok=True)  # the tools know the folder by it
    if not (folder / METADATA_FILE).exists():
        files[METADATA_FILE] = _metadata_bytes(metadata)
    _write(folder, files)
    return folder / next(iter(files))


def evaluation_zip(
    evaluation: Evaluation,
    at: datetime,
    *,
    reward_function: str = "",
    hyperparameters: Hyperparameters | None = None,
) -> bytes:
    """Return a model folder with one evaluation as a zip archive; the same drive gives the same bytes.

    `at` names the evaluation. What was entered goes with it, where it is given.
    """
    files = evaluation.files(at.strftime(_STAMP)) | {METADATA_FILE: _metadata_bytes(evaluation.metadata)}
    if hyperparameters is not None:
        files["ip/hyperparameters.json"] = _json_bytes(hyperparameters.as_json())
    if reward_function:
        files["reward_function.py"] = reward_function.encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("training-simtrace/", NO_DATE), b"")
        for name, content in files.items():
            member = zipfile.ZipInfo(name, NO_DATE)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = 0o644 << 16
            archive.writestr(member, content)
    return buffer.getvalue()


def _scenes(course: Course, metadata: ModelMetadata, spec: CarSpec) -> list[Scene]:
    return [Scene(leg.track, metadata.actions, spec) for leg in course.legs()]


def _free_stamp(folder: Path, at: datetime) -> str:
    while (folder / f"evaluation-{at.strftime(_STAMP)}").exists():
        at += timedelta(seconds=1)
    return at.strftime(_STAMP)


def _metadata_bytes(metadata: ModelMetadata) -> bytes:
    """Return the file as DeepRacer's tools and `arena train` read it; a large network names itself."""
    return _json_bytes({"neural_network": _SMALL_NETWORK} | metadata.as_json())


def _json_bytes(document: object) -> bytes:
    return (json.dumps(document, indent=2) + "\n").encode()


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _training_metric(place: int, episode: Episode) -> dict[str, object]:
    return _times(episode) | {
        "reward_score": round(episode.reward),
        "episode": place + 1,
        "trial": place % EPISODES_PER_ITERATION + 1,
        "phase": "training",
        "completion_percentage": int(episode.progress),
        "episode_status": _LABELS[episode.status],
    }


def _evaluation_metric(place: int, episode: Episode, lap_times_ms: Sequence[int]) -> dict[str, object]:
    """Return a lap's entry; official milliseconds where the lap was completed."""
    statuses = [row[14] for row in episode.rows]
    last = place >= len(lap_times_ms) - 1
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
    if place < len(lap_times_ms):
        entry["elapsed_time_in_milliseconds"] = lap_times_ms[place]
    return entry | {
        "completion_percentage": int(episode.progress),
        "episode_status": _LABELS[episode.status] if last else _LABELS[Status.IN_PROGRESS],
        "reset_count": sum(counts.values()),
        "trial": place + 1,
    }


def _times(episode: Episode) -> dict[str, object]:
    begin_ms, end_ms = round(episode.begin_s * 1000), round(episode.end_s * 1000)
    return {"metric_time": end_ms, "start_time": begin_ms, "elapsed_time_in_milliseconds": end_ms - begin_ms}
