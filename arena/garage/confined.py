"""Do the copies of an entrant's module keep to themselves?

Each car has its own copy, so cars share nothing that the file itself defines. They can meet in what a process
has once: the state of `random`, files in memory, attributes of imported modules. A file that cannot be seen
to leave these alone runs in one child, so that its result never depends on how many there were. Whoever
hides such a thing on purpose makes a result that cannot be made again, as a look at the clock does.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

_HARMLESS: Final = """
    __future__ abc arena_tools bisect cmath collections copy dataclasses datetime decimal enum fractions
    functools heapq itertools json math numbers numpy operator re shapely statistics string time typing
"""
"""What may be imported, with all below it."""
_MEETING: Final = """
    DataSource __builtins__ __dict__ __import__ __loader__ __spec__ ctypeslib delattr eval exec f2py fromfile
    fromregex genfromtxt getcontext load loadtxt memmap open open_memmap random samples save savetxt savez
    savez_compressed setattr setcontext seterr seterrcall tofile vars
"""
"""Names by which cars may meet all the same."""


_HARMLESS_NAMES: Final = frozenset(_HARMLESS.split())
_MEETING_NAMES: Final = frozenset(_MEETING.split())


def is_confined(tree: ast.Module) -> bool:
    """Return whether the file visibly leaves alone what all cars in one process share."""
    imported: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            base = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
            paths = [f"{base}{alias.name}".split(".") for alias in node.names]
            if any(path[0] not in _HARMLESS_NAMES or not _MEETING_NAMES.isdisjoint(path) for path in paths):
                return False
            imported |= {alias.asname or alias.name.split(".")[0] for alias in node.names}
    return _MEETING_NAMES.isdisjoint(_names(tree)) and imported.isdisjoint(_written(tree))


def _names(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr


def _written(tree: ast.Module) -> Iterator[str]:
    """Yield the names of what has an attribute or an item of its own assigned or deleted."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
            inner: ast.expr = node
            while isinstance(inner, ast.Attribute | ast.Subscript):
                inner = inner.value
            if isinstance(inner, ast.Name):
                yield inner.id
