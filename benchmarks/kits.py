"""The laps that each starter kit reaches: `python -m benchmarks.kits [--steps N] [--tracks a,b]`.

Every kit is trained with seed 0 on every track and races three laps. The table of starter_kits/README.md is
this program's output with `--markdown`. A lap in brackets belongs to a drive with at least one reset, a
dash to one without a complete lap.
"""

import argparse
from collections.abc import Sequence

import starter_kits
from arena.garage import racing, settings, training
from arena.garage.hyperparameters import parse_hyperparameters
from arena.garage.trials import Trial
from simulator import tracks
from simulator.track import Track


def trial_of(kit: starter_kits.Kit, track: Track, steps: int, seed: int = 0) -> Trial:
    """Train a kit as it stands and race it for three laps."""
    trained = training.train(
        kit.reward_function,
        track,
        metadata=settings.parse_model_metadata(kit.model_metadata),
        hyperparameters=parse_hyperparameters(kit.hyperparameters),
        steps=steps,
        seed=seed,
    )
    return racing.drive(trained.policy, track, laps=3)


def lap_of(kit: starter_kits.Kit, track: Track, steps: int) -> str:
    """Train and race one kit; return its best lap in seconds as text."""
    trial = trial_of(kit, track, steps)
    if trial.best_lap_ms is None:
        return "-"
    lap = f"{trial.best_lap_ms / 1000:.2f}"
    return lap if trial.finished and not trial.reset_count else f"({lap})"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=500_000)
    parser.add_argument("--tracks", type=lambda text: text.split(","), default=list(tracks.names()))
    parser.add_argument("--kits", type=lambda text: text.split(","), default=list(starter_kits.ORDER))
    parser.add_argument("--markdown", action="store_true")
    chosen = parser.parse_args(arguments)
    loaded = [tracks.load(name) for name in chosen.tracks]
    separator = " | " if chosen.markdown else "\t"
    print(separator.join(["kit", *(f"{track.name} ({track.length_m:.0f} m)" for track in loaded)]))
    for name in chosen.kits:
        kit = starter_kits.load(name)
        title = f"[{kit.title}]({kit.name}/)" if chosen.markdown else kit.name
        print(separator.join([title, *(lap_of(kit, track, chosen.steps) for track in loaded)]), flush=True)


if __name__ == "__main__":
    main()
