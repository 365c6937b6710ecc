"""Model folders of DeepRacer: deepracer-utils loads them as they are, and finds what was driven."""

from __future__ import annotations

import csv
import importlib
import io
import json
import zipfile
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import starter_kits
from arena.garage import export, racing
from arena.garage.hyperparameters import Hyperparameters
from arena.garage.recording import DriveRecorder
from arena.garage.settings import ModelMetadata, Network, parse_model_metadata
from arena.garage.training import Training, train
from simulator import tracks
from simulator.actions import Continuous, Discrete
from simulator.course import Course, Direction
from simulator.objects import Obstacle
from tests.arena.garage.test_racing import steering_policy

OVAL = tracks.load("oval")
SOURCE = (starter_kits.FOLDER / "make_progress" / "reward_function.py").read_text(encoding="utf-8")
DISCRETE = ModelMetadata(Discrete(((-30.0, 1.0), (-15.0, 1.5), (0.0, 2.0), (15.0, 1.5), (30.0, 1.0))))
CONTINUOUS = ModelMetadata(Continuous((-30.0, 30.0), (0.5, 2.0)))
AT = datetime(2026, 11, 23, 20, 15, 30, tzinfo=UTC)
STEPS = 20_000


def trained(metadata: ModelMetadata) -> tuple[Training, DriveRecorder]:
    recorder = DriveRecorder()
    return train(SOURCE, OVAL, metadata=metadata, steps=STEPS, recorder=recorder), recorder


@pytest.fixture(scope="module", params=[DISCRETE, CONTINUOUS], ids=["discrete", "continuous"])
def model(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, ModelMetadata, DriveRecorder, racing.Trial]:
    """A folder with the logs of a training and of one race with its car."""
    metadata: ModelMetadata = request.param
    folder = tmp_path_factory.mktemp("model")
    training, recorder = trained(metadata)
    export.write_training(folder, recorder.drives(), OVAL, metadata, Hyperparameters())
    trial = racing.drive(training.policy, OVAL, laps=2)
    export.write_evaluation(folder, trial, OVAL, metadata, AT)
    return folder, metadata, recorder, trial


Model = tuple[Path, ModelMetadata, DriveRecorder, racing.Trial]


