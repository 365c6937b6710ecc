"""What the bits of a result depend on besides the recipe: the software, and the kind of machine.

Kept with every trial beside the versions of car, rules and track, so that whoever makes a result again can
see why it may differ. The instructions that PyTorch uses belong to the machine: with others, sums are rounded
in another order. Between two releases the version of the arena stays and its code does not, so a hash of all
the code that trains and drives is kept, too.
"""

from __future__ import annotations

import hashlib
import platform
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import torch

import simulator

MACHINE = "machine"
LIBRARIES = {
    "arena": "apex-arena",
    "numpy": "numpy",
    "torch": "torch",
    "stable_baselines3": "stable-baselines3",
}
_COUNTED = (".py", ".npy", ".npz")


def software() -> dict[str, str]:
    """Return the versions of what computes here, and under "machine" the kind of machine."""
    kind = f"{platform.system()} {platform.machine()} {torch.backends.cpu.get_cpu_capability()}"
    if torch.cuda.is_available():
        kind += f" {torch.cuda.get_device_name()}"  # cars with cameras learn on it
    libraries = {name: version(distribution) for name, distribution in LIBRARIES.items()}
    return libraries | {"build": build(), "python": platform.python_version(), MACHINE: kind}


@lru_cache(maxsize=1)
def build() -> str:
    """Return a short hash of the code and the data of simulator and garage, as they are installed here.

    Read at the first call: a worker asks when it starts, for its code is that of this moment.
    """
    found = hashlib.sha256()
    for folder in (Path(simulator.__file__).parent, Path(__file__).parent):
        files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*.*")}
        for name in sorted(name for name in files if name.endswith(_COUNTED)):
            found.update(name.encode())
            found.update(hashlib.sha256(files[name].read_bytes()).digest())
    return found.hexdigest()[:16]
