"""flake8's E and F rules by the two libraries that flake8 is made of, without its command line."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pycodestyle
from pyflakes.checker import Checker

IGNORED: Final = ("E5", "E226", "E261")
_NO_QA: Final = re.compile(r"#\s*noqa(?::\s*(?P<codes>[A-Z][0-9]+(?:[,\s]+[A-Z][0-9]+)*))?", re.IGNORECASE)

# flake8's numbers of pyflakes' messages; the ones that are left out are called F.
CODES: Final = {
    "UnusedImport": "F401",
    "ImportShadowedByLoopVar": "F402",
    "ImportStarUsed": "F403",
    "LateFutureImport": "F404",
    "ImportStarUsage": "F405",
    "ImportStarNotPermitted": "F406",
    "FutureFeatureNotDefined": "F407",
    "FStringMissingPlaceholders": "F541",
    "MultiValueRepeatedKeyLiteral": "F601",
    "MultiValueRepeatedKeyVariable": "F602",
    "AssertTuple": "F631",
    "IsLiteral": "F632",
    "InvalidPrintSyntax": "F633",
    "IfTuple": "F634",
    "DefaultExceptNotLast": "F707",
    "RedefinedWhileUnused": "F811",
    "UndefinedName": "F821",
    "UndefinedExport": "F822",
    "UndefinedLocal": "F823",
    "UnusedIndirectAssignment": "F824",
    "DuplicateArgument": "F831",
    "UnusedVariable": "F841",
    "UnusedAnnotation": "F842",
    "RaiseNotImplemented": "F901",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that the official validator refuses."""

    rule: str
    line: int | None
    message: str


class _Report(pycodestyle.BaseReport):  # type: ignore[misc]
    """Collects instead of printing; the library's own one keeps one finding per rule."""

    def __init__(self, options: Any) -> None:
        super().__init__(options)
        self.findings: list[Finding] = []

    def error(self, line_number: int, offset: int, text: str, check: Any) -> str:
        code, _, message = text.partition(" ")
        self.findings.append(Finding(code, line_number, message))
        return code


def style(source: str) -> Iterator[Finding]:
    """Yield pycodestyle's findings that flake8 was told to count."""
    # ignore=() and not None: the library's own default leaves some E rules out.
    guide = pycodestyle.StyleGuide(select=["E"], ignore=[], reporter=_Report, parse_argv=False)
    lines = source.splitlines(keepends=True)
    checker = pycodestyle.Checker("reward_function.py", lines=lines, options=guide.options)
    checker.check_all()
    for finding in checker.report.findings:
        if (
            finding.rule.startswith("E")
            and not finding.rule.startswith(IGNORED)
            and not _excused(finding, lines)
        ):
            yield finding


def flakes(source: str, tree: ast.Module) -> Iterator[Finding]:
    """Yield pyflakes' findings: names that are unused, unknown or defined twice."""
    lines = source.splitlines(keepends=True)
    for message in Checker(tree, filename="reward_function.py").messages:
        code = CODES.get(type(message).__name__, "F")
        finding = Finding(code, message.lineno, message.message % message.message_args)
        if not _excused(finding, lines):
            yield finding


def _excused(finding: Finding, lines: list[str]) -> bool:
    """Say whether the finding's line bears a `# noqa` that covers it."""
    if finding.line is None or finding.line > len(lines):
        return False
    excuse = _NO_QA.search(lines[finding.line - 1])
    if excuse is None:
        return False
    codes = excuse["codes"]
    return codes is None or finding.rule.startswith(tuple(re.split(r"[,\s]+", codes.upper())))
