"""`arena export`: a trained policy as a file with which it drives elsewhere, and proof that it does."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from arena import probing
from arena.entrants import load_policy
from arena.options import OUR_FAULT, json_option, load_track, messages, output, print_json, seconds
from simulator.car import CLASSIC, SPECS
from simulator.course import Course

if TYPE_CHECKING:
    from arena.garage.equivalence import Comparison
    from arena.garage.policy import Policy

DEFAULT_NAMES = {"onnx": "policy.onnx", "car": "car.tar.gz"}


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(list(DEFAULT_NAMES)),
    default="onnx",
    show_default=True,
    help="An ONNX file, or a bundle with it, model_metadata.json, the weights and how to drive with them.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where it goes; by default policy.onnx or car.tar.gz in FOLDER.",
)
@click.option(
    "--track",
    "track_name",
    metavar="T",
    help="Where the laps are compared; by default the track that the policy was trained on.",
)
@json_option
def export(folder: Path, form: str, out: Path | None, track_name: str | None, as_json: bool) -> None:
    """Write the policy in FOLDER for use elsewhere.

    Nothing is written unless the file, run by onnxruntime, acts as the policy does (to 1e-5) and drives its
    three laps in the same milliseconds. For logs as DeepRacer writes them see --deepracer-logs of train and
    race.
    """
    policy = load_policy(folder)
    try:
        from arena.garage import bundle, onnx_files
    except ImportError as error:
        raise click.UsageError(
            f"Exporting needs onnx and onnxruntime ({error}). Install them: pip install 'apex-arena[onnx]'."
        ) from error
    model = onnx_files.to_onnx(policy)
    probing.hold_own_files()
    comparison = compared(policy, model, track_name or known_track(folder, policy))
    if not comparison.same:
        messages.print(f"Not exported: {told(comparison)}", style="bold red", markup=False)
        sys.exit(OUR_FAULT)
    path = out or folder / DEFAULT_NAMES[form]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model if form == "onnx" else bundle.car_bundle(policy, model))
    if as_json:
        print_json({"file": str(path), "format": form, "same": True} | asdict(comparison))
        return
    output.print(f"Written to {path}: {told(comparison)}", markup=False, highlight=False)


def known_track(folder: Path, policy: "Policy") -> str:
    """Return the track that a policy was trained on, as far as it is known."""
    try:
        document = json.loads((folder / "training.json").read_text(encoding="utf-8"))
        named = document.get("track") if isinstance(document, dict) else None
    except (OSError, ValueError):
        named = None
    name = named or policy.about.get("track")
    if not isinstance(name, str):
        raise click.UsageError("The policy does not say where it was trained. Name a track: --track T.")
    return name


def compared(policy: "Policy", model: bytes, track_name: str) -> "Comparison":
    """Race the policy and its export, which goes the way of an uploaded file."""
    from arena.garage.equivalence import compare
    from arena.garage.uploads import open_policy

    spec = SPECS.get(policy.about.get("spec", ""), CLASSIC)
    with open_policy(model) as exported:
        return compare(policy, exported, Course(load_track(track_name)), spec)


def told(comparison: "Comparison") -> str:
    """Say what was compared and how it came out."""
    own, other = comparison.lap_times_ms, comparison.exported_lap_times_ms
    laps = " ".join(map(seconds, own)) or f"no lap in {seconds(comparison.total_time_ms)}"
    same = "the same" if own == other else " ".join(map(seconds, other)) or "none"
    return (
        f"over {comparison.observations:,} observations actions differ by at most "
        f"{comparison.max_action_difference:.1e}; laps of the policy: {laps}, of the file: {same}."
    )
