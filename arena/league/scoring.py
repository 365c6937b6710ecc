"""From laps to an official time, from ranks to points. Pure: no clock, no database.

Timing methods (the three of the AWS league): the best lap; the average of the best k consecutive laps; the
total of all n laps. A trial with too few laps for its method has no official time: it is shown, but not
ranked.
"""

from __future__ import annotations

from collections.abc import Sequence

from arena.league.states import Timing

DEFAULT_POINTS = (25, 18, 15, 12, 10, 8, 6, 4, 2, 1)
# Width of a slice of the histogram of times; narrow enough that few racers share one, see standings.rank_of.
BUCKET_MS = 20


def official_time_ms(
    timing: Timing, lap_times_ms: Sequence[int], *, laps: int, average_laps: int | None = None
) -> int | None:
    """Return the official time of consecutive complete laps, or None when there are too few of them.

    `laps` is the race's number of laps (total), `average_laps` the k of the average, rounded half up to
    whole ms.
    """
    if timing is Timing.BEST_LAP:
        return min(lap_times_ms, default=None)
    if timing is Timing.TOTAL:
        return sum(lap_times_ms[:laps]) if len(lap_times_ms) >= laps else None
    return best_average_ms(lap_times_ms, average_laps or laps)


def best_average_ms(lap_times_ms: Sequence[int], window: int) -> int | None:
    """Return the smallest average of `window` consecutive laps in whole ms, or None when there are fewer."""
    sums = [sum(lap_times_ms[i : i + window]) for i in range(len(lap_times_ms) - window + 1)]
    return (2 * min(sums) + window) // (2 * window) if sums else None


def points_of_rank(rank: int | None, table: Sequence[int]) -> int:
    """Return what a rank (from 1) is worth; no rank, as of house cars, and ranks beyond the table earn 0."""
    return table[rank - 1] if rank is not None and rank <= len(table) else 0


def bucket_of(official_ms: int) -> int:
    """Return the slice of the histogram that a time falls into."""
    return official_ms // BUCKET_MS


def count_back(ranks: Sequence[int], depth: int) -> tuple[int, ...]:
    """Return how many firsts, seconds, ...: with equal points more firsts win, then more seconds."""
    return tuple(sum(rank == place for rank in ranks) for place in range(1, depth + 1))
