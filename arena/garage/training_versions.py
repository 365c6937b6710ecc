"""What the bits of a result depend on besides the recipe: the software, and the kind of machine.

Kept with every trial beside the versions of car, rules and track, so that whoever makes a result again can
see why it may differ. The instructions that PyTorch uses belong to the machine: with others, sums are rounded
in another order.
"""

from __future__ import annotations

import platform
from importlib.metadata import version

import torch

MACHINE = "machine"
LIBRARIES = {
    "arena": "apex-arena",
    "numpy": "numpy",
    "torch": "torch",
    "stable_baselines3": "stable-baselines3",
}


def software() -> dict[str, str]:
    """Return the versions of what computes here, and under "machine" the kind of machine."""
    kind = f"{platform.system()} {platform.machine()} {torch.backends.cpu.get_cpu_capability()}"
    libraries = {name: version(distribution) for name, distribution in LIBRARIES.items()}
    return libraries | {"python": platform.python_version(), MACHINE: kind}
