"""`python -m leaderboard`: the web process, one process with gevent.

The standard library is patched before anything else is imported, so that a thousand open connections are a
thousand light tasks. The event log's reader runs beside the server. SIGTERM and Ctrl-C close it cleanly.
"""

# ruff: noqa: E402
from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import logging
import signal
import sys

import gevent
from gevent.event import Event
from gevent.pywsgi import WSGIHandler, WSGIServer

from arena.garage import lock
from leaderboard import create_app
from leaderboard.live import run_feed
from leaderboard.settings import Settings, SettingsError

log = logging.getLogger("leaderboard")

# How long an answer that is under way may still take when the server is told to stop.
STOP_WITHIN_S = 5.0


class Handler(WSGIHandler):  # type: ignore[misc]
    """Does not look for another request behind a websocket: what comes there is its closing frame."""

    def handle_one_response(self) -> None:
        """Answer a request, and let the connection end with a websocket."""
        super().handle_one_response()
        if self.environ.get("HTTP_UPGRADE", "").lower() == "websocket":
            self.close_connection = True


def serve(settings: Settings) -> None:
    """Serve until told to stop; prints the address as soon as it answers."""
    app = create_app(settings)
    stop = Event()
    server = WSGIServer((settings.host, settings.port), app, log=None, error_log=log, handler_class=Handler)
    server.start()
    feed = gevent.spawn(run_feed, app, stop)
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, stop.set)
    host = "localhost" if settings.host in ("127.0.0.1", "0.0.0.0", "::") else settings.host
    print(f"{settings.title} is at http://{host}:{server.server_port}", flush=True)
    stop.wait()
    app.extensions["arena_hub"].close()
    server.stop(timeout=STOP_WITHIN_S)
    feed.join(timeout=STOP_WITHIN_S)


def main() -> int:
    """Read the settings and serve; return the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    lock.make_undumpable()  # it holds the secret key
    try:
        serve(Settings.from_environment())
    except SettingsError as error:
        print(f"leaderboard: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"leaderboard: cannot listen ({error}). Choose another port with PORT.", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
