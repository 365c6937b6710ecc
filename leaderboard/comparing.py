"""A recorded drive beside the fastest possible lap: where in the lap the time was lost, and how near it came.

Only a flying lap can be measured by the optimum, which is one. What pages show is computed from the stored
trace on reading and kept, because a trial never changes.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import lru_cache

from markupsafe import Markup

from arena.league.artifacts import ArtifactStore
from arena.league.errors import ArtifactDamaged, ArtifactMissing
from arena.league.models import Race, Trial
from arena.league.states import Direction, RaceType
from leaderboard import courses
from leaderboard.context import Arena
from leaderboard.drawing import sectors_svg
from simulator import tracks
from simulator.car import SPECS
from simulator.optimum import Optimum, percent_of_the_possible
from simulator.sectors import LapSectors, SectorError, split
from simulator.trace import Trace, TraceError
from simulator.track import Track

log = logging.getLogger(__name__)

LEAST_LOSS_MS = 30
"""Less than half a control step is no loss that anybody could drive away."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A lap in sectors beside the fastest possible one, as a page shows it."""

    lap: LapSectors
    track: Track
    """Turned into the direction of the lap."""

    @property
    def worst(self) -> int | None:
        """The number of the sector that lost most; None where nothing was lost, or nothing can be said."""
        lost = self.lap.lost_ms
        if lost is None or max(lost) < LEAST_LOSS_MS:
            return None
        return lost.index(max(lost)) + 1

    @property
    def sentence(self) -> str:
        """Say in one sentence where the lap lost most."""
        lost, worst = self.lap.lost_ms, self.worst
        if lost is None:
            return "This lap began at rest, so only its times are shown: the possible one has a flying start."
        if worst is None:
            return "No sector loses anything: this is as fast as physics allows."
        return f"Most is lost in sector {worst}: {_seconds(lost[worst - 1])} of {_seconds(sum(lost))}."

    @property
    def drawing(self) -> Markup:
        """Return the track with its sectors."""
        bounds = (*(sector.from_m for sector in self.lap.sectors), self.lap.sectors[-1].to_m)
        return sectors_svg(self.track, bounds, self.worst)


def is_measurable(race: Race) -> bool:
    """Whether a lap of this race is the optimum's task: alone on the road, with the car's own grip."""
    return race.race_type is RaceType.TIME_TRIAL and not race.imperfect


def optimum_of(race: Race, direction: Direction) -> Optimum | None:
    """Return the fastest possible lap of a race in a direction, where it is known."""
    return tracks.optimum_of(courses.turned(tracks.load(race.track), direction), SPECS[race.car])


def percent_of_possible(race: Race, trial: Trial | None) -> float | None:
    """Return how near the best flying lap of a trial is to the fastest possible one, in percent.

    None where that says nothing: with something on the road, with an imperfect car, from a standing start, of
    a drive that the stewards doubt.
    """
    if trial is None or not trial.counts or race.direction is Direction.ALTERNATE or not is_measurable(race):
        return None
    flying = [lap.lap_time_ms for lap in trial.laps if lap.number > 1]
    optimum = optimum_of(race, race.direction) if flying else None
    return percent_of_the_possible(min(flying), optimum) if optimum else None


def comparison_of(arena: Arena, race: Race, trial: Trial | None) -> Comparison | None:
    """Return the best lap of a trial in sectors, a flying one if there is one; None where it cannot be told.

    A trace that is lost or an optimum of another version costs this part of a page, never the page.
    """
    if trial is None or not trial.laps or not is_measurable(race):
        return None
    lap = min(trial.laps, key=lambda lap: (lap.number == 1, lap.lap_time_ms))
    optimum = optimum_of(race, lap.direction)
    if optimum is None:
        return None
    track = courses.turned(tracks.load(race.track), lap.direction)
    try:
        told = _split(arena.artifacts, trial.trace_key, track, optimum, (lap.number, lap.lap_time_ms))
    except (SectorError, TraceError, ArtifactMissing, ArtifactDamaged) as error:
        log.warning("Lap %d of trial %d cannot be told in sectors: %s", lap.number, trial.id, error)
        return None
    if min(sector.time_ms for sector in told.sectors) <= 0:
        log.warning("Lap %d of trial %d is not the one of its trace.", lap.number, trial.id)
        return None
    return Comparison(told, track)


def _seconds(ms: int) -> str:
    return f"{ms / 1000:.1f} s" if ms >= 100 else f"{ms / 1000:.2f} s"


# The page of one result is opened by a whole classroom when it is talked about.
@lru_cache(maxsize=128)
def _split(
    store: ArtifactStore, trace_key: str, track: Track, optimum: Optimum, lap: tuple[int, int]
) -> LapSectors:
    trace = Trace.from_bytes(store.get(trace_key))
    return split(trace, track, optimum, number=lap[0], lap_time_ms=lap[1])
