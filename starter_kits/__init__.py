"""Starter kits: small, complete entries that people copy and change.

Each folder is one kit: `reward_function.py`, `model_metadata.json` (the action space),
`hyperparameters.json` and a `README.md` that says what it teaches and which laps it reaches. The first line
of the README is the title, the second paragraph the summary. The tests train every kit, the demo season
races them, and the submit page offers them. To add a kit, add a folder and name it in `ORDER`.

Kits for agents are folders with an `agent.py` and a `README.md`, named in `AGENTS`.
"""

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent

# From the first idea to the fastest: the order in which a newcomer meets them.
ORDER = (
    "centre_line",
    "follow_the_road",
    "make_progress",
    "brake_for_bends",
    "racing_line",
    "beat_your_best",
    "avoid_obstacles",
)


AGENTS = ("pure_pursuit", "small_network")


@dataclass(frozen=True, slots=True)
class Kit:
    """One starter kit: everything that a submission needs, as text."""

    name: str
    title: str
    summary: str
    reward_function: str
    model_metadata: str
    hyperparameters: str


def load(name: str) -> Kit:
    """Read a kit by its folder's name; raise KeyError where there is none of that name."""
    if name not in ORDER:
        raise KeyError(f"There is no starter kit {name!r}; there are {', '.join(ORDER)}.")
    folder = FOLDER / name
    title, summary = _introduction(folder)
    return Kit(
        name=name,
        title=title,
        summary=summary,
        reward_function=(folder / "reward_function.py").read_text(encoding="utf-8"),
        model_metadata=(folder / "model_metadata.json").read_text(encoding="utf-8"),
        hyperparameters=(folder / "hyperparameters.json").read_text(encoding="utf-8"),
    )


def kits() -> tuple[Kit, ...]:
    """Return every kit, from the first idea to the fastest."""
    return tuple(load(name) for name in ORDER)


@dataclass(frozen=True, slots=True)
class AgentKit:
    """A kit for agents: a program that drives without training."""

    name: str
    title: str
    summary: str
    agent: str


def load_agent(name: str) -> AgentKit:
    """Read a kit for agents by its folder's name; raise KeyError where there is none of that name."""
    if name not in AGENTS:
        raise KeyError(f"There is no agent kit {name!r}; there are {', '.join(AGENTS)}.")
    source = (FOLDER / name / "agent.py").read_text(encoding="utf-8")
    return AgentKit(name, *_introduction(FOLDER / name), source)


def agent_kits() -> tuple[AgentKit, ...]:
    """Return every kit for agents."""
    return tuple(load_agent(name) for name in AGENTS)


def _introduction(folder: Path) -> tuple[str, str]:
    """Return title and summary of a kit's README."""
    title, summary = (folder / "README.md").read_text(encoding="utf-8").split("\n\n")[:2]
    return title.removeprefix("# "), " ".join(summary.split())
