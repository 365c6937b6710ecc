"""What a submission asks of the garage: files, settings and the conditions of its race, as one value.

The worker makes one from the league's rows, `arena verify` from a published recipe. Both train and race it
with the calls below, so that a result can be made again exactly as it was made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from arena import courses
from arena.courses import Conditions
from arena.garage import settings
from arena.garage.hyperparameters import Hyperparameters, parse_hyperparameters
from arena.garage.recording import DriveRecorder
from arena.garage.training_checkpoint import Checkpoint
from simulator.car import SPECS, CarSpec
from simulator.course import Course
from simulator.rules import Rules

if TYPE_CHECKING:
    from arena.garage.drivers import Entrant
    from arena.garage.racing import Trial
    from arena.garage.training import Progress, Training


@dataclass(frozen=True, slots=True)
class Assignment:
    """All that the garage needs to know of a submission, without a database."""

    source: str
    metadata: settings.ModelMetadata
    hyperparameters: Hyperparameters
    course: Course
    car: CarSpec
    rules: Rules
    race_seed: int
    training_steps: int
    parent_sha256: str = ""
    """SHA-256 of the policy that is trained on, and in `parent` what is known of it."""
    parent: Checkpoint | None = None
    senses: tuple[str, ...] = ("vector",)
    """What an entry may see by."""

    @classmethod
    def of(
        cls,
        race: Conditions,
        race_seed: int,
        *,
        source: str,
        model_metadata: str | None,
        hyperparameters: str | None,
        parent_sha256: str = "",
    ) -> Assignment:
        """Return the assignment of an entry's files in a race.

        Raises `EntrantFault` for settings that are not valid, and a ValueError for a course that cannot be.
        """
        metadata = settings.parse_model_metadata(model_metadata, courses.senses_of(race))
        return cls(
            source=source,
            metadata=metadata,
            hyperparameters=parse_hyperparameters(hyperparameters, metadata.algorithm),
            course=courses.course_of(race),
            car=SPECS[race.car],
            rules=courses.rules_of(race),
            race_seed=race_seed,
            training_steps=race.training_steps,
            parent_sha256=parent_sha256,
            senses=courses.senses_of(race),
        )

    def going_on_from(self, parent: Checkpoint) -> Assignment:
        """Return it with the training that it goes on from."""
        return replace(self, parent=parent, parent_sha256=parent.policy_sha256)

    def seed(self, digest: str) -> int:
        """Return the seed of the training with the code of that digest."""
        from arena.garage import training

        return training.training_seed(
            self.race_seed,
            digest,
            self.metadata,
            self.hyperparameters,
            self.training_steps,
            self.course,
            self.parent_sha256,
        )

    def train(
        self,
        *,
        on_progress: Callable[[Progress], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
        recorder: DriveRecorder | None = None,
        start: Checkpoint | None = None,
        on_checkpoint: Callable[[Checkpoint], None] | None = None,
    ) -> Training:
        """Train the policy; raises what `training.train` raises."""
        from arena.garage import training

        return training.train(
            self.source,
            self.course,
            metadata=self.metadata,
            hyperparameters=self.hyperparameters,
            steps=self.training_steps,
            seed=self.race_seed,
            spec=self.car,
            on_progress=on_progress,
            should_stop=should_stop,
            recorder=recorder,
            parent=self.parent,
            start=start,
            on_checkpoint=on_checkpoint,
        )

    def race(self, entrant: Entrant) -> Trial:
        """Race a final policy, or the reference driver; the reward function plays no part in it."""
        from arena.garage import racing

        return racing.drive(
            entrant,
            self.course,
            laps=self.rules.laps,
            rules=self.rules,
            seed=self.race_seed,
            spec=self.car,
        )
