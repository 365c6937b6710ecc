"""Write the table of faults into docs/reliability.md: `python -m tests.faults.table`.

ARENA_STORM sets the size of the storms. Runs the tests of this folder and the others named below, and takes
what was found from their outcome and from the storms' own reports. Nothing is written when one of them fails.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

ROOT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = ROOT / "docs" / "reliability.md"
MARK: Final = "<!-- Below: python -m tests.faults.table -->\n"
STORMS: Final = {"sqlite": "SQLite, built-in workers", "postgresql": "PostgreSQL, Redis, Celery workers"}
TESTS: Final = {
    "a full disk, at an artifact and at the SQLite file": "tests/faults/test_disk.py",
    "a clock that jumps by hours, forward and back": "tests/faults/test_clock.py",
    "four processes that claim at once": "tests/faults/test_claims.py",
    "a worker that hangs, one that is outdated": "tests/arena/test_presence.py",
    "a pit that dies, one that hangs": "tests/arena/test_pit_wall.py",
    "messages lost, doubled, late; SIGTERM to a Celery worker": "tests/arena/test_broker.py",
}


def outcome(folder: Path) -> dict[str, list[str]]:
    """Run the tests and return the names of those that passed, by their files."""
    target = folder / "outcome.xml"
    files = dict.fromkeys(("tests/faults/test_storm.py", *TESTS.values()))
    command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={target}", *files]
    environment = os.environ | {"ARENA_STORM_REPORTS": str(folder)}
    if subprocess.run(command, cwd=ROOT, env=environment, stdout=sys.stderr, check=False).returncode:
        sys.exit("A test failed: the table stays as it was.")
    return passed_of(target)


def passed_of(target: Path) -> dict[str, list[str]]:
    """Read the names of the tests that passed."""
    passed: dict[str, list[str]] = {}
    for case in ElementTree.parse(target).iter("testcase"):
        if case.find("skipped") is None:
            file = case.attrib["classname"].replace(".", "/") + ".py"
            passed.setdefault(file, []).append(case.attrib["name"].removeprefix("test_").replace("_", " "))
    return passed


def storm_lines(reports: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Yield the table of the storms."""
    yield f"### The storms\n\n| | {' | '.join(STORMS[name] for name in reports)} |\n"
    yield f"|---|{'---|' * len(reports)}\n"
    kinds = sorted({kind for report in reports.values() for kind in report["blows"]})
    for kind in kinds:
        hits = (str(report["blows"].get(kind, "-")) for report in reports.values())
        yield f"| kill -9: {kind} | {' | '.join(hits)} |\n"
    for title, key in (
        ("submissions", "submissions"),
        ("ended in one official result", "recorded"),
        ("ended in one verdict (faulty code)", "rejected"),
        ("attempts that were lost and repeated", "lost_attempts"),
        ("sent round again by the organiser", "requeued_by_organiser"),
        ("seconds", "took_s"),
    ):
        yield f"| {title} | {' | '.join(str(report[key]) for report in reports.values())} |\n"
    found = (str(len(report["complaints"])) for report in reports.values())
    yield f"| lost, doubled, stuck, out of order, or standings unlike the laps | {' | '.join(found)} |\n"


def lines(passed: dict[str, list[str]], reports: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Yield what stands below the mark."""
    yield from storm_lines(reports)
    yield "\n### Single faults\n\n| fault | what was found |\n|---|---|\n"
    for fault, file in TESTS.items():
        for name in passed.get(file, []):
            yield f"| {fault} | {name} |\n"


def main() -> None:
    """Run everything, then replace what stands below the mark."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        passed = outcome(folder)
        kept = {each: folder / f"{each}.json" for each in STORMS}
        reports = {each: json.loads(path.read_text()) for each, path in kept.items() if path.exists()}
    above = PAGE.read_text(encoding="utf-8").split(MARK)[0]
    PAGE.write_text(above + MARK + "\n" + "".join(lines(passed, reports)), encoding="utf-8")


if __name__ == "__main__":
    main()
