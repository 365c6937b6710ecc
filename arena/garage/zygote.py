"""THE ZYGOTE: a process without secrets that has Python, NumPy and shapely loaded and forks each child.

To start Python and load NumPy takes a tenth of a second, to fork a process that has them two milliseconds.
It is started with a clean environment and one socket (`launching.py` holds the other end), reads requests
from it, and reports each child's end through a pipe of that child's own. One child always waits, forked ahead
of its request; it then closes everything that is not its own, locks itself and becomes the host. When the
socket closes, because the parent has ended however it ended, the zygote ends too, and the kernel kills its
children.
"""

from __future__ import annotations

import contextlib
import dataclasses
import faulthandler
import fcntl
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import sys
from pathlib import Path
from typing import Any, Final, NoReturn

from arena.garage import host, host_agent, host_policy, host_reward, landlock, lock, namespaces
from arena.garage.lock import Profile
from arena.garage.wire import ENDED, LOCK_EXIT, MAX_MESSAGE_BYTES, Program

PRELOADED: Final = """
    __future__ abc argparse array ast base64 binascii bisect calendar cmath collections.abc colorsys
    concurrent.futures contextlib copy copyreg csv ctypes dataclasses datetime decimal difflib dis enum
    fractions functools gc glob graphlib gzip hashlib heapq hmac inspect io itertools json keyword linecache
    locale logging.config logging.handlers math mmap numbers operator os pathlib pickle platform pprint queue
    random re reprlib resource secrets select shutil signal socket statistics string struct subprocess
    tempfile textwrap threading time timeit token tokenize traceback types typing unicodedata urllib.parse
    uuid warnings weakref zlib
    encodings.ascii encodings.cp1252 encodings.latin_1 encodings.utf_16
    numpy.fft numpy.linalg numpy.ma numpy.polynomial numpy.random
    shapely shapely.affinity shapely.geometry shapely.ops shapely.prepared shapely.validation
"""
SCIPY: Final = ("interpolate", "ndimage", "optimize", "signal", "spatial", "stats")
"""Only for the strict profile, which cannot load them later; they take a second and 60 MB."""

PROGRAMS: Final[dict[str, type[host.Program]]] = {
    Program.REWARD: host_reward.Rewards,
    Program.AGENT: host_agent.Driving,
    Program.POLICY: host_policy.Inference,
}
"""What a child can be; all of it is loaded before the lock closes."""

REQUESTS, REPLIES, STACK, RULES = 3, 4, 5, 6
"""The descriptors of a child; 0 reads nothing, 1 and 2 are its output."""

_MOST_DESCRIPTORS: Final = 4096
"""More than a zygote ever has; the system's own limit can be a thousand million, to be closed one by one."""
_HIGH: Final = 64  # descriptors above it are free before the places are taken


def main(arguments: str) -> None:
    """Be the zygote. `arguments` is JSON: control (a descriptor), profile, networks, folder, root."""
    options = json.loads(arguments)
    control = socket.socket(fileno=options["control"])
    profile = Profile(options["profile"])
    folder = Path(options["folder"])
    nothing = os.open(os.devnull, os.O_RDONLY)
    processes = os.open("/proc", os.O_PATH)
    try:
        preload(profile, options["networks"])
        readable = tuple(landlock.readable_paths())  # asked while Python's own files can be read
        walled = namespaces.enter(folder, readable if profile is Profile.READING else ())
        prepared = lock.prepare(profile, folder)
        lock.make_undumpable()
    except (lock.LockError, OSError, ImportError) as error:
        control.send(json.dumps({"error": f"{type(error).__name__}: {error}"}).encode())
        return
    forget_path(options["root"])
    gc.collect()
    gc.freeze()  # else the first collection in each child would copy every page
    facts = {"profile": profile, "spare_uid": prepared.spare_uid, "namespaces": walled}
    control.send(json.dumps(facts).encode())
    Nursery(control, prepared, nothing, processes).serve()


def alone(arguments: str) -> None:
    """Be an unlocked child, started on its own. `arguments` is JSON: as a request's, with the descriptors
    requests, replies and stack, parent_pid and root.
    """
    options = json.loads(arguments)
    offer_tools()
    forget_path(options["root"])
    place([0, 1, 1, options["requests"], options["replies"], options["stack"]])
    lock.go_first(os.getpid())
    lock.apply_limits(options["limits"])
    lock.die_with_parent(options["parent_pid"])
    faulthandler.register(signal.SIGUSR1, file=STACK, all_threads=False)
    host.main(REQUESTS, REPLIES, options, PROGRAMS[options["program"]])


def preload(profile: Profile, networks: bool) -> None:
    """Import what reward functions import, or what networks need, as far as it is installed."""
    names = PRELOADED.split()
    if networks:
        names += ["onnxruntime"]
    elif profile is Profile.STRICT:
        names += ["scipy", *(f"scipy.{name}" for name in SCIPY)]
    import numpy._core

    names += [
        f"numpy._core.{module.name}"
        for module in pkgutil.iter_modules(numpy._core.__path__)
        if module.name != "tests"
    ]
    for name in names:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    importlib.import_module("numpy")
    importlib.import_module("simulator.params")
    offer_tools()
    sys.modules["matplotlib"] = None  # type: ignore[assignment]  # it writes files when imported


def offer_tools() -> None:
    """Give entrants the module that they know as `arena_tools`."""
    sys.modules["arena_tools"] = importlib.import_module("simulator.arena_tools")


