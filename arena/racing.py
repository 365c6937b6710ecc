"""`arena race`: trained cars against the clock, among obstacles and bots, and against each other."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Table

from arena.options import (
    json_option,
    load_track,
    logs_option,
    note,
    output,
    print_json,
    seconds,
    spec_option,
    track_option,
)
from arena.roads import Road, road_options
from simulator.car import SPECS, CarSpec
from simulator.course import Course

if TYPE_CHECKING:
    from arena.garage.drivers import Entrant
    from arena.garage.policy import Policy
    from arena.garage.trials import Heat, Trial

REFERENCE_TITLE = "reference driver"
EMPTY = "an empty road"


@click.command()
@click.argument(
    "folders",
    nargs=-1,
    required=True,
    metavar="FOLDER...",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
)
@track_option
@road_options
@click.option("--laps", type=click.IntRange(1, 100), default=3, show_default=True)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    default=0,
    show_default=True,
    help="Of bots and imperfections, where there are any.",
)
@spec_option
@logs_option
@json_option
def race(
    folders: tuple[Path, ...],
    track_name: str,
    road: Road,
    laps: int,
    seed: int,
    spec_name: str,
    logs: Path | None,
    as_json: bool,
) -> None:
    """Race the trained car in FOLDER, or those in several folders against each other.

    They start from the line, those in several folders from a grid in the order in which they are named.
    """
    from arena.garage import racing

    if logs and len(folders) > 1:
        raise click.UsageError("--deepracer-logs takes the laps of one car; race it alone for its logs.")
    course = road.course(load_track(track_name), cars=len(folders))
    policies = [load_policy(folder) for folder in folders]
    spec = SPECS[spec_name]
    for folder, policy in zip(folders, policies, strict=True):
        note_differences(folder, policy, course, spec)
    if len(folders) == 1:
        trial = racing.drive(policies[0], course, laps=laps, seed=seed, spec=spec)
        show_alone(folders[0], trial, course, policies[0], logs, as_json)
        return
    entrants: list[Entrant] = [*policies]
    entrants += [racing.REFERENCE] * (course.cars - len(policies))
    heat = racing.head_to_head(entrants, course, laps=laps, seed=seed, spec=spec)
    show_heat(folders, heat, course, as_json)


def load_policy(folder: Path) -> "Policy":
    """Read a policy; a folder without one that can be raced is wrong usage."""
    from arena.garage.policy import Policy, PolicyError

    try:
        return Policy.load(folder)
    except PolicyError as error:
        raise click.BadParameter(str(error), param_hint="FOLDER") from error


def note_differences(folder: Path, policy: "Policy", course: Course, spec: CarSpec) -> None:
    """Say where a race is another one than the policy was trained for."""
    learnt_with = policy.about.get("spec", spec.name)
    if learnt_with != spec.name:
        note(f"the policy was trained with the car {learnt_with}, it races with {spec.name}.")
    if policy.about.get("course", "") != course.text:
        now = course.in_words() if course.text else EMPTY
        note(f"the policy in {folder} was trained on {policy.about.get('driven', EMPTY)}, it races on {now}.")


def show_alone(
    folder: Path, trial: "Trial", course: Course, policy: "Policy", logs: Path | None, as_json: bool
) -> None:
    """Keep the drive of one policy and show its laps."""
    from arena.garage import export, settings

    trace = folder / f"trace-{course.track.name}.npz"
    trial.trace.save(trace)
    if logs:
        export.write_evaluation(logs, trial, course, settings.ModelMetadata(policy.actions))
    if as_json:
        print_json(trial.as_json() | {"trace": str(trace)})
        return
    output.print(table_of(trial, course))
    if not trial.finished:
        output.print(f"Did not finish: {trial.ended_by}.")
    if trial.percent_of_the_possible is not None:
        output.print(f"The best lap is {trial.percent_of_the_possible:.1f} % of the possible.")
    output.print(
        f"Best lap {seconds(trial.best_lap_ms)}, total {seconds(trial.total_time_ms)}. "
        f"The drive is in {trace}",
        markup=False,
    )


def table_of(trial: "Trial", course: Course) -> Table:
    """Return the laps of a trial; columns that say the same in every race are left out."""
    crashes, ways = course.race_type.value != "time_trial", len(course.directions) > 1
    extra = [*(["direction"] if ways else []), *(["crashes"] if crashes else [])]
    table = Table("lap", "time", "off track", *extra, "penalty", title=f"{course.in_words()}: the laps")
    for lap in trial.laps:
        cells = [*([lap.direction.value] if ways else []), *([str(lap.crash_count)] if crashes else [])]
        table.add_row(
            str(lap.number),
            seconds(lap.lap_time_ms),
            str(lap.off_track_count),
            *cells,
            seconds(lap.penalty_ms or None),
        )
    return table


def show_heat(folders: Sequence[Path], heat: "Heat", course: Course, as_json: bool) -> None:
    """Keep the drives of a heat and show who came in when."""
    name = f"trace-{course.track.name}"
    traces = [folder / f"{name}-{start}.npz" for start, folder in enumerate(folders, start=1)]
    for trace, trial in zip(traces, heat.trials, strict=False):
        trial.trace.save(trace)
    titles = [str(folder) for folder in folders]
    titles += [REFERENCE_TITLE] * (len(heat.trials) - len(folders))
    if as_json:
        print_json(heat_json(titles, traces, heat))
        return
    columns = ("place", "car", "laps", "time", "gap", "best lap", "crashes", "off track")
    table = Table(*columns, title=course.in_words())
    for place, car in enumerate(heat.order, start=1):
        trial = heat.trials[car]
        time = seconds(trial.total_time_ms) if trial.finished else trial.ended_by
        gap = "" if place == 1 else f"+{seconds(heat.gaps_ms[car])}" if heat.gaps_ms[car] is not None else "-"
        counts = (str(trial.crash_count), str(trial.off_track_count))
        best = seconds(trial.best_lap_ms)
        table.add_row(str(place), titles[car], str(trial.completed_laps), time, gap, best, *counts)
    output.print(table)


def heat_json(titles: Sequence[str], traces: Sequence[Path], heat: "Heat") -> dict[str, object]:
    """Return a heat as one document: the cars in the order of the grid, each with its place."""
    places = {car: place for place, car in enumerate(heat.order, start=1)}
    cars = []
    for car, trial in enumerate(heat.trials):
        entry: dict[str, object] = {"car": titles[car], "place": places[car], "gap_ms": heat.gaps_ms[car]}
        cars.append(entry | trial.as_json() | {"trace": str(traces[car]) if car < len(traces) else None})
    return {"order": [titles[car] for car in heat.order], "cars": cars}
