"""Run an arena: the web process, one process for instant checks and one worker per core, kept alive by a
small supervisor.

The supervisor holds no state: the database does. A process that dies is started again (its submission
starts again by itself, see `league.jobs`); SIGTERM and Ctrl-C reach every process, and each stops
cleanly.
"""

import ctypes
import logging
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from arena.garage.verdicts import SandboxUnavailableError

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from arena.settings import ArenaSettings

log = logging.getLogger("arena.serve")

STOP_WITHIN_S = 20.0
SETTLED_AFTER_S = 10.0  # a process that lived this long was not killed by its own start
GIVE_UP_AFTER = 4  # failed starts in a row
LOOPBACK = ("127.0.0.1", "localhost", "::1")
WRONG_USAGE = 2  # a process that ends with it was started wrongly: to start it again helps nobody


class CannotStartError(click.ClickException):
    """What the machine or a setting stands in the way with, in words."""

    exit_code = 3


class WrongSettingError(CannotStartError):
    """To start again helps nobody: a setting, or the machine, has to change first."""

    exit_code = WRONG_USAGE


@dataclass(slots=True)
class Child:
    """One process that the supervisor keeps alive."""

    name: str
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    started: float = field(default=0.0, init=False)
    failed_starts: int = field(default=0, init=False)

    def start(self) -> None:
        self.started = time.monotonic()
        self.process = subprocess.Popen(self.command, preexec_fn=die_with_parent)

    def has_stopped(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def has_wrong_settings(self) -> bool:
        return self.process is not None and self.process.poll() == WRONG_USAGE


def die_with_parent() -> None:
    """Ask the kernel for SIGTERM when the supervisor dies, so that none of its processes keeps the port
    (Linux; elsewhere nothing).
    """
    if sys.platform == "linux":
        pr_set_pdeathsig = 1  # <linux/prctl.h>
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)


class Supervisor:
    """Start the processes, start again the ones that die, stop them all on SIGTERM or SIGINT."""

    def __init__(self, children: Sequence[Child]) -> None:
        self.children = children
        self.stopping = False

    def run(self) -> int:
        """Run until told to stop; return the exit code: 0, or 3 when a process cannot be started at all
        (2 when a wrong setting is the reason).
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.stop)
        for child in self.children:
            child.start()
        while not self.stopping:
            time.sleep(0.2)
            for child in self.children:
                if child.has_stopped() and not self.stopping and not self.restart(child):
                    self.terminate()
                    return WRONG_USAGE if child.has_wrong_settings() else 3
        self.terminate()
        return 0

    def stop(self, *_: object) -> None:
        self.stopping = True

    def restart(self, child: Child) -> bool:
        """Start a dead process again; return False after several failed starts in a row, or at once when a
        setting is wrong.
        """
        assert child.process is not None
        if child.has_wrong_settings():
            log.error("%s cannot run with these settings (see above): stopping.", child.name)
            return False
        lived_s = time.monotonic() - child.started
        child.failed_starts = 0 if lived_s > SETTLED_AFTER_S else child.failed_starts + 1
        if child.failed_starts >= GIVE_UP_AFTER:
            log.error(
                "%s does not start (exit code %s, see above): stopping.", child.name, child.process.returncode
            )
            return False
        log.warning("%s ended with exit code %s; starting it again.", child.name, child.process.returncode)
        time.sleep(0.5 * child.failed_starts)
        child.start()
        return True

    def terminate(self) -> None:
        """Ask every process to stop; kill those that do not within STOP_WITHIN_S."""
        processes = [child.process for child in self.children if child.process is not None]
        for process in processes:
            process.terminate()
        deadline = time.monotonic() + STOP_WITHIN_S
        for process in processes:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                log.error("Process %d did not stop within %.0f s: killing it.", process.pid, STOP_WITHIN_S)
                process.kill()
                process.wait()


def require_free(host: str, port: int) -> None:
    """Refuse, in words, an address that somebody else listens on."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CannotStartError(
                f"{host}:{port} cannot be used ({error.strerror}). Choose another port with --port."
            ) from error


def require_alone(host: str) -> None:
    """Refuse to trust code without a lock where other machines can reach the arena."""
    from arena.settings import Sandbox

    sandbox = read_settings().sandbox
    if sandbox is not Sandbox.LOCKED and host not in LOOPBACK:
        raise WrongSettingError(
            f"ARENA_SANDBOX={sandbox} runs code without a lock where there is none, and with --host {host} "
            "others can reach this arena. Use --host 127.0.0.1, or unset ARENA_SANDBOX."
        )


def keep_secrets() -> None:
    """Close this process's environment to others of its user: it holds what the pits must not know."""
    from arena.garage import lock

    lock.make_undumpable()


def read_settings() -> "ArenaSettings":
    """Read the settings; say in words which is wrong."""
    from arena.settings import ArenaSettings

    try:
        return ArenaSettings.from_environment()
    except ValueError as error:
        raise WrongSettingError(str(error)) from error


def open_database() -> "Engine":
    """Connect to the database and bring its tables up to date; say in words why that cannot be."""
    from arena.league import db

    return connect_database(db.upgrade)


def connect_database(
    prepare: "Callable[[Engine], None]" = lambda engine: engine.connect().close(),
) -> "Engine":
    """Connect to the database and prepare it; say in words why that cannot be."""
    from sqlalchemy.exc import ArgumentError, DBAPIError

    from arena.league import db
    from arena.league.errors import LeagueError

    settings = read_settings()
    try:
        engine = db.connect(settings.database_url)
        prepare(engine)
    except LeagueError as error:
        raise CannotStartError(str(error)) from error
    except ArgumentError as error:
        raise CannotStartError(
            f"ARENA_DATABASE_URL is not an address of a database ({error}). Expected for example "
            "sqlite:////srv/arena/arena.db or postgresql://user@host/arena; unset, the data folder is used."
        ) from error
    except (DBAPIError, OSError) as error:
        reason = error.orig if isinstance(error, DBAPIError) else error
        raise CannotStartError(
            f"The database cannot be opened: {reason}. The data folder is {settings.data_dir} "
            "(ARENA_DATA_DIR): check that this user may write to it and that the disk is not full. A damaged "
            "arena.db has to be replaced by a copy; nothing was changed."
        ) from error
    return engine


