"""The command line: `arena train`, `race`, `check`, `export`, `replay` and `tracks` work on files; `submit`
talks to a running arena, `verify` makes its results again; `serve`, `worker`, `demo` and `account` run one.

Exit codes: 0 done, 1 the entrant's fault (a verdict says what and where), 2 wrong usage, 3 ours (logged
with its traceback). With `--json` the result, or the verdict, is the only thing on standard output. Imports
of the trainer, the league and the web stay inside the commands that need them: `arena check` must not wait
two seconds for PyTorch.
"""

import logging
import sys
from pathlib import Path

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
    training,
    verifying,
)
from arena.garage.verdicts import EntrantFault, Verdict
from arena.options import (
    FAULT_OF_ENTRANT,
    OUR_FAULT,
    existing_file,
    hyperparameters_option,
    json_option,
    messages,
    metadata_option,
    output,
    print_json,
    read_text,
    seconds,
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
    serve.serve,
    serve.worker,
    training.train,
    verifying.verify,
):
    cli.add_command(_command)
