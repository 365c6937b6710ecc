"""What the commands share: options, reading the files that they name, and where results and messages go."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from arena.garage.verdicts import EntrantFault, Verdict
from simulator import tracks
from simulator.car import CLASSIC, SPECS
from simulator.params import FIRST_CALL_STEPS
from simulator.starts import Starts
from simulator.track import Track, TrackError

if TYPE_CHECKING:
    from arena.garage.settings import ModelMetadata

FAULT_OF_ENTRANT, WRONG_USAGE, OUR_FAULT = 1, 2, 3

output = Console()
messages = Console(stderr=True)

existing_file = click.Path(exists=True, dir_okay=False, path_type=Path)
json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
metadata_option = click.option(
    "--model-metadata", type=existing_file, help="The action space: a DeepRacer model_metadata.json."
)
senses_option = click.option(
    "--senses",
    default="vector",
    show_default=True,
    metavar="S,S",
    callback=lambda _context, _option, text: read_senses(text),
    help="What the car may see by, out of vector, camera and lidar; the `sensor` list of model_metadata.json "
    "chooses among it. DeepRacer's own files name a camera, with which training takes several times as long: "
    "so that is asked for here.",
)
hyperparameters_option = click.option(
    "--hyperparameters", type=existing_file, help="A DeepRacer hyperparameters.json."
)
track_option = click.option(
    "--track",
    "track_name",
    required=True,
    metavar="T",
    help="A shipped track's name (`arena tracks`) or a .npy file.",
)
spec_option = click.option(
    "--spec",
    "spec_name",
    type=click.Choice(sorted(SPECS)),
    default=CLASSIC.name,
    show_default=True,
    help="The car: classic for the console of 2022 and DeepRacer for Cloud, v6 for DeepRacer on AWS.",
)
first_step_option = click.option(
    "--first-step",
    type=click.IntRange(0, FIRST_CALL_STEPS),
    default=FIRST_CALL_STEPS,
    show_default=True,
    help="What `steps` is in the first call of an episode. DeepRacer says 2; a function that sets itself up "
    "when steps is 1 (or 0) never does so there, but does with this.",
)
starts_option = click.option(
    "--starts",
    type=click.Choice([Starts.SPREAD.value, Starts.ROUND_ROBIN.value]),
    default=Starts.SPREAD.value,
    show_default=True,
    help="Where episodes begin: spread evenly over the lap, or by turns, the start line advancing by 5 % of "
    "the lap each time as in DeepRacer.",
)
logs_option = click.option(
    "--deepracer-logs",
    "logs",
    type=click.Path(file_okay=False, path_type=Path),
    help="Also write a DeepRacer model folder with logs, for deepracer-utils and what builds on it: all laps "
    "of a race; of a training the completed drives of its first cars, about 60,000 steps.",
)


def note(text: str) -> None:
    """Tell people what they should know, and programs that read the output nothing."""
    messages.print(f"note: {text}", style="yellow", markup=False)


def print_json(value: Any) -> None:
    """Write one JSON document to standard output."""
    click.echo(json.dumps(value, indent=2, sort_keys=False))


def load_track(name: str, hint: str = "--track") -> Track:
    """Load a shipped track or a file; a name that is neither is wrong usage."""
    if name not in tracks.names() and not Path(name).is_file():
        raise click.BadParameter(
            f"{name!r} is neither a shipped track ({', '.join(tracks.names())}) nor a file.",
            param_hint=hint,
        )
    try:
        return tracks.load(name)
    except TrackError as error:
        raise EntrantFault(Verdict.TRACK, str(error)) from error


def read_text(path: Path | None) -> str | None:
    """Read a settings file as text, or pass None on."""
    from arena.garage.jsontext import decode_settings

    return decode_settings(path.read_bytes(), path.name) if path else None


def read_senses(text: str) -> tuple[str, ...]:
    """Read the value of --senses; other words are wrong usage."""
    from arena.garage.sensing import SENSES

    named = {word.strip().lower() for word in text.split(",")} - {""}
    if not named or named - set(SENSES):
        raise click.BadParameter(f"expected one or more of {', '.join(SENSES)}, got {text[:60]!r}.")
    return tuple(sense for sense in SENSES if sense in named)


def read_metadata(path: Path | None, senses: tuple[str, ...]) -> "ModelMetadata":
    """Read a model_metadata.json, and say how to see by what it asks for where that is not allowed."""
    from arena.garage.sensing import SENSES
    from arena.garage.settings import parse_model_metadata

    text = read_text(path)
    metadata, asked = parse_model_metadata(text, senses), parse_model_metadata(text, SENSES)
    for warning in metadata.warnings:
        note(warning)
    if metadata.sensors != asked.sensors:
        sensors = ", ".join(asked.sensors)
        note(f"to see by {sensors}, as the file says, name its senses: --senses {','.join(SENSES)}.")
    return metadata


def seconds(milliseconds: int | None) -> str:
    """Format a lap time: 12.345 or 1:02.345; a dash where there is none."""
    if milliseconds is None:
        return "-"
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes}:{rest / 1000:06.3f}" if minutes else f"{rest / 1000:.3f}"
