"""Prints what the recorded drives give here, or records them anew (see the package)."""

import json
import sys

from tests.simulator import golden


def main() -> None:
    """Print, or write the file."""
    if sys.argv[1:] == ["--record"]:
        golden.TRACES.write_text(json.dumps(golden.recorded(), indent=1) + "\n")
        return
    drives = golden.stored()["drives"]
    here = {
        name: golden.described(golden.SCENES[name], golden.read(drives[name]["commands"])) for name in drives
    }
    print(json.dumps(here))


if __name__ == "__main__":
    main()
