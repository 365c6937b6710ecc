"""`arena verify`: an official result is trained and raced again from its recipe, and held against it.

The recipe and the source come from an arena, or the recipe from a file and the source from another. What can
be told before the training (versions, the code, the seed) is told before it. Source that comes from an arena
is somebody else's: it runs locked or not at all.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click
from rich.table import Table

from arena import probing, recipes, reracing
from arena.garage.verdicts import EntrantFault, SandboxUnavailableError
from arena.options import (
    FAULT_OF_ENTRANT,
    existing_file,
    json_option,
    note,
    output,
    print_json,
    seconds,
)
from arena.recipes import Comparison, Recipe, RecipeError, Remade
from arena.reracing import Content

if TYPE_CHECKING:
    from arena.assignments import Assignment
    from arena.garage.training_checkpoint import Checkpoint
    from arena.remote import Client

_SHORT = 12
_MAX_ANCESTORS = 100


@click.command()
@click.argument("submission", metavar="SUBMISSION")
@click.option(
    "--reward",
    type=existing_file,
    help="The reward function, the agent or the policy's file, instead of the arena's copy. A recipe in a "
    "file needs it.",
)
@click.option(
    "--url", envvar="ARENA_URL", metavar="U", help="The arena's address, where only an id is given."
)
@click.option("--token", envvar="ARENA_TOKEN", metavar="T", help="Your token, from the account page.")
@json_option
def verify(submission: str, reward: Path | None, url: str | None, token: str | None, as_json: bool) -> None:
    """Train and race an official result again and say whether it is the same.

    SUBMISSION is the address of an entry's page, its id (with --url), or a recipe in a file (with --reward).
    Where an entry was trained on from earlier ones, these are trained first.
    Owners may verify their entries when the race is over, organisers any entry at any time. Exit code 1
    means that the result differs.
    """
    recipe, content = fetch(submission, reward, url, token)
    ancestors = fetch_ancestors(recipe, submission, url, token)
    hold(is_own=reward is not None and not ancestors)
    assignment = assign(recipe, content)
    line = [(each, assign(each, code)) for each, code in ancestors]
    if reracing.is_raced_only(recipe):
        comparison = reracing.rerace(recipe, content, assignment)
    else:
        comparison = remake(recipe, assignment, line, quiet=as_json)
    if as_json:
        print_json({"submission": recipe.submission, **comparison.as_json()})
    else:
        show(recipe, comparison)
    sys.exit(0 if comparison.same else FAULT_OF_ENTRANT)


def fetch(submission: str, reward: Path | None, url: str | None, token: str | None) -> tuple[Recipe, Content]:
    """Return the recipe and the source or the policy's file, each from its file or from the arena."""
    from arena.remote import Client

    own = reward.read_bytes() if reward else None
    try:
        if Path(submission).is_file():
            if own is None:
                raise click.UsageError("A recipe holds no code. Name the entered file with --reward.")
            recipe = Recipe.of_text(Path(submission).read_text(encoding="utf-8"))
            return recipe, content_of(recipe, own)
        base, public_id = place_of(submission, url)
        client = Client(base, required(token))
        recipe = Recipe.of_json(client.request(f"/api/v1/submissions/{public_id}/recipe"))
        return recipe, content_of(recipe, own) if own is not None else source_of(client, public_id, recipe)
    except (RecipeError, UnicodeDecodeError) as error:
        raise click.BadParameter(str(error), param_hint="SUBMISSION") from error


def required(token: str | None) -> str:
    """Return the token; to have none is wrong usage."""
    if not token:
        raise click.UsageError("Expected --token: an arena shows code and settings to those who may.")
    return token


def content_of(recipe: Recipe, own: bytes) -> Content:
    """Return what a file holds, as the recipe takes it."""
    from arena.garage.sources import decode_source

    return own if recipe.upload_sha256 else decode_source(own)


