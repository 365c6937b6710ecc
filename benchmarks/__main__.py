"""Every benchmark in turn: `make bench`.

Each also runs alone, as `python -m benchmarks.<name>`, and says there what it measures.

Figures of a shared machine are noisy: quote medians and ratios, not single times.
"""

import subprocess
import sys

NAMES = (
    "simulator",
    "sensors",
    "sandbox",
    "training",
    "camera",
    "rewards",
    "submission",
    "workers",
    "optimum",
    "imperfections",
)


def main() -> None:
    """Run each benchmark in a process of its own, so that none warms the next one up."""
    for name in NAMES:
        print(f"\n== {name}", flush=True)
        subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=True)


if __name__ == "__main__":
    main()
