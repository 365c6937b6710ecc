"""The table of attacks: what each reward function tries, and the verdicts that mean it was stopped.

A function that wants something returns 1.0 when it has got it. HARMLESS therefore means: it ran to the end
and got nothing (0.0). Words in capitals are replaced by `filled`: CANARY, DATABASE and RIVAL are files of the
arena, TARGET a file that must not appear, FOLDER theirs, PID the parent, PORT where it listens. Attacks by
means of Python, the protocol and the source text are in `tricks.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from arena.garage.verdicts import Verdict

HARMLESS: Final = "harmless"
RUNTIME, IMPORT, MEMORY, TIMEOUT = Verdict.RUNTIME, Verdict.IMPORT, Verdict.MEMORY, Verdict.TIMEOUT
CRASHED, OUTPUT, BAD_VALUE, SYNTAX = Verdict.CRASHED, Verdict.OUTPUT, Verdict.BAD_VALUE, Verdict.SYNTAX
NO_FUNCTION: Final = Verdict.NO_FUNCTION


@dataclass(frozen=True, slots=True)
class Payload:
    """One attack: the whole source and what may come of it."""

    name: str
    source: str
    expected: tuple[str, ...]


HEAD: Final = """\
import ctypes, fcntl, os, resource, signal, socket, struct, subprocess, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    answer = libc.syscall(ctypes.c_long(number), *map(ctypes.c_long, arguments))
    if answer == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return answer
def arrived(socket_type, family, address):
    with socket.socket(family, socket_type) as sender:
        sender.connect(address)
        return 1.0
"""


def filled(source: str, places: dict[str, object]) -> str:
    """Put the names of this run into a source."""
    for word, value in places.items():
        source = source.replace(word, str(value))
    return source


def attack(name: str, body: str, *expected: str) -> Payload:
    """An attack by a function of a few lines; by default a plain exception stops it."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return Payload(name, f"{HEAD}def reward_function(params):\n{lines}", expected or (RUNTIME,))


FILES: Final = (
    attack("read /etc/passwd", "return len(open('/etc/passwd').read()) > 0"),
    attack("read a file of the arena", "return len(open('CANARY').read()) > 0"),
    attack("read the database", "return len(open('DATABASE', 'rb').read()) > 0"),
    attack(
        "open the database by sqlite3",
        "import sqlite3\nreturn len(sqlite3.connect('DATABASE').execute('select * from racer').fetchall())",
    ),
    attack("read another racer's code", "return len(open('RIVAL').read()) > 0"),
    attack("append to the database", "return os.write(os.open('DATABASE', os.O_WRONLY | os.O_APPEND), b'x')"),
    attack("empty a file", "return os.truncate('CANARY', 0) is None"),
    attack("create a file", "return os.open('TARGET', os.O_CREAT | os.O_WRONLY) > 0"),
    attack("create a nameless file", "return os.open('FOLDER', os.O_TMPFILE | os.O_RDWR) > 0"),
    attack("write a file as people do", "open('TARGET', 'w').write('x')\nreturn 0.0", HARMLESS),
    attack(
        "fill the disk",
        "file = open('TARGET', 'wb')\nwhile True:\n    file.write(bytes(1 << 20))",
        RUNTIME,
        MEMORY,
    ),
    attack("list the arena's folder", "return len(os.listdir('FOLDER')) > 0"),
    attack("walk through the machine", "return len(list(os.scandir('/'))) > 0"),
    attack("delete a file", "return os.unlink('CANARY') is None"),
    attack("rename a file", "return os.rename('CANARY', 'TARGET') is None"),
    attack("link to a file", "return os.link('CANARY', 'TARGET') is None"),
    attack("make a symbolic link", "return os.symlink('CANARY', 'TARGET') is None"),
    attack("make a folder", "return os.mkdir('TARGET') is None"),
    attack("make a pipe with a name", "return os.mkfifo('TARGET') is None"),
    attack("make a device", "return os.mknod('TARGET', 0o20666, 0x0103) is None"),
    attack("open a file up", "return os.chmod('CANARY', 0o777) is None"),
    attack("take a file over", "return os.chown('CANARY', 65534, 65534) is None"),
    attack("change a file's time", "return os.utime('CANARY', (0, 0)) is None"),
    attack("leave the folder", "os.chdir('FOLDER')\nreturn len(open('canary.txt').read()) > 0"),
    attack("change the root", "return os.chroot('/') is None"),
    attack("open by a raw call", "return libc.open(b'CANARY', 0) >= 0", HARMLESS),
    attack("climb out of the folder", "return len(open('../' * 30 + 'etc/passwd').read()) > 0"),
    attack("read the parent's environment", "return len(open('/proc/PID/environ', 'rb').read()) > 0"),
    attack("read the parent's memory", "return len(open('/proc/PID/mem', 'rb').read(1)) > 0"),
    attack("read the parent's command line", "return len(open('/proc/PID/cmdline', 'rb').read()) > 0"),
    attack("reach the parent's files", "return len(os.listdir('/proc/PID/root')) > 0"),
    attack("see where the parent works", "return len(os.readlink('/proc/PID/cwd')) > 0"),
    attack("open the parent's files", "return len(open('/proc/PID/fd/0', 'rb').read(0)) >= 0"),
    attack("read the machine's memory", "return os.open('/dev/mem', os.O_RDONLY) > 0"),
    attack("read the kernel's log", "return os.open('/dev/kmsg', os.O_RDONLY) > 0"),
    attack("use shared memory", "return os.open('/dev/shm/x', os.O_CREAT | os.O_RDWR) > 0"),
    attack("keep a file in memory to run it", "return os.memfd_create('x') > 0"),
    attack(
        "use inherited descriptors",
        "found = 0\nfor number in range(6, 4096):\n    try:\n        os.fstat(number)\n        found += 1\n"
        "    except OSError:\n        pass\nreturn float(found)",
        HARMLESS,
    ),
)

