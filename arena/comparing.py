"""`arena replay`: the car against a log of the real simulator.

On files alone, like `arena train` and `race`; imported by `arena.cli`.
"""

from pathlib import Path

import click
from rich.table import Table

from arena.garage.verdicts import EntrantFault, Verdict
from arena.options import existing_file, json_option, output, print_json, spec_option
from simulator.car import SPECS


@click.command()
@click.argument("log", type=existing_file)
@spec_option
@json_option
def replay(log: Path, spec_name: str, as_json: bool) -> None:
    """Compare our car with LOG, a log of the real simulator: the errors after one second of open loop.

    LOG is a simtrace (.csv or .csv.gz) or text with SIM_TRACE_LOG lines.
    """
    from arena.garage.replay import replay as compared
    from simulator.logs import LogError, read_log

    try:
        errors = compared(read_log(log), SPECS[spec_name])
    except LogError as error:
        raise EntrantFault(Verdict.LOG, f"{log.name}: {error}", line=error.line) from error
    if as_json:
        print_json(errors.as_json())
        return
    title = f"{log.name}: {errors.starts:,} starts in {errors.episodes:,} episodes, one second each"
    table = Table("root mean square of the error in", spec_name, "bicycle", title=title)
    table.add_row(
        "position (rear axle)", f"{errors.position_rms_m:.3f} m", f"{errors.bicycle_position_rms_m:.3f} m"
    )
    table.add_row(
        "position (nose)",
        f"{errors.nose_position_rms_m:.3f} m",
        f"{errors.bicycle_nose_position_rms_m:.3f} m",
    )
    table.add_row("heading", f"{errors.yaw_rms_deg:.1f} deg", f"{errors.bicycle_yaw_rms_deg:.1f} deg")
    output.print(table)
