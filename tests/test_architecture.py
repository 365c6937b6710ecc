"""The walls of the house: which room may import which, and where entrant code may be executed.

By syntax tree over the sources, so that an import inside a function counts too.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("simulator", "arena", "leaderboard", "starter_kits")
LEAGUE, GARAGE = "arena/league/", "arena/garage/"
ROOF = (
    "arena/worker.py",
    "arena/cli.py",
    "arena/serve.py",
    "arena/demo.py",
    "arena/house.py",
    "arena/entry_checks.py",
    "arena/untrained.py",
    "arena/checkpoints.py",
    "arena/pit.py",
    "arena/pit_wall.py",
    "arena/broker.py",
    "arena/presence.py",
    "arena/backups.py",
    "arena/reracing.py",
)
SOURCES = sorted(
    path.relative_to(ROOT).as_posix()
    for room in ROOMS
    for path in (ROOT / room).rglob("*.py")
    if "node_modules" not in path.parts
)


@cache
def tree_of(source: str) -> ast.Module:
    """Parse one of our own files."""
    return ast.parse((ROOT / source).read_text(encoding="utf-8"), source)


def imports_of(source: str) -> Iterator[tuple[str, int]]:
    """Yield the absolute dotted names that a file imports, with their lines; `from a import b` is a.b."""
    package = source.removesuffix(".py").removesuffix("/__init__").replace("/", ".").split(".")
    for node in ast.walk(tree_of(source)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            depth = node.level - source.endswith("__init__.py") if node.level else 0
            base = package[: len(package) - depth] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((f"{module}.{alias.name}", node.lineno) for alias in node.names)


def importers(name: str, outside: tuple[str, ...] = ()) -> list[str]:
    """Return `file:line` of everything that imports a package, except under the given paths."""
    return [
        f"{source}:{line} imports {found}"
        for source in SOURCES
        if not source.startswith(outside)
        for found, line in imports_of(source)
        if f"{found}.".startswith(f"{name}.")
    ]


def within(room: str, violations: list[str]) -> list[str]:
    """Keep the violations of one room."""
    return [violation for violation in violations if violation.startswith(room)]


def test_the_rooms_are_there() -> None:
    assert {source.split("/")[0] for source in SOURCES} >= {"simulator", "arena", "leaderboard"}


def test_the_simulator_knows_nobody() -> None:
    above = [*importers("arena"), *importers("leaderboard"), *importers("starter_kits")]
    assert within("simulator/", above) == []


def test_the_arena_does_not_know_the_leaderboard_except_where_it_is_served() -> None:
    assert within("arena/", importers("leaderboard", outside=("arena/cli.py", "arena/serve.py"))) == []


def test_league_and_garage_do_not_know_each_other() -> None:
    assert within(LEAGUE, importers("arena.garage")) == []
    assert within(GARAGE, importers("arena.league")) == []


def test_only_the_roof_sees_both_columns() -> None:
    seeing_league = {
        line.split(":")[0] for line in importers("arena.league", outside=(LEAGUE, "leaderboard/"))
    }
    seeing_garage = {
        line.split(":")[0] for line in importers("arena.garage", outside=(GARAGE, "leaderboard/"))
    }
    assert {source for source in seeing_league & seeing_garage if source.startswith("arena/")} <= set(ROOF)


def test_the_columns_do_not_know_the_roof() -> None:
    roof = [line for source in ROOF for line in importers(source.removesuffix(".py").replace("/", "."))]
    columns = [LEAGUE, GARAGE, "simulator/"]
    assert [line for column in columns for line in within(column, roof)] == []


@pytest.mark.parametrize("library", ["torch", "stable_baselines3"])
def test_learning_libraries_are_imported_in_training_only(library: str) -> None:
    """Kits are people's own programs, which the arena never imports."""
    assert importers(library, outside=("arena/garage/training", "starter_kits/")) == []


def test_files_of_strangers_meet_onnxruntime_in_the_child_only() -> None:
    assert importers("onnxruntime", outside=("arena/garage/host_policy.py",)) == []
    assert importers("onnx", outside=("arena/garage/onnx_files.py",)) == []


def test_sql_is_spoken_in_the_league_by_the_roof_and_in_the_leaderboards_queries() -> None:
    assert importers("sqlalchemy", outside=(LEAGUE, "leaderboard/", *ROOF)) == []
    assert importers("alembic", outside=(LEAGUE,)) == []


@pytest.mark.parametrize("library", ["flask", "flask_socketio", "flask_login", "flask_smorest", "flask_wtf"])
def test_flask_stays_in_the_leaderboard(library: str) -> None:
    assert importers(library, outside=("leaderboard/",)) == []


def test_the_simulator_needs_only_numpy_and_gymnasium() -> None:
    heavy = ("sqlalchemy", "flask", "torch", "stable_baselines3", "rich", "click", "subprocess", "socket")
    assert [line for library in heavy for line in within("simulator/", importers(library))] == []


def test_the_web_process_never_touches_what_runs_entrant_code() -> None:
    """It may ask the pure functions that judge size, encoding and settings; never the host of the code."""
    for module in ("host", "host_reward", "host_agent", "host_policy", "inference", "training", "racing"):
        assert within("leaderboard/", importers(f"arena.garage.{module}")) == []
    pure = ("arena.garage.sandbox.decode_source", "arena.garage.sandbox.MAX_")
    sandboxed = within("leaderboard/", importers("arena.garage.sandbox"))
    assert [line for line in sandboxed if not line.split(" imports ")[1].startswith(pure)] == []


@pytest.mark.parametrize("library", ["arena.garage.strict", "arena.garage.flakes"])
def test_entrant_code_is_parsed_outside_its_child_on_its_owners_command_line_only(library: str) -> None:
    outside = ("arena/checking.py", "arena/garage/strict.py")
    assert importers(library, outside=outside) == []


def test_code_is_executed_in_the_host_only() -> None:
    found = []
    for source in SOURCES:
        if source == "arena/garage/host.py":
            continue
        for node in ast.walk(tree_of(source)):
            is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            if is_call and node.func.id in {"exec", "eval", "compile", "__import__"}:  # type: ignore[attr-defined]
                found.append(f"{source}:{node.lineno} calls {node.func.id}")  # type: ignore[attr-defined]
    assert found == []


@pytest.mark.parametrize("library", ["pickle", "marshal", "shelve", "dill", "cloudpickle"])
def test_nothing_is_ever_unpickled(library: str) -> None:
    assert importers(library) == []


def test_numpy_never_loads_pickles() -> None:
    allowed = [
        f"{source}:{node.lineno}"
        for source in SOURCES
        for node in ast.walk(tree_of(source))
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle"
        if not (isinstance(node.value, ast.Constant) and node.value.value is False)
    ]
    assert allowed == []


def test_whoever_talks_to_the_sandbox_does_not_load_the_host() -> None:
    """Only the zygote and the child do: what executes code is not even there elsewhere."""
    code = (
        "import sys, arena.garage.sandbox; sys.exit(any('arena.garage.host' in name for name in sys.modules))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
    inside = tuple(source for source in SOURCES if source.startswith("arena/garage/host"))
    assert len(inside) >= 2
    for source in inside:
        name = source.removesuffix(".py").replace("/", ".")
        assert importers(name, outside=("arena/garage/zygote.py", *inside)) == []
