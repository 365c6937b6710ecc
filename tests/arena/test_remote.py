"""`arena submit` against an arena that goes away for a moment: a real server that closes and comes back."""

from __future__ import annotations

import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from arena.remote import Client, UnavailableError


class Recorded(BaseHTTPRequestHandler):
    """An arena in which every entry is recorded."""

    def do_GET(self) -> None:
        body = json.dumps({"id": "entry", "state": "recorded"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class CutOff(Recorded):
    """An arena that dies in the middle of its answer."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "400")
        self.end_headers()
        self.wfile.write(b"{")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_following_an_entry_outlives_a_restart_of_the_web() -> None:
    port = free_port()

    def come_back() -> None:
        time.sleep(0.3)
        with HTTPServer(("127.0.0.1", port), Recorded) as server:
            server.handle_request()

    server = threading.Thread(target=come_back)
    server.start()
    states: list[str] = []
    client = Client(f"http://127.0.0.1:{port}", "apex_x")
    ended = client.follow("entry", on_state=states.append, every_s=0.05)
    server.join()
    assert ended["state"] == "recorded"
    assert states == ["recorded"]


def test_an_arena_that_stays_away_is_told_with_the_entry_that_goes_on() -> None:
    client = Client(f"http://127.0.0.1:{free_port()}", "apex_x", patience_s=0.1)
    with pytest.raises(UnavailableError, match="goes on without you: entry"):
        client.follow("entry", on_state=print, every_s=0.05)


def test_an_answer_that_breaks_off_is_no_fault_of_ours() -> None:
    with HTTPServer(("127.0.0.1", 0), CutOff) as server:
        answering = threading.Thread(target=server.handle_request)
        answering.start()
        with pytest.raises(UnavailableError, match="No arena answers"):
            Client(f"http://127.0.0.1:{server.server_port}", "apex_x").request("/api/v1/me")
        answering.join()
