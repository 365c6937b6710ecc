"""Attacks that use Python, the protocol or the source text instead of the kernel."""

from __future__ import annotations

import struct
from typing import Final

from tests.hostile.payloads import (
    BAD_VALUE,
    CRASHED,
    HARMLESS,
    IMPORT,
    MEMORY,
    NO_FUNCTION,
    OUTPUT,
    RUNTIME,
    SYNTAX,
    TIMEOUT,
    Payload,
    attack,
)

GOOD: Final = "def reward_function(params):\n    return 0.0\n"


def forged(kind: int, payload: bytes, count: int = 0, sequence: int = 1) -> str:
    """Write a frame that the host did not write, then leave."""
    frame = struct.pack("<4sHHIIQ", b"APEX", 1, kind, sequence, count, len(payload)) + payload
    return f"os.write(4, {frame!r})\nos._exit(0)"


FRAMES: Final = (
    attack("garbage for the parent", "os.write(4, b'garbage' * 10)\nreturn 0.0", CRASHED),
    attack("half a frame, then silence", "os.write(4, b'APEX')\nreturn 0.0", CRASHED),
    attack(
        "forged rewards before the true ones",
        "os.write(4, struct.pack('<4sHHIIQ4d', b'APEX', 1, 20, 1, 4, 32, 9, 9, 9, 9))\nreturn 0.0",
        CRASHED,
    ),
    attack(
        "forged rewards instead of the true ones",
        forged(20, struct.pack("<4d", 9, 9, 9, 9), 4, sequence=7),
        CRASHED,
    ),
    attack(
        "rewards that are no numbers",
        forged(20, struct.pack("<4d", *[float("nan")] * 4), 4),
        CRASHED,
    ),
    attack(
        "rewards beyond the limit",
        forged(20, struct.pack("<4d", *[1e300] * 4), 4),
        CRASHED,
    ),
    attack(
        "a frame of 2**60 bytes",
        "os.write(4, struct.pack('<4sHHIIQ', b'APEX', 1, 20, 1, 4, 1 << 60))\nreturn 0.0",
        CRASHED,
    ),
    attack(
        "a frame of another version",
        "os.write(4, struct.pack('<4sHHIIQ', b'APEX', 9, 20, 1, 0, 0))\nreturn 0.0",
        CRASHED,
    ),
    attack(
        "a verdict of its own",
        'text = b\'{"verdict": "ok", "message": "won"}\'\n'
        "os.write(4, struct.pack('<4sHHIIQ', b'APEX', 1, 21, 1, 0, len(text)) + text)\nos._exit(0)",
        CRASHED,
    ),
    attack(
        "a verdict of the wrong types",
        'text = b\'{"verdict": [[]], "line": {}, "message": null}\'\n'
        "os.write(4, struct.pack('<4sHHIIQ', b'APEX', 1, 21, 1, 0, len(text)) + text)\nos._exit(0)",
        CRASHED,
    ),
    attack(
        "a document nested too deeply",
        forged(21, b"[" * 60000),
        CRASHED,
    ),
    attack("a closed pipe", "os.close(4)\nreturn 0.0", CRASHED),
    attack("all pipes closed", "os.closerange(0, 99)\nreturn 0.0", CRASHED),
    attack("its own requests read away", "os.read(3, 1 << 20)\nreturn 0.0", TIMEOUT),
    attack("answers into the requests", "os.dup2(3, 4)\nreturn 0.0", CRASHED),
    attack("output into the answers", "os.dup2(4, 1)\nprint('x' * 9999)\nreturn 0.0", CRASHED),
)