def source_of(client: Client, public_id: str, recipe: Recipe) -> Content:
    """Return the reward function, the agent or the policy's file of an entry."""
    if recipe.upload_sha256:
        return client.download(f"/api/v1/submissions/{public_id}/upload")
    source = client.request(f"/api/v1/submissions/{public_id}/source")
    return str(source["agent" if recipe.driver == "agent" else "reward_function"])


def fetch_ancestors(
    recipe: Recipe, submission: str, url: str | None, token: str | None
) -> list[tuple[Recipe, Content]]:
    """Return recipe and source of each entry that was trained on, the first one first."""
    from arena.remote import Client

    line: list[tuple[Recipe, Content]] = []
    if recipe.parent is None:
        return line
    if Path(submission).is_file() and not url:
        raise click.UsageError("This entry was trained on from another one. Give --url, to fetch that, too.")
    base = url if Path(submission).is_file() and url else place_of(submission, url)[0]
    client = Client(base, required(token))
    while recipe.parent is not None and len(line) < _MAX_ANCESTORS:
        if not recipe.parent.isalnum():
            raise click.BadParameter(f"{recipe.parent!r} is no id of an entry.", param_hint="SUBMISSION")
        parent = recipe.parent
        try:
            recipe = Recipe.of_json(client.request(f"/api/v1/submissions/{parent}/recipe"))
        except RecipeError as error:
            raise click.BadParameter(str(error), param_hint="SUBMISSION") from error
        line.insert(0, (recipe, source_of(client, parent, recipe)))
    return line


def place_of(submission: str, url: str | None) -> tuple[str, str]:
    """Return the arena's address and the id of a submission; a token goes to the arena it is for only."""
    if "/" not in submission:
        if not submission.isalnum():
            raise click.BadParameter(f"{submission!r} is no file and no id.", param_hint="SUBMISSION")
        if not url:
            raise click.UsageError("Expected the address of the entry's page, or --url with its id.")
        return url, submission
    parts = urlsplit(submission)
    before, found, public_id = parts.path.rstrip("/").rpartition("/submissions/")
    if not found or not public_id.isalnum() or parts.scheme not in ("http", "https"):
        raise click.BadParameter(
            f"{submission!r} is no file and no address of an entry, https://ARENA/submissions/ID.",
            param_hint="SUBMISSION",
        )
    base = f"{parts.scheme}://{parts.netloc}{before.removesuffix('/api/v1')}"
    if url and url.rstrip("/") != base:
        raise click.UsageError(f"The entry is at {base}, the token is for {url}. Give --url {base} if it is.")
    return base, public_id


def hold(is_own: bool) -> None:
    """See to it that the code can run: one's own file as in a training, that of others locked only."""
    if is_own:
        probing.hold_own_files()
        return
    try:
        probing.hold_entries(trusting=False)
    except SandboxUnavailableError as error:
        raise click.ClickException(
            f"{error} Or save the entry's source, read it, and name it with --reward."
        ) from error


def assign(recipe: Recipe, content: Content) -> Assignment:
    """Return the recipe's assignment; one that hides what is needed, or cannot be, is wrong usage."""
    from arena import courses
    from arena.assignments import Assignment

    if recipe.race_seed is None:
        raise click.UsageError(
            "The race takes entries still: its seed is secret until it is over. Verify it then."
        )
    if recipe.model_metadata is None or recipe.hyperparameters is None:
        raise click.UsageError(
            "This recipe hides the settings. The entry's owner and organisers get them, with their token."
        )
    try:
        return Assignment.of(
            courses.plan_of(recipe.conditions, recipe.race_seed),
            recipe.race_seed,
            source=content if isinstance(content, str) else "",
            model_metadata=json.dumps(recipe.model_metadata) if recipe.model_metadata else None,
            hyperparameters=json.dumps(recipe.hyperparameters),
            parent_sha256=recipe.parent_policy_sha256 or "",
        )
    except ValueError as error:
        raise click.BadParameter(
            f"The recipe cannot be driven here: {error}", param_hint="SUBMISSION"
        ) from error


