"""The command line: `arena train`, `race`, `check`, `replay` and `tracks` work on files alone; `submit` talks
to a running arena; `serve`, `worker`, `demo` and `account` run one.

Exit codes: 0 done, 1 the entrant's fault (a verdict says what and where), 2 wrong usage, 3 ours (logged
with its traceback). With `--json` the result, or the verdict, is the only thing on standard output. Imports
of the trainer, the league and the web stay inside the commands that need them: `arena check` must not wait
two seconds for PyTorch.
"""

import json
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from arena import checking, circuits, comparing, probing, racing, serve
from arena.garage.verdicts import EntrantFault, Verdict
from arena.options import (
    FAULT_OF_ENTRANT,
    OUR_FAULT,
    existing_file,
    first_step_option,
    hyperparameters_option,
    json_option,
    load_track,
    logs_option,
    messages,
    metadata_option,
    output,
    print_json,
    read_text,
    seconds,
    spec_option,
    track_option,
)
from arena.roads import Road, road_options
from simulator.car import SPECS


def main() -> None:
    """Run the command line and turn every failure into its exit code."""
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    logging.getLogger("alembic").setLevel(logging.WARNING)
    as_json = "--json" in sys.argv
    try:
        sys.exit(cli.main(standalone_mode=False) or 0)
    except click.exceptions.Abort:
        messages.print("Stopped.")
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except EntrantFault as fault:
        show_fault(fault, as_json)
        sys.exit(FAULT_OF_ENTRANT)
    except Exception:
        logging.getLogger("arena").exception(
            "This is a fault of Apex Arena, not yours. Please report it with the lines below."
        )
        sys.exit(OUR_FAULT)


def show_fault(fault: EntrantFault, as_json: bool) -> None:
    """Tell the entrant what went wrong, where, and what to do next."""
    if as_json:
        print_json(
            {"ok": False, "verdict": fault.verdict.value, "message": fault.message, "line": fault.line}
        )
        return
    where = f" (line {fault.line})" if fault.line else ""
    messages.print(f"[bold red]{fault.verdict.value}[/]{where}: ", end="")
    messages.print(fault.message, markup=False)
    if fault.detail:
        messages.print(fault.detail, style="dim", markup=False)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="apex-arena")
def cli() -> None:
    """Apex Arena: train a 1:18 scale car with a reward function, race it, and watch the laps."""


@cli.command()
@click.argument("reward", type=existing_file)
@track_option
@road_options
@metadata_option
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
@spec_option
@first_step_option
@logs_option
@json_option
def train(
    reward: Path,
    track_name: str,
    road: Road,
    model_metadata: Path | None,
    hyperparameters: Path | None,
    steps: int,
    seed: int,
    folder: Path,
    spec_name: str,
    first_step: int,
    logs: Path | None,
    as_json: bool,
) -> None:
    """Train a car with the reward function in REWARD, on the course that it is to race on."""
    from arena.garage import export, recording, sandbox, settings

    source = sandbox.decode_source(reward.read_bytes())
    metadata = settings.parse_model_metadata(read_text(model_metadata))
    learning = settings.parse_hyperparameters(read_text(hyperparameters))
    course = road.course(load_track(track_name))
    for warning in (*metadata.warnings, *learning.warnings):
        messages.print(f"note: {warning}", style="yellow", markup=False)
    if logs:
        require_free(logs)
    recorder = recording.DriveRecorder() if logs else None
    probing.hold_own_files()

    from arena.garage import training

    with progress_bar(steps, quiet=as_json) as on_progress:
        trained = training.train(
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
        )
    trained.policy.save(folder)
    (folder / "reward_function.py").write_text(source, encoding="utf-8")
    result = {
        "steps": trained.steps,
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
    (folder / "training.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    if logs and recorder:
        drives = recorder.drives()
        result["logged_episodes"] = export.write_training(
            logs, drives, course, metadata, learning, SPECS[spec_name]
        )
        if not drives:
            messages.print(
                "note: no recorded car completed a drive, so the logs are empty; train for longer."
            )
    if as_json:
        print_json(result)
        return
    output.print(
        f"Trained {trained.steps:,} steps in {trained.wall_s:.1f} s ({trained.steps_per_s:,.0f} steps/s): "
        f"{trained.episodes:,} episodes, {trained.completed_laps:,} of them complete laps."
    )
    output.print(f"Trained on {course.in_words()}. Now race it there:  arena race {folder} ...", markup=False)


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


@cli.command()
@click.argument("reward", type=existing_file)
@click.option(
    "--race", "race_slug", required=True, metavar="SLUG", help="The race to enter, as in its address."
)
@click.option(
    "--url",
    required=True,
    envvar="ARENA_URL",
    metavar="U",
    help="The arena's address, e.g. http://127.0.0.1:8000",
)
@click.option(
    "--token", required=True, envvar="ARENA_TOKEN", metavar="T", help="Your token, from the account page."
)
@metadata_option
@hyperparameters_option
@click.option(
    "--wait/--no-wait", default=True, show_default=True, help="Follow the submission up to its result."
)
@json_option
def submit(
    reward: Path,
    race_slug: str,
    url: str,
    token: str,
    model_metadata: Path | None,
    hyperparameters: Path | None,
    wait: bool,
    as_json: bool,
) -> None:
    """Enter the reward function in REWARD in a race of an arena."""
    from arena import remote
    from arena.garage.sandbox import decode_source

    client = remote.Client(url, token)
    submission = client.submit(
        race_slug,
        reward_function=decode_source(reward.read_bytes()),
        model_metadata=read_text(model_metadata),
        hyperparameters=read_text(hyperparameters),
    )
    messages.print(f"Submitted as number {submission['number']}: {submission['url']}", markup=False)
    if wait:
        submission = client.follow(
            submission["id"], on_state=lambda state: messages.print(state, style="dim", markup=False)
        )
    if as_json:
        print_json(submission)
    if submission.get("verdict"):
        raise EntrantFault(Verdict(submission["verdict"]), submission["message"], line=submission["line"])
    if wait and not as_json:
        output.print(f"Official time: {seconds(submission['official_ms'])}")


for _command in (
    checking.check,
    circuits.circuits,
    comparing.replay,
    racing.race,
    probing.sandbox,
    serve.account,
    serve.demo,
    serve.serve,
    serve.worker,
):
    cli.add_command(_command)
