"""`arena train`: a reward function becomes a policy in a folder, for the course that it is to race on."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from arena import probing, resuming
from arena.options import (
    existing_file,
    first_step_option,
    hyperparameters_option,
    json_option,
    load_track,
    logs_option,
    messages,
    metadata_option,
    note,
    output,
    print_json,
    read_metadata,
    read_text,
    seconds,
    senses_option,
    spec_option,
    starts_option,
    track_option,
)
from arena.roads import Road, road_options
from simulator.car import SPECS
from simulator.course import Course
from simulator.starts import Starts

if TYPE_CHECKING:
    from arena.garage.diagnosis import Diagnosis
    from arena.garage.policy import Policy
    from arena.garage.training import Training


@click.command()
@click.argument("reward", type=existing_file)
@track_option
@road_options
@metadata_option
@senses_option
@hyperparameters_option
@click.option(
    "--steps",
    type=click.IntRange(1_024, 100_000_000),
    default=500_000,
    show_default=True,
    help="Training budget.",
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True)
@click.option(
    "--out",
    "folder",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the policy goes.",
)
@resuming.continue_option
@spec_option
@first_step_option
@starts_option
@logs_option
@json_option
def train(
    reward: Path,
    track_name: str,
    road: Road,
    model_metadata: Path | None,
    senses: tuple[str, ...],
    hyperparameters: Path | None,
    steps: int,
    seed: int,
    folder: Path,
    parent_folder: Path | None,
    spec_name: str,
    first_step: int,
    starts: str,
    logs: Path | None,
    as_json: bool,
) -> None:
    """Train a car with the reward function in REWARD, on the course that it is to race on.

    A training that was stopped goes on when the same command is given again.
    """
    from arena.garage import export, racing, recording, sandbox
    from arena.garage.debrief import debrief
    from arena.garage.hyperparameters import parse_hyperparameters

    source = sandbox.decode_source(reward.read_bytes())
    metadata = read_metadata(model_metadata, senses)
    learning = parse_hyperparameters(read_text(hyperparameters), metadata.algorithm)
    course = road.course(load_track(track_name))
    for warning in learning.warnings:
        note(warning)
    parent = resuming.parent_in(parent_folder)
    if logs:
        require_free(logs)
    recorder = recording.DriveRecorder()
    probing.hold_own_files()

    from arena.garage import training

    with progress_bar(steps, quiet=as_json) as on_progress:
        ready = partial(
            training.train,
            source,
            course,
            metadata=metadata,
            hyperparameters=learning,
            steps=steps,
            seed=seed,
            on_progress=on_progress,
            recorder=recorder,
            first_step=first_step,
            spec=SPECS[spec_name],
            starts=Starts(starts),
            parent=parent,
        )
        trained = resuming.resumed(ready, folder)
    trial = racing.drive(trained.policy, course, spec=SPECS[spec_name])
    diagnosis = debrief(source, course, trained, trial, recorder, first_step)
    result = training_json(trained, folder, course, spec_name, seed) | told(diagnosis)
    keep_training(folder, trained.policy, source, result)
    resuming.keep_continuation(folder, trained)
    if diagnosis:
        (folder / "diagnosis.json").write_text(json.dumps(diagnosis.as_json(), indent=2) + "\n", "utf-8")
    if logs:
        drives, spec = recorder.drives(), SPECS[spec_name]
        result["logged_episodes"] = export.write_training(logs, drives, course, metadata, learning, spec)
        if not drives:
            note("no recorded car completed a drive, so the logs are empty; train for longer.")
    if as_json:
        print_json(result)
    else:
        show_training(trained, folder, course, diagnosis)


def told(diagnosis: "Diagnosis | None") -> dict[str, Any]:
    """Return the diagnosis' words; its numbers are in a file of their own."""
    if diagnosis is None:
        return {}
    return {"diagnosis": {name: diagnosis.as_json()[name] for name in ("findings", "sentences", "cost")}}


def show_training(trained: "Training", folder: Path, course: Course, diagnosis: "Diagnosis | None") -> None:
    """Tell people what was done, what it taught, and what comes next."""
    output.print(
        f"Trained {trained.steps:,} steps in {trained.wall_s:.1f} s ({trained.steps_per_s:,.0f} steps/s): "
        f"{trained.episodes:,} episodes, {trained.completed_laps:,} of them complete laps."
    )
    if trained.total_steps > trained.steps:
        output.print(f"With what it went on from, the policy has learnt for {trained.total_steps:,} steps.")
    if diagnosis:
        for sentence in (*diagnosis.sentences.values(), diagnosis.cost.sentence):
            output.print(f"  {sentence}", style="dim", markup=False, highlight=False)
        for finding in diagnosis.findings:
            output.print(f"! {finding.sentence}", style="yellow", markup=False, highlight=False)
            output.print(f"  {finding.advice}", markup=False, highlight=False)
    output.print(f"Now race it:  arena race {folder} --track {course.track.name}", markup=False)
    if course.text:
        output.print(f"It learnt on {course.in_words()}: name that, too.", markup=False)


def training_json(
    trained: "Training", folder: Path, course: Course, spec_name: str, seed: int
) -> dict[str, Any]:
    """Return what is told of a training, and kept beside its policy."""
    return {
        "steps": trained.steps,
        "total_steps": trained.total_steps,
        "wall_s": round(trained.wall_s, 3),
        "steps_per_s": round(trained.steps_per_s),
        "policy": str(folder / "policy.safetensors"),
        "episodes": trained.episodes,
        "completed_laps": trained.completed_laps,
        "track": course.track.name,
        "course": course.as_json(),
        "spec": spec_name,
        "seed": seed,
    }


def keep_training(folder: Path, policy: "Policy", source: str, result: dict[str, Any]) -> None:
    """Write what `arena race` and people want of a training."""
    policy.save(folder)
    (folder / "reward_function.py").write_text(source, encoding="utf-8")
    (folder / "training.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def require_free(logs: Path) -> None:
    """Refuse, before anything is trained, a folder that holds the logs of another training."""
    from arena.garage import export

    try:
        export.require_free(logs)
    except export.ExportError as error:
        raise click.BadParameter(str(error), param_hint="--deepracer-logs") from error


class progress_bar:  # noqa: N801 (used as a verb: `with progress_bar(...) as on_progress`)
    """A bar with steps, speed, laps and the time left; silent where a program reads the output."""

    def __init__(self, steps: int, *, quiet: bool) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self.bar = Progress(
            TextColumn("training"),
            BarColumn(),
            TextColumn("{task.completed:,.0f} of {task.total:,.0f} steps"),
            TextColumn("{task.fields[laps]:,} laps"),
            TextColumn("{task.fields[best]}"),
            TimeRemainingColumn(),
            console=messages,
            disable=quiet,
        )
        self.task = self.bar.add_task("training", total=steps, laps=0, best="")

    def __enter__(self) -> Callable[[Any], None]:
        self.bar.start()
        return self.update

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def update(self, progress: Any) -> None:
        best = f"best {seconds(progress.best_lap_ms)}" if progress.best_lap_ms else ""
        self.bar.update(
            self.task,
            completed=progress.steps,
            total=progress.budget,  # the whole updates that fit into what was asked for
            laps=progress.completed_laps,
            best=best,
        )
