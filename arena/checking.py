"""`arena check`: what a reward function answers to a dozen situations, here and on the real thing; what a
policy that was trained elsewhere does at a dozen places; and whether an agent drives.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Table

from arena import entrants, probing
from arena.garage.verdicts import EntrantFault
from arena.options import (
    FAULT_OF_ENTRANT,
    existing_file,
    first_step_option,
    hyperparameters_option,
    json_option,
    load_track,
    metadata_option,
    note,
    output,
    print_json,
    read_metadata,
    read_text,
    senses_option,
)
from arena.roads import Road, road_options
from simulator import tracks
from simulator.course import Course

if TYPE_CHECKING:
    from arena.garage.sandbox import CheckResult


@click.command()
@click.argument("file", type=existing_file)
@click.option(
    "--track",
    "track_name",
    default=tracks.names()[0],
    show_default=True,
    metavar="T",
    help="Where the situations are: a shipped track's name or a .npy file.",
)
@road_options
@metadata_option
@senses_option
@hyperparameters_option
@first_step_option
@click.option(
    "--strict-deepracer",
    is_flag=True,
    help="Also say what the official validator of DeepRacer would refuse; then that fails the check, too.",
)
@json_option
def check(
    file: Path,
    track_name: str,
    road: Road,
    model_metadata: Path | None,
    senses: tuple[str, ...],
    hyperparameters: Path | None,
    first_step: int,
    strict_deepracer: bool,
    as_json: bool,
) -> None:
    """Call the reward function in FILE on a dozen situations and show what it answers.

    FILE may also be a policy that was trained elsewhere (.onnx or .safetensors): it is opened as for a race.
    Or it is an agent, a program with a class Agent: it drives the first seconds of a race.
    With obstacles, bots or several cars there are situations with them, too: a function for such a race may
    not work without.
    """
    from arena.garage import sandbox
    from arena.garage.hyperparameters import parse_hyperparameters

    if not entrants.is_program(file):
        check_policy_file(file, road.course(load_track(track_name)), model_metadata, as_json)
        return
    source = sandbox.decode_source(file.read_bytes())
    probing.hold_own_files()
    if is_agent(source):
        check_agent_file(source, road.course(load_track(track_name)), as_json)
        return
    metadata = read_metadata(model_metadata, senses)
    learning = parse_hyperparameters(read_text(hyperparameters), metadata.algorithm)
    for warning in learning.warnings:
        note(warning)
    course = road.course(load_track(track_name))
    result = sandbox.check(source, course, first_step=first_step)
    official = None
    if strict_deepracer:
        from arena.garage import strict

        official = strict.judge(source, result, course.track)
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


def is_agent(source: str) -> bool:
    """Have a locked child say what a program defines; the check itself says what is wrong with one that is
    none.
    """
    from arena.garage import agents

    try:
        return agents.is_agent(source)
    except EntrantFault:
        return False


def check_agent_file(source: str, course: Course, as_json: bool) -> None:
    """Have an agent drive the first seconds of a race, and show the verdict."""
    from arena.garage.agent_check import check_agent

    show_verdict(check_agent(source, course), as_json)


def check_policy_file(file: Path, course: Course, model_metadata: Path | None, as_json: bool) -> None:
    """Open a policy, have it answer at places around the course, and show the verdict."""
    from arena.garage import uploads

    data = uploads.read_upload(file)
    read, beside = entrants.read_all_senses, entrants.metadata_beside
    metadata = read(model_metadata) if model_metadata else beside(file)
    probing.hold_own_files()
    show_verdict(uploads.check_policy(data, metadata, course), as_json)


def show_verdict(result: "CheckResult", as_json: bool) -> None:
    """Show what a check says in one sentence."""
    if as_json:
        print_json(result.as_json())
        sys.exit(0 if result.ok else FAULT_OF_ENTRANT)
    if not result.ok:
        raise EntrantFault(result.verdict, result.message, line=result.line, detail=result.detail)
    output.print(result.message, markup=False, highlight=False)