def remake(
    recipe: Recipe,
    assignment: Assignment,
    ancestors: Sequence[tuple[Recipe, Assignment]] = (),
    *,
    quiet: bool = False,
) -> Comparison:
    """Train and race, unless the code or the seed is another one already; compare what comes out."""
    from arena.garage.racing import versions_of
    from arena.garage.training_versions import software

    versions = versions_of(assignment.course, assignment.car) | software()
    reracing.tell_differences(recipe, versions)
    digest = digest_of(assignment)
    remade = Remade(digest=digest, seed=assignment.seed(digest), versions=versions)
    if (remade.digest, remade.seed) == (recipe.digest, recipe.seed):
        parent = train_line(ancestors, quiet=quiet)
        if parent is None or parent.policy_sha256 == assignment.parent_sha256:
            assignment = assignment.going_on_from(parent) if parent else assignment
            remade = train_and_race(assignment, versions, quiet=quiet)
        remade = replace(remade, parent_policy_sha256=parent.policy_sha256 if parent else None)
    return recipes.compare(recipe, remade)


def train_line(ancestors: Sequence[tuple[Recipe, Assignment]], *, quiet: bool) -> Checkpoint | None:
    """Train the entries that were trained on, one from the other; return what the last one came to."""
    from arena.training import progress_bar

    parent: Checkpoint | None = None
    for recipe, assignment in ancestors:
        note(f"first {recipe.racer}'s entry {recipe.number} in {recipe.race}, which was trained on.")
        going_on = assignment.going_on_from(parent) if parent else assignment
        with progress_bar(assignment.training_steps, quiet=quiet) as on_progress:
            parent = going_on.train(on_progress=on_progress).continuation
    return parent


def digest_of(assignment: Assignment) -> str:
    """Return the digest of the code, which its locked child takes, before anything is trained."""
    from arena.garage import sandbox

    found = sandbox.check(assignment.source, assignment.course)
    if not found.digest:
        raise EntrantFault(found.verdict, found.message, line=found.line, detail=found.detail)
    return found.digest


def train_and_race(assignment: Assignment, versions: dict[str, str], *, quiet: bool) -> Remade:
    """Do again what the worker did."""
    from arena.training import progress_bar

    with progress_bar(assignment.training_steps, quiet=quiet) as on_progress:
        trained = assignment.train(on_progress=on_progress)
    trial = assignment.race(trained.policy)
    return Remade(
        digest=trained.digest,
        seed=trained.seed,
        policy_sha256=hashlib.sha256(trained.policy.to_bytes()).hexdigest(),
        trace_sha256=hashlib.sha256(trial.trace.to_bytes()).hexdigest(),
        lap_times_ms=[lap.lap_time_ms for lap in trial.laps],
        versions=versions,
    )


def show(recipe: Recipe, comparison: Comparison) -> None:
    """Tell people what was compared and what came of it."""
    title = f"{recipe.racer}'s entry {recipe.number} in {recipe.race}"
    table = Table("what", "published", "here", "", title=title)
    for finding in (*comparison.results, *comparison.versions):
        verdict = {True: "same", False: "[bold red]differs[/]", None: "-"}[finding.same]
        table.add_row(finding.name, text_of(finding.published), text_of(finding.here), verdict)
    output.print(table)
    output.print(comparison.sentence, markup=False)


def text_of(value: object) -> str:
    """Return a value as people read it: hashes shortened, laps as times."""
    if value is None:
        return "-"
    if isinstance(value, list):
        return " ".join(seconds(lap) for lap in value) or "none"
    text = str(value)
    is_hash = len(text) == 64 and all(digit in "0123456789abcdef" for digit in text)
    return text[:_SHORT] if is_hash else text
