"""What kinds of entries have a child of their own, and the words by which their verdicts speak of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from arena.garage.wire import Program


@dataclass(frozen=True, slots=True)
class Subject:
    """One kind of entry."""

    program: Program
    """What the child does with it."""
    noun: str
    """After "the": "reward function"."""
    file: str
    """The name that its source has in tracebacks."""
    module: str
    task: str
    """What it must do instead of ending its process."""
    turn: str
    """One exchange: "one batch of calls"."""

    @property
    def the(self) -> str:
        """Return the words that begin a sentence about it."""
        return f"The {self.noun}"

    @property
    def an(self) -> str:
        """Return the words that begin a sentence about all of its kind."""
        return f"{'An' if self.noun[0] in 'aeiou' else 'A'} {self.noun}"


REWARD: Final = Subject(
    Program.REWARD,
    "reward function",
    "reward_function.py",
    "reward_function",
    "return a number",
    "one batch of calls",
)
AGENT: Final = Subject(Program.AGENT, "agent", "agent.py", "agent", "return an action", "one call")
POLICY: Final = Subject(
    Program.POLICY, "policy", "policy.onnx", "policy", "answer with actions", "one answer"
)

FILES: Final = frozenset({REWARD.file, AGENT.file})
