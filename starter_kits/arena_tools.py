"""`import arena_tools` on a laptop: pyproject.toml has this file installed at the top level.

In an arena's child processes `arena.garage.zygote` gives the name to the same module.
"""

from simulator.arena_tools import *  # noqa: F403
from simulator.arena_tools import __all__, __doc__  # noqa: F401
