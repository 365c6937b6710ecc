"""What went wrong, as RFC 9457 problem documents: every error under /api, and what `submitting.enter` raises.

`detail` is one sentence for the person: what was expected, what came, what to do. A fault in an entrant's
own files also names the `verdict` (arena.garage.verdicts) and, where there is one, the `line`. A fault of
ours says so and shows nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from flask import Response

from arena.garage.verdicts import EntrantFault
from arena.league.errors import (
    InvalidInput,
    LeagueError,
    NameTaken,
    NotAllowed,
    NotFound,
)

MEDIA_TYPE = "application/problem+json"

TITLES: dict[int, str] = {
    400: "The request cannot be understood",
    401: "Please say who you are",
    403: "This is not yours to do",
    404: "There is nothing at this address",
    405: "This address does not take that method",
    409: "That is not possible now",
    413: "The request is too large",
    415: "The request has the wrong form",
    422: "Something in the request does not fit",
    429: "Too many requests",
    500: "That was our fault",
    503: "Not available at the moment",
}


class Problem(Exception):  # noqa: N818  (RFC 9457 calls it that)
    """Something that a person or program asked for and cannot have, with the reason."""

    def __init__(
        self,
        status: int,
        title: str,
        detail: str,
        *,
        verdict: str | None = None,
        line: int | None = None,
        **more: Any,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.title = title
        self.detail = detail
        self.verdict = verdict
        self.line = line
        self.more = more

    def document(self) -> dict[str, Any]:
        """Return the members; `verdict` and `line` only for a fault in the entrant's files."""
        document: dict[str, Any] = {
            "type": "about:blank",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
        }
        if self.verdict is not None:
            document |= {"verdict": self.verdict, "line": self.line}
        return document | self.more

    def response(self, headers: Mapping[str, str] | None = None) -> Response:
        """Return the document as an HTTP answer."""
        return Response(
            json.dumps(self.document(), ensure_ascii=False),
            self.status,
            headers=dict(headers or {}),
            content_type=MEDIA_TYPE,
        )


def of_status(status: int, detail: str, **more: Any) -> Problem:
    """Return a problem with the usual title of its status."""
    title = TITLES.get(status) or HTTPStatus(status).phrase
    return Problem(status, title, detail, **more)


def of_fault(fault: EntrantFault) -> Problem:
    """Return what is wrong in an entrant's file, in the words of the garage."""
    return of_verdict(str(fault.verdict), fault.message, fault.line)


def of_verdict(verdict: str, message: str, line: int | None) -> Problem:
    """Return what is wrong in an entrant's file."""
    return Problem(422, "The entry cannot race", message, verdict=verdict, line=line)


def of_league(error: LeagueError) -> Problem:
    """Return what the league refused, in its own sentence."""
    match error:
        case NameTaken():
            return of_status(409, error.message, errors={error.field: error.message})
        case InvalidInput():
            return of_status(422, error.message, errors={error.field: error.message})
        case NotFound():
            return of_status(404, error.message)
        case NotAllowed():
            return of_status(403, error.message)
        case _:
            return of_status(409, error.message)
