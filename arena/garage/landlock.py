"""What may still be read: Python's own library and site-packages, the system's shared libraries, time zones
and the empty folder. Nothing may be written, made, renamed or removed, whatever the user's rights.

Landlock (kernel 5.13 and newer) needs no rights and no set-up; landlock(7) has the numbers. Newer kernels
also keep TCP, abstract sockets and signals inside, which seccomp refuses anyway. It does not cover stat():
whether a path exists can be seen.
"""

from __future__ import annotations

import ctypes
import os
import site
import struct
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every architecture
_VERSION_ONLY: Final = 1
_PATH_BENEATH: Final = 1
_READ_FILE: Final = 1 << 2
_READ_DIR: Final = 1 << 3
_FILE_RIGHTS: Final = {1: 13, 2: 14, 3: 15, 5: 16}
"""How many file rights exist from an ABI on; all are taken, two given back."""
_NET_FROM: Final = 4
_SCOPES_FROM: Final = 6
_TCP_BIND_CONNECT: Final = 3
_ABSTRACT_SOCKETS_AND_SIGNALS: Final = 3
_libc: Final = ctypes.CDLL(None, use_errno=True)
_SYSTEM: Final = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/share/zoneinfo")


def abi() -> int:
    """Return the version of Landlock that this kernel speaks, 0 for none."""
    try:
        return _call(_CREATE_RULESET, None, 0, _VERSION_ONLY)
    except OSError:
        return 0


def readable_paths() -> Iterator[Path]:
    """Yield the folders that stay readable."""
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    found = [sysconfig.get_path(name) for name in names]
    library = sysconfig.get_config_var("LIBDIR")
    yield from {Path(path) for path in (*found, *site.getsitepackages(), library, *_SYSTEM) if path}


def ruleset(empty_folder: Path) -> int:
    """Return a descriptor of the rules, for `restrict`. Raises `OSError`."""
    version = abi()
    rights = max(count for since, count in _FILE_RIGHTS.items() if since <= version)
    attributes = struct.pack(
        "=QQQ",
        (1 << rights) - 1,
        _TCP_BIND_CONNECT if version >= _NET_FROM else 0,
        _ABSTRACT_SOCKETS_AND_SIGNALS if version >= _SCOPES_FROM else 0,
    )
    # an older kernel knows a shorter struct
    size = 24 if version >= _SCOPES_FROM else 16 if version >= _NET_FROM else 8
    rules = _call(_CREATE_RULESET, attributes, size, 0)
    for path in readable_paths():
        if path.is_dir():
            _allow(rules, path, _READ_FILE | _READ_DIR)
    _allow(rules, empty_folder, _READ_DIR)
    return rules


def restrict(rules: int) -> None:
    """Put this process under the rules, for good. Needs no_new_privs. Raises `OSError`."""
    _call(_RESTRICT_SELF, rules, 0)


def _allow(rules: int, path: Path, rights: int) -> None:
    folder = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        _call(_ADD_RULE, rules, _PATH_BENEATH, struct.pack("=Qi", rights, folder), 0)
    finally:
        os.close(folder)


def _call(number: int, *arguments: int | bytes | None) -> int:
    plain = (ctypes.c_long(each) if isinstance(each, int) else each for each in arguments)
    answer: int = _libc.syscall(ctypes.c_long(number), *plain)
    if answer < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"Landlock: {os.strerror(code)}")
    return answer
