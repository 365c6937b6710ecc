"""`arena race`: trained cars against the clock, among obstacles and bots, and against each other."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Table

from arena import probing
from arena.entrants import car_argument, opened, trace_path
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
    from arena.garage.drivers import Driver, Entrant
    from arena.garage.trials import Heat, Trial

REFERENCE_TITLE = "reference driver"
EMPTY = "an empty road"


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="CAR...", type=car_argument)
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
    paths: tuple[Path, ...],
    track_name: str,
    road: Road,
    laps: int,
    seed: int,
    spec_name: str,
    logs: Path | None,
    as_json: bool,
) -> None:
    """Race the trained CAR, or several against each other.

    A car is a folder of `arena train`, a policy that was trained elsewhere (a .onnx or .safetensors file,
    with its actions in the model_metadata.json beside it), or an agent: a program with a class Agent, which
    drives without training. They start from the line, several from a grid in the order in which they are
    named.
    """
    from arena.garage import racing

    if logs and len(paths) > 1:
        raise click.UsageError("--deepracer-logs takes the laps of one car; race it alone for its logs.")
    course = road.course(load_track(track_name), cars=len(paths))
    spec = SPECS[spec_name]
    if any(path.is_file() for path in paths):
        probing.hold_own_files()
    with ExitStack() as cars:
        drivers = [cars.enter_context(opened(path, seed)) for path in paths]
        for path, driver in zip(paths, drivers, strict=True):
            note_differences(path, driver, course, spec)
        if len(paths) == 1:
            trial = racing.drive(drivers[0], course, laps=laps, seed=seed, spec=spec)
            show_alone(paths[0], trial, course, drivers[0], logs, as_json)
            return
        grid: list[Entrant] = [*drivers]
        grid += [racing.REFERENCE] * (course.cars - len(drivers))
        heat = racing.head_to_head(grid, course, laps=laps, seed=seed, spec=spec)
    note_faults(paths, drivers)
    show_heat(paths, heat, course, as_json)


def note_faults(paths: Sequence[Path], drivers: "Sequence[Driver]") -> None:
    """Say which agents did not finish because their code failed: the others have raced on without them."""
    from arena.garage.agents import Agent

    for path, driver in zip(paths, drivers, strict=True):
        if isinstance(driver, Agent) and driver.fault:
            note(f"{path}: {driver.fault.verdict}: {driver.fault.message}")


def note_differences(path: Path, policy: "Driver", course: Course, spec: CarSpec) -> None:
    """Say where a race is another one than the policy was trained for, if it says what that was."""
    from arena.garage.policy import Policy

    if not isinstance(policy, Policy):
        return
    learnt_with = policy.about.get("spec", spec.name)
    if learnt_with != spec.name:
        note(f"the policy was trained with the car {learnt_with}, it races with {spec.name}.")
    if policy.about.get("course", "") != course.text:
        now = course.in_words() if course.text else EMPTY
        note(f"the policy in {path} was trained on {policy.about.get('driven', EMPTY)}, it races on {now}.")


def show_alone(
    path: Path, trial: "Trial", course: Course, driver: "Driver", logs: Path | None, as_json: bool
) -> None:
    """Keep the drive of one car and show its laps."""
    from arena.garage import export, settings
    from arena.garage.agents import Agent
    from arena.garage.sensing import sensors_of
    from simulator.driver import FULL_RANGE

    trace = trace_path(path, f"trace-{course.track.name}")
    trial.trace.save(trace)
    if logs:
        metadata = settings.ModelMetadata(FULL_RANGE)
        if not isinstance(driver, Agent):
            metadata = settings.ModelMetadata(driver.actions, sensors=sensors_of(driver.columns))
        export.write_evaluation(logs, trial, course, metadata)
    if as_json:
        print_json(trial.as_json() | {"trace": str(trace)})
        return
    output.print(table_of(trial, course))
    if not trial.finished:
        output.print(f"Did not finish: {trial.ended_by}.")
    if isinstance(driver, Agent) and driver.late_acts:
        note(f"{driver.late_acts} acts were late; {driver.overtime_left_s:.2f} s of overtime are left.")
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


def show_heat(paths: Sequence[Path], heat: "Heat", course: Course, as_json: bool) -> None:
    """Keep the drives of a heat and show who came in when."""
    name = f"trace-{course.track.name}"
    traces = [trace_path(path, f"{name}-{start}") for start, path in enumerate(paths, start=1)]
    for trace, trial in zip(traces, heat.trials, strict=False):
        trial.trace.save(trace)
    titles = [str(path) for path in paths]
    titles += [REFERENCE_TITLE] * (len(heat.trials) - len(paths))
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