WANTED: Final = "wanted = ''.join(['sword', 'fish'])\n"
"""The secret of the siege, put together when it is needed, so that nobody finds it in the source."""

SECRETS: Final = (
    attack(
        "find a secret in the environment",
        f"{WANTED}return float(wanted in ''.join(os.environ.values()))",
        HARMLESS,
    ),
    attack(
        "find a secret in the C library's environment",
        f"{WANTED}environ = ctypes.POINTER(ctypes.c_char_p).in_dll(libc, 'environ')\n"
        "found, number = 0.0, 0\n"
        "while environ[number]:\n    found += wanted.encode() in environ[number]\n    number += 1\n"
        "return found",
        HARMLESS,
    ),
    attack(
        "search all objects",
        f"{WANTED}import gc\n"
        "return float(any(isinstance(value, str) and value == wanted and value is not wanted\n"
        "    for each in gc.get_objects() if isinstance(each, dict) for value in list(each.values())))",
        HARMLESS,
    ),
    attack(
        "climb the frames to the trainer",
        "frame = sys._getframe()\nfound = 0.0\nwhile frame:\n"
        "    found += any(name in frame.f_globals for name in ('RewardSandbox', 'TrackVectorEnv', 'PPO'))\n"
        "    frame = frame.f_back\nreturn found",
        HARMLESS,
    ),
    attack("import the trainer", "import arena.garage.training\nreturn 1.0"),
    attack("import the league", "import arena.league.db\nreturn 1.0"),
    attack("import the tests", "import tests.conftest\nreturn 1.0"),
)

NETWORK: Final = (
    attack("connect by TCP", "return arrived(socket.SOCK_STREAM, socket.AF_INET, ('127.0.0.1', PORT))"),
    attack("send by UDP", "return arrived(socket.SOCK_DGRAM, socket.AF_INET, ('127.0.0.1', PORT))"),
    attack("connect by IPv6", "return arrived(socket.SOCK_STREAM, socket.AF_INET6, ('::1', PORT))"),
    attack(
        "connect to a local socket", "return arrived(socket.SOCK_STREAM, socket.AF_UNIX, 'FOLDER/socket')"
    ),
    attack("connect to an abstract socket", "return arrived(socket.SOCK_STREAM, socket.AF_UNIX, '\\0RIVAL')"),
    attack("open a pair of sockets", "return len(socket.socketpair())"),
    attack("open a raw socket", "return socket.socket(socket.AF_PACKET, socket.SOCK_RAW) is not None"),
    attack("talk to the kernel's network", "return socket.socket(16, socket.SOCK_RAW, 0) is not None"),
    attack("listen", "return socket.create_server(('127.0.0.1', 0)) is not None", RUNTIME),
    attack(
        "fetch a page", "import urllib.request\nurllib.request.urlopen('http://127.0.0.1:PORT')\nreturn 1.0"
    ),
    attack("ask for a name", "return len(socket.gethostbyname('localhost'))"),
)

