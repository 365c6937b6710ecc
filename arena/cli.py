"""The command line: `arena train`, `race`, `check`, `export`, `replay` and `tracks` work on files; `submit`
talks to a running arena, `verify` makes its results again; `serve`, `worker`, `demo` and `account` run one.

Exit codes: 0 done, 1 the entrant's fault (a verdict says what and where), 2 wrong usage, 3 ours (logged
with its traceback). With `--json` the result, or the verdict, is the only thing on standard output. Imports
of the trainer, the league and the web stay inside the commands that need them: `arena check` must not wait
two seconds for PyTorch.
"""

import logging
import sys

import click

from arena import (
    backups,
    checking,
    circuits,
    comparing,
    exporting,
    probing,
    racing,
    serve,
    submitting,
    training,
    verifying,
)
from arena.garage.verdicts import EntrantFault
from arena.options import (
    FAULT_OF_ENTRANT,
    OUR_FAULT,
    messages,
    print_json,
)


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


for _command in (
    backups.backup,
    backups.restore,
    checking.check,
    circuits.circuits,
    comparing.replay,
    exporting.export,
    racing.race,
    probing.sandbox,
    serve.account,
    serve.demo,
    serve.dispatch,
    serve.serve,
    serve.worker,
    submitting.submit,
    training.train,
    verifying.verify,
):
    cli.add_command(_command)
