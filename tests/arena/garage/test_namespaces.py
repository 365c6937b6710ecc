"""In namespaces of its own a process sees what it may read and nothing else, or nothing changes."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from arena.garage import lock, namespaces

TRY = """
import json, os, sys
from pathlib import Path
from arena.garage import namespaces
folder, library = map(Path, sys.argv[1:])
entered = namespaces.enter(folder, [library, Path("/lib")])
seen = {str(path): path.exists() for path in (Path("/etc/passwd"), Path("/proc"), library / "os.py")}
print(json.dumps({"entered": entered, "seen": seen, "folder": os.listdir(folder) if entered else []}))
"""


@pytest.mark.skipif(lock.best_profile() is None, reason=lock.refusal())
def test_all_but_the_readable_is_gone_or_nothing_has_changed(tmp_path: Path) -> None:
    library = sysconfig.get_path("stdlib")
    command = [sys.executable, "-c", TRY, str(tmp_path), library]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout)
    outside = not answer["entered"]
    assert answer["seen"] == {"/etc/passwd": outside, "/proc": outside, f"{library}/os.py": True}
    assert answer["folder"] == []
    assert list(tmp_path.iterdir()) == []  # what was made there is not seen from here


def test_a_folder_within_another_is_not_mounted_twice(tmp_path: Path) -> None:
    outer, inner, other = tmp_path / "lib", tmp_path / "lib" / "python", tmp_path / "other"
    inner.mkdir(parents=True)
    other.mkdir()
    (tmp_path / "link").symlink_to(outer)
    found = namespaces.outermost([inner, tmp_path / "link", outer, other, tmp_path / "absent"])
    assert found == [outer, other]
