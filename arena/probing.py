"""How entrant code is held on this machine, said in words: `arena sandbox probe`, and what `arena train` and
the workers say when they start.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

import click
from rich.table import Table

from arena.garage.verdicts import SandboxUnavailableError
from arena.options import OUR_FAULT, json_option, messages, output, print_json

if TYPE_CHECKING:
    from arena.garage.protection import Protection

log = logging.getLogger("arena.sandbox")


def hold_own_files() -> None:
    """Allow a person's own files to run on their own machine even where there is no lock, and say how they
    are held.
    """
    from arena.garage import protection

    protection.trust_local_code()
    held = protection.settle()
    messages.print(held.sentence, style="dim" if held.profile else "yellow", markup=False)


def hold_entries(trusting: bool) -> Protection:
    """Make sure, by attacking it, that this machine holds other people's code.

    Only where `trusting` (ARENA_SANDBOX=local-trusted) and no lock works, code will run without one.
    Raises `SandboxUnavailableError`.
    """
    from arena.garage import probe, protection

    if trusting:
        protection.trust_local_code()
    held = protection.settle()
    if held.profile is None:
        log.warning("%s", held.sentence)
        return held
    report = probe.run()
    failed = [f"{trial.name} ({trial.seen})" for trial in report.trials if not trial.passed]
    if failed:
        raise SandboxUnavailableError(
            f"Refusing to run entrant code: the lock does not hold here: {'; '.join(failed)}. "
            f"{protection.ADVICE}"
        )
    log.info("%s; %d attacks were stopped; %s.", held.sentence, len(report.trials) - 1, report.further_walls)
    return held


@click.group()
def sandbox() -> None:
    """What holds the code of entrants on this machine."""


@sandbox.command()
@json_option
def probe(as_json: bool) -> None:
    """Attack the sandbox with a score of harmless attacks and show which were stopped.

    Fails when one of them works, or when this system has no lock at all.
    """
    from arena.garage import probe as attacks
    from arena.garage import protection

    protection.trust_local_code()  # to show what would get through
    protection.settle()
    report = attacks.run()
    if as_json:
        print_json(report.as_json())
        sys.exit(0 if report.holds else OUR_FAULT)
    table = Table("attempt", "", "seen", title=report.protection.sentence, caption=report.further_walls)
    for trial in report.trials:
        table.add_row(trial.name, "ok" if trial.passed else "[bold red]FAILED[/]", trial.seen)
    output.print(table)
    sys.exit(0 if report.holds else OUR_FAULT)