def run(host: str, port: int, workers: int) -> int:
    """Migrate the database, then run the web process, the checker and the workers until told to stop."""
    require_alone(host)
    require_free(host, port)
    keep_secrets()
    open_database().dispose()
    os.environ.update(HOST=host, PORT=str(port))
    arena = [sys.executable, "-m", "arena"]
    children = [
        Child("web", [sys.executable, "-m", "leaderboard"]),
        Child("checker", [*arena, "worker", "--name", "checker", "--checks"]),
        *(Child(f"worker {n}", [*arena, "worker", "--name", f"worker-{n}"]) for n in range(1, workers + 1)),
    ]
    if read_settings().broker_url:
        children.append(Child("dispatcher", [*arena, "dispatch"]))
    return Supervisor(children).run()


host_option = click.option(
    "--host", default="127.0.0.1", envvar="HOST", show_default=True, help="0.0.0.0 opens it to the network."
)
port_option = click.option(
    "--port", default=8000, envvar="PORT", show_default=True, type=click.IntRange(1, 65535)
)
workers_option = click.option(
    "--workers",
    default=os.cpu_count() or 1,
    show_default="one per core",
    type=click.IntRange(0, 256),
    help="Processes that train.",
)


@click.command()
@host_option
@port_option
@workers_option
def serve(host: str, port: int, workers: int) -> int:
    """Run an arena: web, instant checks and one worker per core."""
    return run(host, port, workers)


@click.command()
@click.option(
    "--name", default=None, help="How the worker calls itself in the database; by default host and process."
)
@click.option("--checks", is_flag=True, help="Take only the instant checks of entries, no trainings.")
@click.option("--gpu", is_flag=True, help="This machine has a GPU: take the trainings that want one, too.")
@click.option("--celery", is_flag=True, help="Be woken by Celery (ARENA_BROKER_URL) instead of looking.")
def worker(name: str | None, checks: bool, gpu: bool, celery: bool) -> None:
    """Run one worker: claim submissions, train, race, record. Any number may run, on any machine that
    reaches the database.
    """
    from arena import worker as door
    from arena.league.errors import LeagueError, Outdated
    from arena.league.jobs import ALL_KINDS
    from arena.league.states import Hardware, JobKind

    open_database().dispose()
    settings = read_settings()
    try:
        hired = door.hire(
            settings,
            name=name or f"{socket.gethostname()}-{os.getpid()}",
            kinds=(JobKind.CHECK,) if checks else ALL_KINDS,
            hardware=(Hardware.CPU, Hardware.GPU) if gpu else (Hardware.CPU,),
        )
        run: Callable[[], None] = hired.run
        if celery:
            from arena import broker

            broker.connect(settings)
            run = broker.Listener(hired).run
    except LeagueError as error:
        raise WrongSettingError(str(error)) from error
    try:
        run()
    except (SandboxUnavailableError, Outdated) as error:
        raise WrongSettingError(str(error)) from error


@click.command()
def dispatch() -> None:
    """Send waiting jobs to the workers of other machines, by Celery (ARENA_BROKER_URL). One is enough;
    `arena serve` runs it where a broker is set.
    """
    from arena import broker
    from arena.league.errors import LeagueError

    keep_secrets()
    engine = open_database()
    try:
        broker.connect(read_settings())
    except LeagueError as error:
        raise WrongSettingError(str(error)) from error
    dispatcher = broker.Dispatcher(engine, broker.send)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, dispatcher.stop)
    dispatcher.run()


@click.command()
@click.argument("handle")
@click.option("--name", default=None, help="The name that others see; by default the handle.")
@click.option("--organiser", is_flag=True, help="May open seasons and races.")
def account(handle: str, name: str | None, organiser: bool) -> None:
    """Create an account, or give an existing one a new password; the password is printed once."""
    from arena.league import accounts, db
    from arena.league.errors import LeagueError
    from arena.league.states import Role

    engine = open_database()
    password = secrets.token_urlsafe(12)
    with db.transaction(engine) as session:
        try:
            accounts.ensure_account(
                session,
                handle=handle,
                name=name or handle,
                password=password,
                role=Role.ORGANISER if organiser else Role.RACER,
                now=datetime.now(UTC),
            )
        except LeagueError as error:
            raise click.UsageError(str(error)) from error
    click.echo(f"{handle}  {password}")


@click.command()
@host_option
@port_option
@workers_option
@click.option(
    "--data",
    default=Path("var/demo"),
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the demo keeps its data; remove the folder to begin anew.",
)
def demo(host: str, port: int, workers: int, data: Path) -> int:
    """Run an arena with a demo season in which the starter kits' cars train and race."""
    from arena import demo as demo_season

    require_free(host, port)
    os.environ.update(ARENA_DATA_DIR=str(data.resolve()), ARENA_MODE="demo")
    if host in LOOPBACK:  # on a machine without a lock, such as a Mac, it runs the kits' code all the same
        os.environ.setdefault("ARENA_SANDBOX", "demo")
    os.environ.pop("ARENA_DATABASE_URL", None)
    open_database().dispose()
    demo_season.prepare(f"http://{'localhost' if host in ('127.0.0.1', '0.0.0.0') else host}:{port}")
    return run(host, port, max(1, workers))
