"""`arena check`: what a reward function answers to a dozen situations, here and on the real thing."""

import sys
from pathlib import Path

import click
from rich.table import Table

from arena import probing
from arena.garage.verdicts import EntrantFault
from arena.options import (
    FAULT_OF_ENTRANT,
    existing_file,
    first_step_option,
    hyperparameters_option,
    json_option,
    messages,
    metadata_option,
    output,
    print_json,
    read_text,
)
from simulator import tracks


@click.command()
@click.argument("reward", type=existing_file)
@metadata_option
@hyperparameters_option
@first_step_option
@click.option(
    "--strict-deepracer",
    is_flag=True,
    help="Also say what the official validator of DeepRacer would refuse; then that fails the check, too.",
)
@json_option
def check(
    reward: Path,
    model_metadata: Path | None,
    hyperparameters: Path | None,
    first_step: int,
    strict_deepracer: bool,
    as_json: bool,
) -> None:
    """Call the reward function in REWARD on a dozen situations and show what it answers."""
    from arena.garage import sandbox, settings

    source = sandbox.decode_source(reward.read_bytes())
    metadata = settings.parse_model_metadata(read_text(model_metadata))
    learning = settings.parse_hyperparameters(read_text(hyperparameters))
    for warning in (*metadata.warnings, *learning.warnings):
        messages.print(f"note: {warning}", style="yellow", markup=False)
    track = tracks.load(tracks.names()[0])
    probing.hold_own_files()
    result = sandbox.check(source, track, first_step=first_step)
    official = None
    if strict_deepracer:
        from arena.garage import strict

        official = strict.judge(source, result, track)
    passed = result.ok and (official is None or official.ok)
    if as_json:
        print_json(result.as_json() | ({"deepracer": official.as_json()} if official else {}))
        sys.exit(0 if passed else FAULT_OF_ENTRANT)
    if not result.ok:
        raise EntrantFault(result.verdict, result.message, line=result.line, detail=result.detail)
    table = Table("situation", "reward", title=result.message)
    for row in result.rewards:
        table.add_row(row.state, f"{row.reward:.4f}")
    output.print(table)
    for finding in official.findings if official else ():
        output.print(f"line {finding.line or '-'}: {finding.rule}: {finding.message}", markup=False)
    if official and official.ok:
        output.print("The official validator of DeepRacer would accept it, too.")
    sys.exit(0 if passed else FAULT_OF_ENTRANT)
