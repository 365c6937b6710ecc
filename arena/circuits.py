"""`arena tracks`: list the shipped tracks; a track's fastest possible lap; a track as a picture; new tracks.

Shipped tracks carry their optimum. For a file, or another car, it is computed, which needs CasADi
(`pip install "apex-arena[optimum]"`) and takes about a second.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.table import Table

from arena.garage.verdicts import EntrantFault, Verdict
from arena.options import json_option, load_track, messages, note, output, print_json
from simulator import generator, tracks
from simulator.car import CLASSIC, SPECS, CarSpec
from simulator.drawing import document
from simulator.generator import DIFFICULTIES, GeneratorError
from simulator.optimum import Optimum
from simulator.track import Track


def svg(track: Track, lap: Optimum | None) -> bytes:
    """Return the picture as an SVG file."""
    return document(track, lap).encode()


def png(track: Track, lap: Optimum | None) -> bytes:
    """Return the picture as a PNG file."""
    from arena import painting  # Pillow is not small, and few commands paint

    return painting.png(track, lap)


PICTURES: dict[str, Callable[[Track, Optimum | None], bytes]] = {".svg": svg, ".png": png}

track_argument = click.argument("track_name", metavar="TRACK")
reversed_option = click.option("--reversed", "is_reversed", is_flag=True, help="Driven the other way round.")


@click.group(name="tracks", invoke_without_command=True)
@json_option
@click.pass_context
def circuits(context: click.Context, as_json: bool) -> None:
    """List the shipped tracks; with a command, look at one."""
    if context.invoked_subcommand is None:
        list_tracks(as_json)


def list_tracks(as_json: bool) -> None:
    """Print the shipped tracks as a table or as JSON."""
    described = [tracks.describe(name) for name in tracks.names()]
    if as_json:
        print_json(
            [
                {
                    "name": t.name,
                    "title": t.title,
                    "length_m": round(t.length_m, 2),
                    "width_m": round(t.width_m, 3),
                    "difficulty": t.difficulty,
                }
                for t in described
            ]
        )
        return
    table = Table("name", "title", "length", "width", "difficulty", "what it is like")
    for track in described:
        table.add_row(
            track.name,
            track.title,
            f"{track.length_m:.1f} m",
            f"{track.width_m:.2f} m",
            str(track.difficulty),
            track.description,
        )
    output.print(table)


@circuits.command()
@track_argument
@reversed_option
@click.option("--spec", type=click.Choice(sorted(SPECS)), default=CLASSIC.name, show_default=True)
@json_option
def optimum(track_name: str, is_reversed: bool, spec: str, as_json: bool) -> None:
    """Tell the fastest flying lap that physics allows on TRACK (a name or a .npy file)."""
    track = asked_track(track_name, is_reversed)
    lap = fastest(track, SPECS[spec])
    facts = {
        "track": track.name,
        "spec": spec,
        "lap_s": round(lap.lap_s, 3),
        "length_m": round(track.length_m, 2),
        "path_m": round(lap.path_m, 2),
        "slowest_mps": round(float(lap.speed_mps.min()), 2),
        "versions": lap.versions,
    }
    if as_json:
        print_json(facts)
        return
    output.print(
        f"{track.name}: {lap.lap_s:.3f} s on a line of {lap.path_m:.2f} m (centre line "
        f"{track.length_m:.2f} m), {lap.speed_mps.min():.2f} to {lap.speed_mps.max():.2f} m/s.",
        markup=False,
        highlight=False,
    )


@circuits.command()
@track_argument
@reversed_option
@click.option(
    "--out",
    "file",
    required=True,
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Where the picture goes: an .svg or a .png file.",
)
def draw(track_name: str, is_reversed: bool, file: Path) -> None:
    """Draw TRACK with its fastest lap, coloured by speed, as SVG or PNG."""
    if file.suffix.lower() not in PICTURES:
        raise click.BadParameter(
            f"expected a name that ends in {' or '.join(PICTURES)}, got {file.name!r}", param_hint="--out"
        )
    track = asked_track(track_name, is_reversed)
    try:
        lap = fastest(track, CLASSIC)
    except (click.UsageError, EntrantFault) as error:
        note(f"drawn without its fastest lap: {error}")
        lap = None
    picture = PICTURES[file.suffix.lower()](track, lap)
    with writing(file):
        file.write_bytes(picture)
    messages.print(f"Drawn in {file}", markup=False)


@circuits.command()
@click.option("--seed", required=True, type=click.IntRange(min=0), help="Equal seeds give equal tracks.")
@click.option(
    "--difficulty",
    required=True,
    type=click.IntRange(min(DIFFICULTIES), max(DIFFICULTIES)),
    help="1 (beginners) to 5, as the shipped tracks have it: longer, narrower, tighter, more corners.",
)
@click.option(
    "--out",
    "file",
    required=True,
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Where the track goes: a .npy file, named as the track shall be.",
)
@click.option("--force", is_flag=True, help="Overwrite the file if it is there.")
@json_option
def generate(seed: int, difficulty: int, file: Path, force: bool, as_json: bool) -> None:
    """Make a new track that the reference driver has lapped cleanly in both directions."""
    if file.suffix.lower() != ".npy":
        raise click.BadParameter(f"expected a name that ends in .npy, got {file.name!r}", param_hint="--out")
    if file.exists() and not force:
        raise click.UsageError(f"{file} is there already; take another name, or --force to overwrite it")
    try:
        made = generator.generate(seed, difficulty, file.stem)
    except GeneratorError as error:
        raise click.UsageError(str(error)) from error
    with writing(file):
        made.track.save(file)
    if as_json:
        print_json({"file": str(file), **made.as_json()})
        return
    output.print(
        f"{made.track.name}: {made.track.length_m:.2f} m long, {made.width_m:.2f} m wide, {made.corners} "
        f"corners, the tightest {made.min_radius_m:.2f} m. The reference driver laps it in "
        f"{made.lap_ms / 1000:.3f} s, reversed in {made.reversed_lap_ms / 1000:.3f} s.",
        markup=False,
        highlight=False,
    )
    messages.print(f"Written to {file}", markup=False)


@contextmanager
def writing(file: Path) -> Iterator[None]:
    """Say which file could not be written."""
    try:
        yield
    except OSError as error:
        raise click.FileError(str(file), error.strerror or str(error)) from error


def asked_track(name: str, is_reversed: bool) -> Track:
    """Load the track that a command names, in the direction it asks for."""
    track = load_track(name, hint="TRACK")
    return track.reversed() if is_reversed else track


def fastest(track: Track, spec: CarSpec) -> Optimum:
    """Return the stored optimum, or compute it; without CasADi that is wrong usage, with a way out."""
    stored = tracks.optimum_of(track, spec)
    if stored is not None:
        return stored
    from arena.garage.optimum import OptimumError, SolverMissingError, fastest_lap

    try:
        return fastest_lap(track, spec)
    except SolverMissingError as error:
        raise click.UsageError(str(error)) from error
    except OptimumError as error:
        raise EntrantFault(Verdict.TRACK, str(error)) from error