@pytest.fixture
def deepracer(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The community's package; it wants to know an AWS region even for files."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("MPLBACKEND", "Agg")
    return importlib.import_module("deepracer.logs")


@pytest.mark.filterwarnings("ignore")
def test_deepracer_utils_loads_a_training(model: Model, deepracer: Any) -> None:
    folder, metadata, recorder, _ = model
    log = deepracer.DeepRacerLog(model_folder=str(folder))
    log.load()
    frame, drives = log.dataframe(), recorder.drives()
    assert len(frame) == sum(len(drive.trace) + 1 for drive in drives)
    assert frame["unique_episode"].nunique() == len(drives)
    assert Counter(frame["episode_status"])["prepare"] == len(drives)
    assert set(frame["action"]) <= ({-1} if metadata is CONTINUOUS else set(range(5)))
    runs = deepracer.AnalysisUtils.simulation_agg(frame, secondgroup="unique_episode")
    assert runs["reward"].sum() == pytest.approx(sum(float(drive.rewards.sum()) for drive in drives))
    assert runs["progress"].between(-1.0, 100.0).all()
    assert runs["iteration"].max() == (len(drives) - 1) // 20
    assert (runs["dist"] > 0.0).all()
    assert log.action_space()
    assert log.hyperparameters()["batch_size"] == 2048


@pytest.mark.filterwarnings("ignore")
def test_deepracer_utils_loads_an_evaluation(model: Model, deepracer: Any) -> None:
    folder, _, _, trial = model
    log = deepracer.DeepRacerLog(model_folder=str(folder))
    log.load_evaluation_trace()
    laps = deepracer.AnalysisUtils.simulation_agg(
        log.dataframe(), firstgroup="stream", secondgroup="episode", is_eval=True
    )
    assert laps["stream"].unique().tolist() == ["20261123201530"]
    assert laps["complete"].sum() == trial.completed_laps
    for lap, time_s in zip(trial.laps, laps["time"], strict=False):
        assert time_s == pytest.approx(lap.lap_time_ms / 1000, abs=2.01 / 15)
    assert laps["off_track"].sum() == trial.off_track_count


@pytest.mark.filterwarnings("ignore")
def test_deepracer_utils_finds_three_flying_laps(deepracer: Any, tmp_path: Path) -> None:
    policy = steering_policy(2.0, gain=1.0)
    trial = racing.drive(policy, OVAL, laps=3)
    assert trial.finished
    export.write_evaluation(tmp_path, trial, OVAL, ModelMetadata(policy.actions), AT)
    log = deepracer.DeepRacerLog(model_folder=str(tmp_path))
    log.load_evaluation_trace()
    laps = deepracer.AnalysisUtils.simulation_agg(
        log.dataframe(), firstgroup="stream", secondgroup="episode", is_eval=True
    )
    assert laps["complete"].tolist() == [1, 1, 1]
    expected = np.array([lap.lap_time_ms / 1000 for lap in trial.laps])
    # The first lap has the step of `prepare`; all are counted in whole steps.
    assert laps["time"].to_numpy() - [1 / 15, 0.0, 0.0] == pytest.approx(expected, abs=1.01 / 15)


@pytest.mark.filterwarnings("ignore")
def test_deepracer_utils_reads_the_metrics(model: Model, deepracer: Any) -> None:
    folder, _, recorder, _ = model
    metrics = deepracer.metrics.TrainingMetrics(
        bucket=None, fname=str(folder / "metrics" / "TrainingMetrics.json")
    )
    table = metrics.getTraining()
    assert len(table) == len(recorder.drives())
    assert metrics.getSummary(rounds=[1], method="mean", summary_index=["r-i"]) is not None


def test_metrics_of_a_race_hold_the_official_times(model: Model) -> None:
    folder, _, _, trial = model
    text = (folder / "metrics" / "EvaluationMetrics-20261123201530.json").read_text(encoding="utf-8")
    metrics = json.loads(text)["metrics"]
    times = [entry["elapsed_time_in_milliseconds"] for entry in metrics[: len(trial.laps)]]
    assert times == [lap.lap_time_ms for lap in trial.laps]
    assert sum(entry["off_track_count"] for entry in metrics) == trial.off_track_count
    if trial.finished:
        assert [entry["episode_status"] for entry in metrics] == ["In progress", "Lap complete"]


def test_nothing_is_overwritten(model: Model) -> None:
    folder, metadata, recorder, trial = model
    before = (folder / "training-simtrace" / "0-iteration.csv").read_bytes()
    with pytest.raises(export.ExportError, match="already holds the logs of a training"):
        export.write_training(folder, recorder.drives(), OVAL, metadata, Hyperparameters())
    assert (folder / "training-simtrace" / "0-iteration.csv").read_bytes() == before
    again = export.write_evaluation(folder, trial, OVAL, metadata, AT)
    assert again.parent.parent.name == "evaluation-20261123201531"


def test_iterations_hold_20_episodes_each_numbered_throughout(model: Model) -> None:
    folder, _, recorder, _ = model
    files = sorted(
        (folder / "training-simtrace").glob("*.csv"), key=lambda path: int(path.name.split("-")[0])
    )
    numbers = []
    for file in files:
        with file.open(encoding="utf-8", newline="") as rows:
            numbers.append(sorted({int(row["episode"]) for row in csv.DictReader(rows)}))
    assert [number for iteration in numbers for number in iteration] == list(range(len(recorder.drives())))
    assert all(len(iteration) == 20 for iteration in numbers[:-1])


def test_recording_does_not_change_what_is_learned() -> None:
    plain = train(SOURCE, OVAL, metadata=DISCRETE, steps=4096)
    recorded = train(SOURCE, OVAL, metadata=DISCRETE, steps=4096, recorder=DriveRecorder())
    assert recorded.policy.to_bytes() == plain.policy.to_bytes()


def test_few_cars_of_a_long_training_are_recorded() -> None:
    recorder = DriveRecorder()
    recorder.plan(256, 500_000)
    assert recorder.cars == 30
    recorder.plan(16, 2_000)
    assert recorder.cars == 16


def test_training_without_a_completed_drive_has_no_episodes(tmp_path: Path) -> None:
    assert export.write_training(tmp_path, [], OVAL, DISCRETE, Hyperparameters()) == 0
    assert not (tmp_path / "training-simtrace").exists()


@pytest.mark.filterwarnings("ignore")
def test_deepracer_utils_loads_laps_of_both_directions_out_of_a_zip(deepracer: Any, tmp_path: Path) -> None:
    policy = steering_policy(2.0, gain=1.0)
    course = Course(OVAL, Direction.ALTERNATE)
    trial = racing.drive(policy, course, laps=3)
    evaluation = export.Evaluation.of(trial, course, ModelMetadata(policy.actions))
    data = export.evaluation_zip(evaluation, AT, reward_function=SOURCE, hyperparameters=Hyperparameters())
    assert data == export.evaluation_zip(
        evaluation, AT, reward_function=SOURCE, hyperparameters=Hyperparameters()
    )
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        archive.extractall(tmp_path)
    assert (tmp_path / "reward_function.py").read_text(encoding="utf-8") == SOURCE
    log = deepracer.DeepRacerLog(model_folder=str(tmp_path))
    log.load_evaluation_trace()
    frame = log.dataframe()
    assert Counter(frame["episode_status"])["prepare"] == 3  # each lap from a standing start
    laps = deepracer.AnalysisUtils.simulation_agg(
        frame, firstgroup="stream", secondgroup="episode", is_eval=True
    )
    assert laps["complete"].tolist() == [1, 1, 1]
    assert (frame["progress"] >= -1.0).all()
    on_track = frame.groupby("episode")["on_track"].mean()
    assert (on_track > 0.9).all()  # seen from the right way round
    assert log.hyperparameters()["batch_size"] == 2048


@pytest.mark.filterwarnings("ignore")
def test_crashes_are_in_logs_and_metrics(deepracer: Any, tmp_path: Path) -> None:
    policy = steering_policy(1.5, gain=1.0)
    course = Course(OVAL, obstacles=(Obstacle(0.3), Obstacle(0.7)))
    trial = racing.drive(policy, course, laps=2)
    assert trial.finished
    assert trial.crash_count > 0
    export.write_evaluation(tmp_path, trial, course, ModelMetadata(policy.actions), AT)
    text = (tmp_path / "metrics" / "EvaluationMetrics-20261123201530.json").read_text(encoding="utf-8")
    metrics = json.loads(text)["metrics"]
    assert [entry["crash_count"] for entry in metrics] == [lap.crash_count for lap in trial.laps]
    assert sum(entry["reset_count"] for entry in metrics) == trial.reset_count
    assert [entry["reversed_count"] for entry in metrics] == [0, 0]
    log = deepracer.DeepRacerLog(model_folder=str(tmp_path))
    log.load_evaluation_trace()
    laps = deepracer.AnalysisUtils.simulation_agg(
        log.dataframe(), firstgroup="stream", secondgroup="episode", is_eval=True
    )
    assert laps["crashed"].tolist() == [lap.crash_count for lap in trial.laps]


@pytest.mark.filterwarnings("ignore")
def test_deepracer_utils_loads_a_training_both_ways_round(deepracer: Any, tmp_path: Path) -> None:
    course, recorder = Course(OVAL, Direction.ALTERNATE), DriveRecorder()
    train(SOURCE, course, metadata=CONTINUOUS, steps=8192, recorder=recorder)
    count = export.write_training(tmp_path, recorder.drives(), course, CONTINUOUS, Hyperparameters())
    log = deepracer.DeepRacerLog(model_folder=str(tmp_path))
    log.load()
    frame = log.dataframe()
    assert frame["unique_episode"].nunique() == count == len(recorder.drives())
    assert {drive.leg for drive in recorder.drives()} == {0, 1}
    assert len(frame) == sum(len(drive.trace) + 1 for drive in recorder.drives())


@pytest.mark.parametrize(
    "metadata",
    [
        DISCRETE,
        ModelMetadata(sensors=("STEREO_CAMERAS", "LIDAR")),
        ModelMetadata(network=Network.LARGE),
    ],
)
def test_a_written_model_metadata_says_what_the_car_has_and_can_be_trained_with(
    metadata: ModelMetadata, tmp_path: Path
) -> None:
    export.write_training(tmp_path, [], OVAL, metadata, Hyperparameters())
    text = (tmp_path / export.METADATA_FILE).read_text(encoding="utf-8")
    again = parse_model_metadata(text, ("vector", "camera", "lidar"))
    assert again.as_json() == metadata.as_json()
    assert json.loads(text)["neural_network"].startswith("DEEP_CONVOLUTIONAL_NETWORK_")
