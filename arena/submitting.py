"""`arena submit`: a reward function, an agent or a policy that was trained elsewhere goes into a race.

What a file is, its name and its first bytes say; a program is an agent if it has a class Agent and no
reward_function. Nothing of it is run here: the arena checks it, locked, before a try is spent.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from arena.entrants import is_program
from arena.garage.verdicts import EntrantFault, Verdict
from arena.options import (
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

if TYPE_CHECKING:
    from arena.remote import Client

_AGENT = re.compile(r"^class[ \t]+Agent\b", re.MULTILINE)
_REWARD = re.compile(r"^(async[ \t]+)?def[ \t]+reward_function\b|^reward_function\b", re.MULTILINE)


@click.command()
@click.argument("file", type=existing_file)
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
    "--continue-from",
    "parent",
    metavar="NUMBER",
    help="Train on from your entry of this number in the race, or of this id in any race.",
)
@click.option(
    "--wait/--no-wait", default=True, show_default=True, help="Follow the submission up to its result."
)
@json_option
def submit(
    file: Path,
    race_slug: str,
    url: str,
    token: str,
    model_metadata: Path | None,
    hyperparameters: Path | None,
    parent: str | None,
    wait: bool,
    as_json: bool,
) -> None:
    """Enter FILE in a race of an arena.

    FILE is a reward function, or where the race takes them an agent (a program with a class Agent) or a
    policy that was trained elsewhere (.onnx or .safetensors).
    """
    from arena import remote

    client = remote.Client(url, token)
    settings = {"model_metadata": read_text(model_metadata), "hyperparameters": read_text(hyperparameters)}
    texts = {name: text for name, text in (settings | {"parent": parent}).items() if text is not None}
    submission = entered(client, race_slug, file, texts)
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


def entered(client: Client, race: str, file: Path, texts: dict[str, str]) -> dict[str, Any]:
    """Send a file with its settings as what it is; return the submission."""
    from arena.garage.sources import decode_source
    from arena.garage.uploads import is_onnx, read_upload

    if is_program(file):
        source = decode_source(file.read_bytes())
        return client.submit(race, {kind_of(source): source} | texts)
    data = read_upload(file)
    suffix = ".onnx" if is_onnx(data) else ".safetensors"
    return client.submit(race, texts, policy=(f"policy{suffix}", data))


def kind_of(source: str) -> str:
    """Return under which name the arena takes a program."""
    is_agent = _AGENT.search(source) and not _REWARD.search(source)
    return "agent" if is_agent else "reward_function"
