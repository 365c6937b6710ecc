"""What the command line puts on a track: options that commands share, and the course that they make."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import click

from simulator.bots import MAX_BOTS, MAX_SPEED_MPS, MIN_SPEED_MPS, BotError, Bots
from simulator.course import MAX_CARS, Course, CourseError, Direction
from simulator.imperfections import CALIBRATED
from simulator.objects import MAX_OBSTACLES, Kind, Obstacle, ObstacleError, parse_obstacles, place_obstacles
from simulator.track import Track


@dataclass(frozen=True, slots=True)
class Road:
    """The values of the options, named as they are."""

    direction: str
    obstacles: str | None
    obstacle_count: int | None
    obstacle_seed: int | None
    obstacle_kind: str
    bots: int | None
    bot_speed: float | None
    bot_lane_change: bool
    cars: int
    imperfect: bool

    def course(self, track: Track, cars: int | None = None) -> Course:
        """Return the course on a track, for at least `cars` cars. What cannot be is wrong usage."""
        try:
            return Course(
                track,
                Direction(self.direction),
                obstacles=self._obstacles(track),
                bots=self._bots(),
                cars=max(self.cars, cars or 1),
                imperfections=CALIBRATED if self.imperfect else None,
            )
        except (CourseError, ObstacleError, BotError) as error:
            raise click.UsageError(str(error)) from error

    def _obstacles(self, track: Track) -> tuple[Obstacle, ...]:
        kind = Kind(self.obstacle_kind)
        if self.obstacle_count is None:
            if self.obstacle_seed is not None:
                raise click.UsageError("--obstacle-seed is about --obstacle-count N; name that, too.")
            return parse_obstacles(self.obstacles or "", kind)
        if self.obstacles is not None:
            raise click.UsageError("--obstacles names places, --obstacle-count draws them; choose one.")
        return place_obstacles(track, self.obstacle_count, self.obstacle_seed or 0, kind=kind)

    def _bots(self) -> Bots | None:
        if self.bots:
            speed_mps = Bots().speed_mps if self.bot_speed is None else self.bot_speed
            return Bots(self.bots, speed_mps, self.bot_lane_change)
        if self.bot_speed is not None or self.bot_lane_change:
            raise click.UsageError("--bot-speed and --bot-lane-change are about --bots N; name that, too.")
        return None


_OPTIONS = (
    click.option(
        "--direction",
        type=click.Choice([direction.value for direction in Direction]),
        default=Direction.FORWARD.value,
        show_default=True,
        help="The way round. alternate: in training half of the cars each way, in a race lap by lap.",
    ),
    click.option(
        "--obstacles",
        metavar="PLACES",
        help="What stands on the track, as DeepRacer writes it: fraction of the lap and lane (inner or 1, "
        'outer or -1), e.g. "0.25,inner;0.6,-1".',
    ),
    click.option(
        "--obstacle-count", type=click.IntRange(0, MAX_OBSTACLES), metavar="N", help="Draw N places instead."
    ),
    click.option(
        "--obstacle-seed", type=click.IntRange(0, 2**32 - 1), metavar="S", help="... from this seed, else 0."
    ),
    click.option(
        "--obstacle-kind",
        type=click.Choice([kind.value for kind in Kind]),
        default=Kind.BOX.value,
        show_default=True,
    ),
    click.option(
        "--bots", type=click.IntRange(0, MAX_BOTS), metavar="N", help="Cars that drive along a lane, slowly."
    ),
    click.option(
        "--bot-speed",
        type=click.FloatRange(MIN_SPEED_MPS, MAX_SPEED_MPS),
        metavar="V",
        help=f"... at V m/s, else {Bots().speed_mps:g}.",
    ),
    click.option("--bot-lane-change", is_flag=True, help="... that change lanes now and then."),
    click.option(
        "--cars",
        type=click.IntRange(1, MAX_CARS),
        default=1,
        show_default=True,
        help="Cars that share the road and collide. In training the policy drives them all; in a race those "
        "without a policy of their own are reference drivers.",
    ),
    click.option(
        "--imperfect",
        is_flag=True,
        help="Less grip, late commands and noisy senses, as in logs of DeepRacer.",
    ),
)


def road_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command all that stands above; it gets `road`, a `Road`."""
    names = [field.name for field in fields(Road)]

    @functools.wraps(command)
    def collected(*arguments: Any, **values: Any) -> Any:
        road = Road(**{name: values.pop(name) for name in names})
        return command(*arguments, road=road, **values)

    for option in reversed(_OPTIONS):
        collected = option(collected)
    return collected
