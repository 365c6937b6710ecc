"""The closed sets of words that the tables store: roles, timing methods, states. Stored by value."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What an account may do."""

    RACER = "racer"
    ORGANISER = "organiser"


class Timing(StrEnum):
    """How the laps of a trial become its official time."""

    BEST_LAP = "best_lap"
    AVERAGE = "average"
    TOTAL = "total"


class Car(StrEnum):
    """Which car a race is driven with: the simulator's names; the league only passes them on."""

    CLASSIC = "classic"
    V6 = "v6"


class RaceType(StrEnum):
    """What a race is about: the clock alone, or the clock with something in the way."""

    TIME_TRIAL = "time_trial"
    OBJECT_AVOIDANCE = "object_avoidance"
    HEAD_TO_BOTS = "head_to_bots"
    HEAD_TO_HEAD = "head_to_head"


class Driver(StrEnum):
    """Who drives the car of a submission."""

    POLICY = "policy"
    """What its reward function has taught."""
    REFERENCE = "reference"
    """The simulator's reference driver, in a house car."""
    AGENT = "agent"
    """The entrant's own code, at every step."""
    TRAINED = "trained"
    """A policy that was trained elsewhere and uploaded."""


class Sense(StrEnum):
    """What a race lets a car see by."""

    VECTOR = "vector"
    CAMERA = "camera"
    LIDAR = "lidar"


class Direction(StrEnum):
    """Which way round: a race's, or a lap's (which is never alternate); the simulator's names."""

    FORWARD = "forward"
    REVERSED = "reversed"
    ALTERNATE = "alternate"


class ObstacleKind(StrEnum):
    """What stands in the way in object avoidance: the simulator's names."""

    BOX = "box"
    PARKED_CAR = "parked_car"


class Ruling(StrEnum):
    """What the stewards say of a trial; nobody asks them about most."""

    NONE = "none"
    HELD = "held"
    CLEARED = "cleared"
    STRUCK = "struck"


COUNTING = (Ruling.NONE, Ruling.CLEARED)


class SubmissionState(StrEnum):
    """Where a submission is on its way to a result."""

    QUEUED = "queued"
    CLAIMED = "claimed"
    TRAINING = "training"
    RACING = "racing"
    RECORDED = "recorded"
    REJECTED = "rejected"
    STALLED = "stalled"
    CANCELLED = "cancelled"


WAITING_OR_RUNNING = (
    SubmissionState.QUEUED,
    SubmissionState.CLAIMED,
    SubmissionState.TRAINING,
    SubmissionState.RACING,
)
RUNNING = (SubmissionState.CLAIMED, SubmissionState.TRAINING, SubmissionState.RACING)


class Hardware(StrEnum):
    """What a job wants of a machine, and what a worker's machine has."""

    CPU = "cpu"
    GPU = "gpu"


class JobKind(StrEnum):
    """What a worker is asked to do."""

    TRAIN = "train"
    CHECK = "check"


class JobState(StrEnum):
    """Where a job is; a dead worker's claimed job goes back to queued."""

    QUEUED = "queued"
    CLAIMED = "claimed"
    DONE = "done"
    STALLED = "stalled"
    CANCELLED = "cancelled"