PROCESSES: Final = (
    attack("fork bomb", "while True:\n    os.fork()"),
    attack(
        "fork past the exceptions",
        "n = 0\nfor _ in range(99):\n    n += libc.fork() >= 0\nreturn float(n)",
        HARMLESS,
    ),
    attack(
        "thread bomb",
        "for _ in range(500):\n    threading.Thread(target=time.sleep, args=(9,)).start()\nreturn 1.0",
    ),
    attack("run a program", "return subprocess.run(['/bin/true']).returncode == 0"),
    attack("run a shell", "return float(os.system('true') == 0)", HARMLESS),
    attack("open a shell's pipe", "return len(os.popen('echo x').read())"),
    attack("spawn a program", "return os.posix_spawn('/bin/true', ['true'], {}) > 0"),
    attack("become a program", "return os.execv('/bin/true', ['true'])"),
    attack("become Python without a lock", "return os.execv(sys.executable, ['python', '-c', '1'])"),
    attack(
        "use a pool of processes",
        "import multiprocessing\nmultiprocessing.Process(target=int).start()\nreturn 1.0",
    ),
    attack(
        "become a daemon",
        "return os.daemon() if hasattr(os, 'daemon') else float(libc.daemon(0, 0) == 0)",
        HARMLESS,
    ),
)

SIGNALS: Final = (
    attack("kill the parent", "return os.kill(PID, 9) is None"),
    attack("stop the parent", "return os.kill(PID, signal.SIGSTOP) is None"),
    attack("kill the zygote", "return os.kill(os.getppid(), 9) is None"),
    attack("kill everybody", "return os.kill(-1, 9) is None"),
    attack("kill its own group", "return os.killpg(0, 9) is None"),
    attack("kill itself and blame the machine", "return os.kill(os.getpid(), 9) is None"),
    attack("kill itself by raise", "return signal.raise_signal(9) is None"),
    attack("stop itself", "return os.kill(os.getpid(), signal.SIGSTOP) is None"),
    attack(
        "signal by a descriptor of a process",
        "return signal.pidfd_send_signal(os.pidfd_open(PID), 9) is None",
    ),
    attack("have a descriptor send signals", "return fcntl.fcntl(4, fcntl.F_SETOWN, PID) == 0"),
    attack("choose which signal it sends", "return fcntl.fcntl(4, 10, 9) == 0"),
    attack("be woken by SIGKILL", "return signal.setitimer(signal.ITIMER_REAL, 0.001) is not None"),
    attack("an alarm", "return signal.alarm(1) == 0", HARMLESS, RUNTIME),
    attack("abort", "os.abort()", CRASHED),
    attack("crash", "ctypes.string_at(0)", CRASHED),
    attack("leave", "os._exit(0)", CRASHED),
    attack(
        "ignore all signals and loop",
        "for number in range(1, 65):\n    try:\n        signal.signal(number, signal.SIG_IGN)\n"
        "    except (OSError, ValueError):\n        pass\nwhile True:\n    pass",
        TIMEOUT,
    ),
    attack(
        "block all signals and loop",
        "signal.pthread_sigmask(0, range(1, 65))\nwhile True:\n    pass",
        TIMEOUT,
    ),
)