def forget_path(root: str) -> None:
    """Take our own folder out of the path: all of ours that a child needs is loaded."""
    if root in sys.path:
        sys.path.remove(root)


def place(descriptors: list[int]) -> None:
    """Give the descriptors the numbers 0, 1, 2, ... and close all others."""
    moved = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, _HIGH) for descriptor in descriptors]
    for number, descriptor in enumerate(moved):
        os.dup2(descriptor, number)
    os.closerange(len(moved), _MOST_DESCRIPTORS)


@dataclasses.dataclass(frozen=True, slots=True)
class Spare:
    """A child that is forked and waits behind its door for a request."""

    pid: int
    door: socket.socket


class Nursery:
    """The zygote's loop: fork on request, pass on signals, report every end."""

    def __init__(self, control: socket.socket, prepared: lock.Lock, nothing: int, processes: int) -> None:
        """`nothing` and `processes` are /dev/null and /proc, which may be out of reach by now."""
        self._control = control
        self._lock = prepared
        self._nothing = nothing
        self._processes = processes
        self._ended: dict[int, int] = {}  # process -> the pipe on which its end is reported
        self._spare: Spare | None = None

    def serve(self) -> None:
        """Work until the parent is gone; what then still runs is killed by the kernel, as it asked to be."""
        wake, woken = os.pipe()
        for descriptor in (wake, woken):
            os.set_blocking(descriptor, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        poll.register(wake, select.POLLIN)
        while True:
            self._keep_a_spare()
            ready = [descriptor for descriptor, _ in poll.poll()]
            if wake in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(wake, MAX_MESSAGE_BYTES)
                self._reap()
            if self._control.fileno() in ready and not self._obey():
                return

    def _obey(self) -> bool:
        """Do what one message says; False when the parent is gone."""
        message, descriptors, _, _ = socket.recv_fds(self._control, MAX_MESSAGE_BYTES, 8)
        if not message:
            return False
        request = json.loads(message)
        if "signal" in request:
            if request["pid"] in self._ended:  # not yet reaped, so the number is still its own
                os.kill(request["pid"], request["signal"])
            return True
        try:
            self._hand_over(message, descriptors)
        finally:
            for descriptor in descriptors:
                if descriptor not in self._ended.values():
                    os.close(descriptor)
        return True

    def _hand_over(self, message: bytes, descriptors: list[int]) -> None:
        """Give a request to the spare child; the answer is its number or why there is none."""
        for _ in range(2):  # a spare may have been killed
            self._keep_a_spare()
            spare, self._spare = self._spare, None
            if spare is None:
                break
            with spare.door, contextlib.suppress(OSError):
                socket.send_fds(spare.door, [message], descriptors)
                self._ended[spare.pid] = descriptors[ENDED]
                self._control.send(json.dumps({"pid": spare.pid}).encode())
                return
        self._control.send(json.dumps({"error": "no process could be forked"}).encode())

    def _keep_a_spare(self) -> None:
        """Fork the next child before it is asked for, so that nobody waits for the fork."""
        if self._spare is not None:
            return
        own_pid = os.getpid()
        door, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                pid = os.fork()
            except OSError:  # too many processes: the request that needs it will say so
                door.close()
                return
            if pid == 0:
                door.close()
                self._wait_for_work(theirs, own_pid)
        lock.go_first(pid, self._processes)
        self._spare = Spare(pid, door)

    def _wait_for_work(self, door: socket.socket, parent_pid: int) -> NoReturn:
        """Be the spare child: wait for a request, then become the child that it asks for."""
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            lock.die_with_parent(parent_pid)
            message, descriptors, _, _ = socket.recv_fds(door, MAX_MESSAGE_BYTES, 8)
        except BaseException:
            os._exit(LOCK_EXIT)
        if not message:
            os._exit(0)
        self._become_child(json.loads(message), descriptors, parent_pid)

    def _become_child(self, request: dict[str, Any], descriptors: list[int], parent_pid: int) -> NoReturn:
        """Lock this process and be the host; never returns."""
        try:
            requests, prints, replies, stack, _ = descriptors
            rules = [] if self._lock.rules is None else [self._lock.rules]
            place([self._nothing, prints, prints, requests, replies, stack, *rules])
            os.setsid()
            faulthandler.register(signal.SIGUSR1, file=STACK, all_threads=False)
            dataclasses.replace(self._lock, rules=RULES if rules else None).close(
                request["limits"], parent_pid
            )
            os.closerange(RULES, RULES + 1)
        except BaseException as error:
            os.write(2, f"{type(error).__name__}: {error}".encode())
            os._exit(LOCK_EXIT)
        host.main(REQUESTS, REPLIES, request, PROGRAMS[request["program"]])

    def _reap(self) -> None:
        while True:
            try:
                pid, status, used = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            if pid not in self._ended:  # the spare, or one that nobody waits for
                self._forget_spare(pid)
                continue
            ended = self._ended.pop(pid)
            ending = {
                "status": os.waitstatus_to_exitcode(status),
                "cpu_s": used.ru_utime + used.ru_stime,
                "peak_mb": used.ru_maxrss / 1024,
            }
            with contextlib.suppress(OSError):  # the parent may have lost interest
                os.write(ended, json.dumps(ending).encode())
            os.close(ended)

    def _forget_spare(self, pid: int) -> None:
        if self._spare is not None and self._spare.pid == pid:
            self._spare.door.close()
            self._spare = None