PYTHON: Final = (
    attack("SystemExit", "raise SystemExit(0)"),
    attack("KeyboardInterrupt", "raise KeyboardInterrupt"),
    attack("GeneratorExit", "raise GeneratorExit"),
    attack("an exception beside Exception", "raise type('Odd', (BaseException,), {})()"),
    attack(
        "an exception whose text fails", "raise type('Odd', (Exception,), {'__str__': lambda self: 1 / 0})()"
    ),
    attack(
        "an exception whose text never ends",
        "class Odd(Exception):\n    def __str__(self):\n        while True:\n            pass\nraise Odd",
        TIMEOUT,
    ),
    attack("an exception with a huge text", "raise ValueError('x' * 10**7)"),
    attack("a ring of causes", "a, b = ValueError(), ValueError()\na.__cause__, b.__cause__ = b, a\nraise a"),
    attack("a number that exits", "return type('N', (), {'__float__': lambda self: sys.exit()})()"),
    attack(
        "a number that leaves", "return type('N', (), {'__float__': lambda self: os._exit(0)})()", CRASHED
    ),
    attack(
        "a number that is a text",
        "return type('N', (), {'__float__': lambda self: 'x'})()",
        BAD_VALUE,
        RUNTIME,
    ),
    attack(
        "a number that loops",
        "def loop(self):\n    while True:\n        pass\nreturn type('N', (), {'__float__': loop})()",
        TIMEOUT,
    ),
    attack(
        "a number that lies", "return type('N', (float,), {'__abs__': lambda self: 0.0})(1e300)", BAD_VALUE
    ),
    attack("not a number", "return float('nan')", BAD_VALUE),
    attack("infinity", "return float('-inf')", BAD_VALUE),
    attack("an integer of 100,000 digits", "return 10 ** 10**5", BAD_VALUE),
    attack(
        "work in a destructor",
        "class Late:\n    def __del__(self):\n        os._exit(0)\nLate()\nreturn 0.0",
        CRASHED,
    ),
    attack(
        "an exception in a destructor",
        "class Late:\n    def __del__(self):\n        raise SystemExit\nLate()\nreturn 0.0",
        HARMLESS,
    ),
    attack(
        "a loop at the end", "import atexit\natexit.register(lambda: time.sleep(99))\nreturn 0.0", HARMLESS
    ),
    attack(
        "a trace function",
        "sys.settrace(lambda *_: os._exit(0))\nlen(params)\nreturn (lambda: 0.0)()",
        CRASHED,
    ),
    attack(
        "the host's loop replaced",
        "import arena.garage.host_reward as host\nhost.Rewards._answer = lambda *_: b'x' * 32\nreturn 0.0",
        CRASHED,
    ),
    attack(
        "the host's limit lifted",
        "import arena.garage.blame as blame\nblame.MAX_REWARD = 1e308\nreturn 1e200",
        CRASHED,
    ),
    attack(
        "shared modules poisoned for the next one",
        "import builtins, json, math, numpy, random, simulator.params\n"
        "builtins.float = builtins.len = math.exp = numpy.exp = json.loads = None\n"
        "simulator.params.COLUMNS = ()\nnumpy.float64 = numpy.frombuffer = numpy.array = None\nreturn 0",
        RUNTIME,
        CRASHED,
    ),
    attack(
        "the cache of the source changed",
        "import linecache\nlinecache.cache.clear()\nlinecache.getlines = None\nraise ValueError",
        RUNTIME,
        CRASHED,
    ),
    attack(
        "the search for modules replaced",
        "sys.meta_path[:] = [object()]\nsys.path[:] = ['FOLDER']\nimport canary",
        RUNTIME,
    ),
    attack(
        "a library loaded by NumPy",
        "import numpy\nlibc = numpy.ctypeslib.load_library('libc.so.6', '/lib/x86_64-linux-gnu')\n"
        "return float(libc.system(b'true') == 0)",
        HARMLESS,
        RUNTIME,
    ),
    attack("NumPy's Fortran", "import numpy.f2py\nreturn numpy.f2py.compile('end') == 0"),
    attack("NumPy's file in memory", "import numpy\nreturn len(numpy.memmap('TARGET', mode='w+', shape=9))"),
    attack("NumPy's map of a file", "import numpy\nreturn len(numpy.memmap('CANARY', mode='r'))"),
    attack("NumPy reads", "import numpy\nreturn len(numpy.fromfile('CANARY', 'u1'))"),
    attack("NumPy writes", "import numpy\nnumpy.ones(9).tofile('TARGET')\nreturn 0.0", RUNTIME, HARMLESS),
    attack("NumPy saves", "import numpy\nnumpy.savez('TARGET', a=1)\nreturn 0.0", RUNTIME, HARMLESS),
    attack("NumPy fetches", "import numpy\nreturn len(numpy.loadtxt('http://127.0.0.1:PORT/x'))"),
    attack(
        "a pickle that runs a program",
        "import pickle\nreturn float(pickle.loads(b\"cos\\nsystem\\n(S'true'\\ntR.\") == 0)",
        HARMLESS,
    ),
    attack("code written into memory", "import mmap\nreturn len(mmap.mmap(-1, 4096, prot=7))"),
    attack(
        "memory made executable",
        "buffer = ctypes.create_string_buffer(9000)\n"
        "page = (ctypes.addressof(buffer) + 4095) & ~4095\n"
        "return float(libc.mprotect(ctypes.c_void_p(page), ctypes.c_size_t(4096), 7) == 0)",
        HARMLESS,
    ),
    attack(
        "a callback in C",
        "return float(ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 1)() == 2)",
        HARMLESS,
        RUNTIME,
        MEMORY,
        CRASHED,
    ),
    attack(
        "its own lock opened",
        "return float(libc.prctl(38, 0, 0, 0, 0) == 0 or libc.prctl(4, 1, 0, 0, 0) == 0)",
        HARMLESS,
    ),
)

