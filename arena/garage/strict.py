"""What the official "Validate" button would say of a reward function; ours allows more.

The rules are those of DeepRacer on AWS 1.2: flake8's E and F (but E5, E226 and E261), the packages math,
random, numpy, scipy and shapely, some calls and words that may not occur even in a comment, and five canned
states that must give a float within five seconds.

For people's own files on their own command line only: `findings` parses the source in this process, after
`sandbox.check` has let the child do so first, so that a file that breaks the parser has broken the child.
Nothing is executed here; the five calls are made by the child.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np

from arena.garage import flakes
from arena.garage.flakes import Finding
from arena.garage.limits import Limits
from arena.garage.sandbox import CheckResult, RewardSandbox
from arena.garage.verdicts import EntrantFault
from simulator.canned import canned_states
from simulator.params import COLUMNS
from simulator.track import Track

PACKAGES: Final = ("math", "random", "numpy", "scipy", "shapely")
CALLS: Final = frozenset({"open", "exec", "eval", "compile", "input"})
WORDS: Final = (
    "__import__",
    "fromfile",
    "genfromtxt",
    "loadtxt",
    "load",
    "tofile",
    "savetxt",
    "savez",
    "save",
    "memmap",
)
"""Longer words before the ones that they contain."""
LIMITS: Final = Limits(load_s=5.0, message_s=5.0, calls_s=5.0)
FUNCTION: Final = "reward_function"

_WORD: Final = re.compile("|".join(WORDS))
# Appended to the source, so that its lines keep their numbers. The official states lack three keys, and their
# waypoints are an array.
_PROBE: Final = """

def _official_call(judged):
    import numpy

    def reward_function(params):
        for key in ("projection_distance", "sim_time", "objects_distance_from_center"):
            del params[key]
        params["waypoints"] = numpy.array(params["waypoints"])
        reward = judged(params)
        if not isinstance(reward, float):
            raise TypeError(f"expected a float, got {type(reward).__name__}")
        return reward

    return reward_function


reward_function = _official_call(reward_function)
"""


@dataclass(frozen=True, slots=True)
class OfficialVerdict:
    """The official verdict; `findings` in the order of the lines."""

    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        return not self.findings

    def as_json(self) -> dict[str, object]:
        return {"ok": self.ok, "findings": [asdict(finding) for finding in self.findings]}


def judge(source: str, result: CheckResult, track: Track) -> OfficialVerdict:
    """Judge a source of which `sandbox.check` said `result`."""
    if not result.digest:  # the child could not even parse it
        return OfficialVerdict((Finding(str(result.verdict), result.line, result.message),))
    found = [*findings(source)]
    if result.ok:
        found += official_calls(source, track)
    else:
        found.append(Finding("test", result.line, result.message))
    return OfficialVerdict(tuple(sorted(found, key=lambda finding: finding.line or 0)))


def findings(source: str) -> Iterator[Finding]:
    """Yield what can be said without running the code. Raises `SyntaxError` for what is no Python."""
    tree = ast.parse(source)
    yield from flakes.style(source)
    yield from flakes.flakes(source, tree)
    yield from _imports(tree)
    yield from _calls(tree)
    yield from _words(source)
    yield from _parameters(tree)


def official_calls(source: str, track: Track) -> Iterator[Finding]:
    """Yield what the first failing of the five canned calls says."""
    lines = source.count("\n") + 1
    state = "while loading"
    try:
        with RewardSandbox(source + _PROBE, track, 1, limits=LIMITS) as reward:
            for name, row in _states(track).items():
                state = f"in the state '{name}'"
                reward(np.array([row]), np.zeros(1, np.int64))
    except EntrantFault as fault:
        line = fault.line if fault.line and fault.line <= lines else None
        wrong_type = re.search(r"expected a float, got \w+", fault.message + fault.detail)
        if wrong_type:
            message = f"{wrong_type[0]} {state}. Return float(reward)."
            yield Finding("float", _function_line(source), message)
        else:
            yield Finding("test", line, f"{state}: {fault.message}")


def _states(track: Track) -> dict[str, list[float]]:
    """Return the rows of the five official states, on one of our tracks."""
    ours = {state.name: state.row for state in canned_states(track)}
    width = ours["start"][COLUMNS.index("track_width")]
    changed: dict[str, tuple[str, dict[str, float]]] = {
        "valid": ("on the centre line", {}),
        "start": ("start", {}),
        "mid-track": ("left of the centre line", {"progress": 50.0}),
        "off-track": ("off the track on the left", {"distance_from_center": width, "is_offtrack": 1.0}),
        "finish": (
            "last step of a lap",
            {"progress": 100.0, "steps": 10000.0, "speed": 5.0, "heading": 359.9},
        ),
    }
    states = {}
    for name, (like, values) in changed.items():
        row = list(ours[like])
        for column, value in values.items():
            row[COLUMNS.index(column)] = value
        states[name] = row
    return states


def _imports(tree: ast.Module) -> Iterator[Finding]:
    inner = {
        node
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        names = [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            names = ["." * node.level + (node.module or "")]
        for name in names:
            if name.split(".")[0] not in PACKAGES:
                message = f"{name} may not be imported there, only {', '.join(PACKAGES)}."
                yield Finding("import", node.lineno, message)
        if node in inner:
            message = "Imports inside a function are refused there. Move it to the top of the file."
            yield Finding("import", node.lineno, message)


def _calls(tree: ast.Module) -> Iterator[Finding]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS:
            yield Finding("call", node.lineno, f"{node.func.id}() may not be called there.")


def _words(source: str) -> Iterator[Finding]:
    seen = set()
    for line, text in enumerate(source.splitlines(), start=1):
        for match in _WORD.finditer(text):
            if match[0] not in seen:
                seen.add(match[0])
                message = f"'{match[0]}' may occur nowhere there, not even in a name or a comment."
                yield Finding("word", line, message)


def _parameters(tree: ast.Module) -> Iterator[Finding]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == FUNCTION:
            arguments = node.args
            every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
            every += [extra for extra in (arguments.vararg, arguments.kwarg) if extra]
            if len(every) != 1:
                message = f"{FUNCTION} has {len(every)} parameters, there it must have exactly one."
                yield Finding("parameters", node.lineno, message)


def _function_line(source: str) -> int | None:
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and node.name == FUNCTION:
            return node.lineno
    return None
