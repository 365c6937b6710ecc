"""A small client of the arena's HTTP API, for `arena submit` and `arena verify`."""

import http.client
import json
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from arena.garage.verdicts import EntrantFault, Verdict

OUR_FAULT = 3
# Drawn anew for each process: no file can hold it.
_BOUNDARY = secrets.token_hex(16)
FORM = f"multipart/form-data; boundary={_BOUNDARY}"
FINAL_STATES = frozenset({"recorded", "rejected", "stalled", "cancelled"})


class UnavailableError(click.ClickException):
    """No arena answers as one should: nothing is wrong with the entry."""

    exit_code = OUR_FAULT


class Client:
    """Speaks to one arena with one racer's token; an address or token that does not work is a
    `click.ClickException` in plain words.
    """

    def __init__(self, url: str, token: str, *, patience_s: float = 60.0) -> None:
        self.url = url.rstrip("/")
        self.token = token
        self.patience_s = patience_s

    def submit(
        self, race: str, texts: dict[str, str], *, policy: tuple[str, bytes] | None = None
    ) -> dict[str, Any]:
        """Enter a race with the texts of the API's entry, or with a policy's file, (name, content).

        Raises EntrantFault with the arena's verdict when it refuses the entry.
        """
        path = f"/api/v1/races/{race}/submissions"
        if policy is None:
            return self.request(path, texts)
        return self.request(path, form_of(texts, policy), FORM)

    def follow(
        self, submission_id: str, *, on_state: Callable[[str], None], every_s: float = 1.0
    ) -> dict[str, Any]:
        """Ask for the submission's state until it is final, telling each change.

        The entry is in and safe: an arena that is away for a moment (a restart) is asked again for a while.
        """
        told = ""
        heard = time.monotonic()
        while True:
            try:
                submission = self.request(f"/api/v1/submissions/{submission_id}")
            except UnavailableError as error:
                if time.monotonic() - heard > self.patience_s:
                    raise UnavailableError(
                        f"{error.message} The entry is in and goes on without you: {submission_id}."
                    ) from error
                time.sleep(every_s)
                continue
            heard = time.monotonic()
            state = submission["state"]
            if state != told:
                on_state(state)
                told = state
            if state in FINAL_STATES:
                return submission
            time.sleep(every_s)

    def download(self, path: str) -> bytes:
        """GET a file."""
        with self._opened(self._asking(path)) as response:
            return bytes(response.read())

    def request(
        self, path: str, body: dict[str, Any] | bytes | None = None, content_type: str = "application/json"
    ) -> dict[str, Any]:
        """GET, or POST a JSON body or one that is written already; return the JSON answer."""
        request = self._asking(path)
        if body is not None:
            request.data = body if isinstance(body, bytes) else json.dumps(body).encode()
            request.add_header("Content-Type", content_type)
        with self._opened(request) as response:
            answer: dict[str, Any] = json.load(response)
            return answer

    def _asking(self, path: str) -> urllib.request.Request:
        if not self.url.startswith(("http://", "https://")):
            raise click.UsageError(f"--url must begin with http:// or https://, not {self.url!r}.")
        return urllib.request.Request(self.url + path, headers={"Authorization": f"Bearer {self.token}"})

    @contextmanager
    def _opened(self, request: urllib.request.Request) -> Iterator[http.client.HTTPResponse]:
        """Give the answer; raise what the arena refused, or UnavailableError."""
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                yield response
        except urllib.error.HTTPError as error:
            raise refusal(error) from error
        except (OSError, http.client.HTTPException) as error:  # also a connection that breaks in an answer
            raise UnavailableError(
                f"No arena answers at {self.url} ({error}). Is it running, and is the address right?"
            ) from error


def form_of(texts: dict[str, str], policy: tuple[str, bytes]) -> bytes:
    """Return a form with texts and a policy's file, as a browser writes it."""
    filename, content = policy
    head = f"--{_BOUNDARY}\r\nContent-Disposition: form-data; name="
    parts = [f'{head}"{name}"\r\n\r\n{text}\r\n'.encode() for name, text in texts.items()]
    parts.append(f'{head}"policy"; filename="{filename}"\r\n\r\n'.encode() + content)
    return b"".join(parts) + f"\r\n--{_BOUNDARY}--\r\n".encode()


def refusal(error: urllib.error.HTTPError) -> Exception:
    """Turn a problem document into the verdict, or the sentence, that it holds."""
    try:
        problem = json.load(error)
    except ValueError:
        return UnavailableError(f"The arena answered {error.code} {error.reason} without an explanation.")
    detail = problem.get("detail") or problem.get("title") or error.reason
    if problem.get("verdict"):
        return EntrantFault(Verdict(problem["verdict"]), detail, line=problem.get("line"))
    if error.code >= 500:
        return UnavailableError(f"The arena failed ({error.code}): {detail}")
    return click.UsageError(f"The arena refused ({error.code}): {detail}")
