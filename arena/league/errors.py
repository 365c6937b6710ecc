"""What can go wrong in the league. Each message is a sentence for the person: expected, came, what to do.

A caller that shows errors needs one `except LeagueError`; the subclass says which kind of answer it deserves.
"""

# ruff: noqa: N818  (a refusal is named for what happened: RaceClosed says more than RaceClosedError)

from __future__ import annotations


class LeagueError(Exception):
    """The base of everything that the league refuses."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InvalidInput(LeagueError):
    """A value does not fit; `field` names it, so that a form can put the message beside it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class NameTaken(InvalidInput):
    """A handle, slug or team name exists already."""


class NotFound(LeagueError):
    """Nothing of that name exists."""


class NotAllowed(LeagueError):
    """The person may not do this."""


class NotOpenYet(LeagueError):
    """The race opens later."""


class RaceClosed(LeagueError):
    """The race takes no more submissions."""


class NoTriesLeft(LeagueError):
    """All submissions of the racer in this race are used."""


class TooManyWaiting(LeagueError):
    """As many entries of the racer wait in this race as may at once."""


class Outdated(LeagueError):
    """This program is older than the arena that it wants to work for."""


class WrongState(LeagueError):
    """The row is not in a state from which this step can be taken."""


class StaleLease(LeagueError):
    """The job belongs to somebody else by now: whoever gets this must stop and write nothing."""


class ArtifactMissing(LeagueError):
    """A stored file is not there."""


class ArtifactDamaged(LeagueError):
    """A stored file is there, but its content is not what was stored."""
