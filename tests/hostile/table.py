"""Write the table of attacks and circumstances into docs/security.md: `python -m tests.hostile.table`."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from tests.hostile import payloads
from tests.hostile.circumstances import Circumstance
from tests.hostile.siege import GROUPS

ROOT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = ROOT / "docs" / "security.md"
WIDTH: Final = 150
MARK: Final = "<!-- Below: python -m tests.hostile.table -->\n"
HEADINGS: Final = {
    Circumstance.AS_IT_IS: "as root",
    Circumstance.ORDINARY_USER: "as an ordinary user",
    Circumstance.NO_LANDLOCK: "without Landlock",
    Circumstance.POD: "in an unprivileged pod",
}


def besieged(circumstance: Circumstance) -> dict[str, Any]:
    """Make all attacks in one circumstance."""
    command = [sys.executable, "-m", "tests.hostile.siege", circumstance]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    siege: dict[str, Any] = json.loads(done.stdout)
    if siege["breaches"]:
        sys.exit("\n".join(siege["breaches"]))
    return siege


def lines(sieges: dict[Circumstance, dict[str, Any]]) -> Iterator[str]:
    """Yield the table; a verdict says what stopped the attack, `harmless` that it got nothing."""
    attacks = next(iter(sieges.values()))["attacks"]
    yield f"{attacks} attacks, each made in four circumstances (Linux {platform.release().split('-')[0]}):\n"
    within = [HEADINGS[name] for name, siege in sieges.items() if siege["namespaces"]]
    yield f"\nNamespaces of their own were allowed to the children {', '.join(within) or 'nowhere'}.\n"
    for group, table in GROUPS.items():
        yield f"\n### {group.capitalize()}\n\n"
        yield f"| attack | {' | '.join(HEADINGS.values())} |\n|---|{'---|' * len(HEADINGS)}\n"
        for payload in table:
            verdicts = " | ".join(siege["verdicts"][payload.name] for siege in sieges.values())
            yield f"| {payload.name} | {verdicts} |\n"
    names = ", ".join(f"`{name}`" for name in payloads.KERNEL_CALLS)
    refused = textwrap.fill(f"Refused by the filter in all four circumstances: {names}.", WIDTH)
    yield f"\n### Kernel calls\n\n{refused}\n"


def main() -> None:
    """Besiege, then replace what stands below the mark."""
    sieges = {circumstance: besieged(circumstance) for circumstance in HEADINGS}
    above = PAGE.read_text(encoding="utf-8").split(MARK)[0]
    PAGE.write_text(above + MARK + "\n" + "".join(lines(sieges)), encoding="utf-8")


if __name__ == "__main__":
    main()
