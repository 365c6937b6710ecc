"""The laps that each starter kit reaches: `python -m benchmarks.kits [--steps N] [--seed S] [--tracks a,b]`.

Every kit is trained on every track and races three laps; a track `-name` is driven the other way round. The
table of starter_kits/README.md is this program's output with `--markdown`. A lap in brackets belongs to a
drive with at least one reset, a dash to one without a complete lap; how many drives were clean stands last.
"""

import argparse
import sys
from collections.abc import Sequence

import starter_kits
from arena.garage import racing, settings, training
from arena.garage.hyperparameters import parse_hyperparameters
from arena.garage.trials import Trial
from simulator import tracks
from simulator.car import CLASSIC, SPECS, CarSpec
from simulator.track import Track


def trial_of(
    kit: starter_kits.Kit, track: Track, steps: int, seed: int = 0, spec: CarSpec = CLASSIC
) -> Trial:
    """Train a kit as it stands and race it for three laps."""
    trained = training.train(
        kit.reward_function,
        track,
        metadata=settings.parse_model_metadata(kit.model_metadata),
        hyperparameters=parse_hyperparameters(kit.hyperparameters),
        steps=steps,
        seed=seed,
        spec=spec,
    )
    return racing.drive(trained.policy, track, laps=3, spec=spec)


def is_clean(trial: Trial) -> bool:
    """Return whether all laps were driven and the car never had to be put back."""
    return trial.finished and not trial.reset_count


def lap_of(trial: Trial) -> str:
    """Return the best lap in seconds as text."""
    if trial.best_lap_ms is None:
        return "-"
    lap = f"{trial.best_lap_ms / 1000:.2f}"
    return lap if is_clean(trial) else f"({lap})"


def _track(name: str) -> Track:
    track = tracks.load(name.removeprefix("-"))
    return track.reversed() if name.startswith("-") else track


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=500_000)
    parser.add_argument("--tracks", type=lambda text: text.split(","), default=list(tracks.names()))
    parser.add_argument("--kits", type=lambda text: text.split(","), default=list(starter_kits.ORDER))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--spec", choices=tuple(SPECS), default=CLASSIC.name, help="the car")
    parser.add_argument("--both-ways", action="store_true", help="each track also the other way round")
    parser.add_argument("--markdown", action="store_true")
    chosen = parser.parse_args(arguments)
    ways = ("", "-") if chosen.both_ways else ("",)
    loaded = {way + name: _track(way + name) for name in chosen.tracks for way in ways}
    separator = " | " if chosen.markdown else "\t"
    print(separator.join(["kit", *(f"{name} ({track.length_m:.0f} m)" for name, track in loaded.items())]))
    clean = 0
    for name in chosen.kits:
        kit, trials = starter_kits.load(name), []
        for track in loaded.values():
            trials.append(trial_of(kit, track, chosen.steps, chosen.seed, SPECS[chosen.spec]))
        clean += sum(map(is_clean, trials))
        title = f"[{kit.title}]({kit.name}/)" if chosen.markdown else kit.name
        print(separator.join([title, *map(lap_of, trials)]), flush=True)
    print(f"clean: {clean} of {len(loaded) * len(chosen.kits)} drives", file=sys.stderr)


if __name__ == "__main__":
    main()