X32: Final = attack("calls in another numbering", "return call(0x40000000 + 39) > 0", CRASHED)
"""For x86_64 only: getpid with the numbers of x32, which the filter answers with the end of the process."""

SOURCES: Final = (
    Payload("leave while loading", "import os\nos._exit(0)\n" + GOOD, (CRASHED,)),
    Payload("loop while loading", "while True:\n    pass\n" + GOOD, (TIMEOUT,)),
    Payload("loop in a class", "class A:\n    while True:\n        pass\n" + GOOD, (TIMEOUT,)),
    Payload("memory while loading", "x = bytearray(4 << 30)\n" + GOOD, (MEMORY,)),
    Payload("fork while loading", "import os\nos.fork()\n" + GOOD, (IMPORT,)),
    Payload("read while loading", "x = open('CANARY').read()\n" + GOOD, (IMPORT,)),
    Payload("exit while loading", "raise SystemExit\n" + GOOD, (IMPORT,)),
    Payload("prints while loading", "while True: print('x' * 999)\n" + GOOD, (OUTPUT,)),
    Payload("forged frames while loading", "import os\nos.write(4, b'APEX' * 99)\n" + GOOD, (CRASHED,)),
    Payload("a folded power", "x = 9 ** 9 ** 9\n" + GOOD, (TIMEOUT, MEMORY)),
    Payload("a folded text", "x = 'x' * 2 ** 40\n" + GOOD, (MEMORY,)),
    Payload("a folded shift", "x = 1 << 2 ** 45\n" + GOOD, (MEMORY, IMPORT)),
    Payload("nested brackets", "x = " + "(" * 90_000 + ")" * 90_000 + "\n" + GOOD, (SYNTAX, MEMORY)),
    Payload("a chain of signs", "x = " + "-" * 100_000 + "1\n" + GOOD, (SYNTAX, MEMORY)),
    Payload("a sum of 60,000 terms", "x = " + "1+" * 60_000 + "1\n" + GOOD, (SYNTAX, MEMORY, CRASHED)),
    Payload("nested functions", "".join(" " * i + "def f():\n" for i in range(200)), (SYNTAX,)),
    Payload("a surrogate", "x = '\ud800'\n" + GOOD, (SYNTAX,)),
    Payload("a zero byte", "x = 1\0\n" + GOOD, (SYNTAX,)),
    Payload("text that turns around", "admin = '\u202e' and 1 #\u2066\n" + GOOD, (HARMLESS,)),
    Payload("a name that looks alike", "def rewаrd_function(params):\n    return 1.0\n", (NO_FUNCTION,)),
    Payload("a name that is normalised", "def ｒｅｗａｒｄ_function(params):\n    return 0.0\n", (HARMLESS,)),
    Payload("a function that is none", "class A:\n    __call__ = None\nreward_function = A()\n",
            (RUNTIME, BAD_VALUE)),
    Payload("a signature that loops", "class A:\n    def __call__(self, params): return 0.0\n    @property\n"
            "    def __signature__(self):\n        while True: pass\nreward_function = A()\n", (TIMEOUT,)),
    Payload("a signature that leaves", "class A:\n    def __call__(self, params): return 0.0\n    @property\n"
            "    def __signature__(self): raise SystemExit\nreward_function = A()\n",
            (CRASHED, IMPORT, RUNTIME)),
    Payload("every module of the library", "import sys\nfor name in sorted(sys.stdlib_module_names):\n"
            "    try: __import__(name)\n    except BaseException: pass\n" + GOOD,
            (HARMLESS, TIMEOUT, MEMORY, CRASHED, OUTPUT, IMPORT)),
    Payload("what site-packages offer", "import torch, sqlalchemy, flask\n" + GOOD,
            (IMPORT, TIMEOUT, MEMORY, CRASHED)),
)  # fmt: skip