RESOURCES: Final = (
    attack("4 GB at once", "return len(bytearray(4 << 30))", MEMORY),
    attack("NumPy's 4 GB", "import numpy\nreturn numpy.ones(1 << 29).sum()", MEMORY),
    attack("a growing list", "kept = [0]\nwhile True:\n    kept = kept + kept", MEMORY, TIMEOUT),
    attack("a growing text", "kept = 'x'\nwhile True:\n    kept += kept", MEMORY, TIMEOUT),
    attack("a memory map", "import mmap\nreturn len(mmap.mmap(-1, 4 << 30))", RUNTIME, MEMORY),
    attack(
        "a decompression bomb",
        "import zlib\nbomb = zlib.compress(bytes(1 << 24))\nkept = []\n"
        "while True:\n    kept.append(zlib.decompress(bomb))",
        MEMORY,
        TIMEOUT,
    ),
    attack(
        "catch the lack of memory",
        "kept = []\nwhile True:\n    try:\n        kept.append(bytes(1 << 22))\n"
        "    except MemoryError:\n        pass",
        TIMEOUT,
        MEMORY,
    ),
    attack("memory locked in place", "return float(libc.mlockall(3) == 0)", HARMLESS),
    attack("raise its limits", "return resource.setrlimit(resource.RLIMIT_NPROC, (9, 9)) is None"),
    attack("lift the limit of memory", "return resource.prlimit(0, resource.RLIMIT_AS, (-1, -1)) is None"),
    attack("limit the parent", "return resource.prlimit(PID, resource.RLIMIT_CPU, (1, 1)) is None"),
    attack("go before others", "return os.nice(-5) < 0"),
    attack("choose its core", "return os.sched_setaffinity(0, {0}) is None"),
    attack("all descriptors", "while True:\n    os.dup(1)"),
    attack("an endless loop", "while True:\n    pass", TIMEOUT),
    attack(
        "a loop that catches everything",
        "while True:\n    try:\n        x = 1\n    except BaseException:\n        pass",
        TIMEOUT,
    ),
    attack("a loop in C", "return 7 ** (7 ** 10)", TIMEOUT),
    attack(
        "a loop in the regular expressions", "import re\nreturn re.match('(a|aa)+$', 'a' * 99 + 'b')", TIMEOUT
    ),
    attack("a loop in the sorting", "return len(sorted(range(10**9)))", TIMEOUT, MEMORY),
    attack("a sleep", "time.sleep(999)", TIMEOUT),
    attack("a wait for nothing", "import select\nselect.select([], [], [])", TIMEOUT),
    attack("a lock on itself", "lock = threading.Lock()\nlock.acquire()\nlock.acquire()", TIMEOUT),
    attack("a flood of prints", "while True:\n    print('x' * 1000)", OUTPUT),
    attack("a flood of raw writes", "while True:\n    os.write(1, b'x' * 60000)", OUTPUT),
    attack("a flood of errors", "while True:\n    os.write(2, b'x' * 60000)", OUTPUT),
    attack("endless recursion", "return reward_function(params)"),
    attack(
        "recursion without a limit",
        "sys.setrecursionlimit(10**9)\nreturn reward_function(params)",
        CRASHED,
        RUNTIME,
        MEMORY,
        TIMEOUT,
    ),
    attack(
        "recursion in C",
        "nested = []\nfor _ in range(10**5):\n    nested = [nested]\nreturn len(repr(nested))",
    ),
    attack("a nested document", "import json\nreturn len(json.loads('[' * 10**6))"),
)

# name -> its number on x86_64 and aarch64; each is called with zeros only
KERNEL_CALLS: Final[dict[str, tuple[int | None, int | None]]] = {
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "add_key": (248, 217),
    "keyctl": (250, 219),
    "request_key": (249, 218),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "kexec_load": (246, 104),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "pivot_root": (155, 41),
    "swapon": (167, 224),
    "sethostname": (170, 161),
    "personality": (135, 92),
    "memfd_secret": (447, 447),
    "mq_open": (240, 180),
    "semget": (64, 190),
    "shmget": (29, 194),
    "inotify_init1": (294, 26),
    "fanotify_init": (300, 262),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "kcmp": (312, 272),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "quotactl": (179, 60),
    "acct": (163, 89),
    "setuid": (105, 146),
    "setgroups": (116, 159),
    "capset": (126, 91),
    "timer_create": (222, 107),
    "signalfd4": (289, 74),
    "eventfd2": (290, 19),
    "epoll_create1": (291, 20),
    "clone": (56, 220),
    "clone3": (435, 435),
    "fork": (57, None),
    "vfork": (58, None),
    "execve": (59, 221),
    "execveat": (322, 281),
    "kill": (62, 129),
    "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138),
    "vmsplice": (278, 75),
    "sched_setscheduler": (144, 119),
    "migrate_pages": (256, 238),
    "syslog": (103, 116),
    "process_madvise": (440, 440),
    "clock_settime": (227, 112),
    "prctl": (157, 167),
    "pipe2": (293, 59),
    "openat2": (437, 437),
    "modify_ldt": (154, None),
    "iopl": (172, None),
    "seccomp": (317, 277),
    "landlock_create_ruleset": (444, 444),
}


def kernel_calls(machine: str) -> tuple[Payload, ...]:
    """One attack for each kernel call: it has worked unless the filter itself has refused it."""
    column = {"x86_64": 0, "aarch64": 1}[machine]
    numbers = {name: each[column] for name, each in KERNEL_CALLS.items()}
    return tuple(
        attack(f"the kernel's {name}", f"return call({number}, 0, 0, 0, 0, 0, 0) >= -1")
        for name, number in numbers.items()
        if number is not None
    )
