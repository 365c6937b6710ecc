"""One decorator for one operation of the API: its address, who may call it, what goes in and what comes out.

What is described is what is enforced: an operation that says that it needs a token refuses callers without
an account, one for organisers refuses everybody else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

from flask_smorest import Blueprint
from marshmallow import Schema

from leaderboard.auth import account, organiser_required
from leaderboard.context import arena
from leaderboard.guards import caller, limiter

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Operation:
    """What an operation is besides its address."""

    tag: str
    answer: Schema | None = None
    status: int = 200
    takes: Schema | None = None
    """The fields of a JSON body, or of the query for a GET; handed to the view as its first argument."""
    files: str | None = None
    """The name of the schema of a body that may come as JSON or as files; the view reads it itself."""
    needs_account: bool = False
    organisers_only: bool = False
    is_zip: bool = False
    """The answer is a file; `answer` is not used then."""
    is_file: bool = False
    """The answer is a file of any kind; `answer` is not used then."""
    is_costly: bool = False
    """Makes work for the workers: counted against the limit of entries."""


def operation(blueprint: Blueprint, method: str, path: str, what: Operation) -> Callable[[View], View]:
    """Register a view as an operation of the API."""

    def register(view: View) -> View:
        described = _guarded(view, what)
        if what.takes is not None:
            location = "query" if method == "GET" else "json"
            described = blueprint.arguments(what.takes, location=location)(described)
        described = _answering(blueprint, what)(described)
        described = blueprint.alt_response("default", response="Problem")(described)
        described = blueprint.doc(**_doc(what))(described)
        blueprint.route(path, methods=[method])(described)
        return view

    return register


def _answering(blueprint: Blueprint, what: Operation) -> Callable[[Any], Any]:
    """Describe the answer, and have it written out by its schema."""
    if what.is_zip or what.is_file:
        file = {"type": "string", "format": "binary"}
        kind = "application/zip" if what.is_zip else "application/octet-stream"
        answering: Callable[[Any], Any] = blueprint.response(200, file, content_type=kind)
    else:
        answering = blueprint.response(what.status, what.answer)
    return answering


def _guarded(view: Callable[..., Any], what: Operation) -> Callable[..., Any]:
    if what.organisers_only:
        view = organiser_required(view)
    if what.is_costly:
        limit = limiter.limit(lambda: arena().settings.submit_limit, key_func=caller)
        view = limit(view)
    if not (what.needs_account or what.organisers_only):
        return view

    @wraps(view)
    def with_account(*args: Any, **kwargs: Any) -> Any:
        account()
        return view(*args, **kwargs)

    return with_account


def _doc(what: Operation) -> dict[str, Any]:
    doc: dict[str, Any] = {"tags": [what.tag]}
    if what.needs_account or what.organisers_only:
        doc["security"] = [{"token": []}]
    if what.files:
        body = {"schema": {"$ref": f"#/components/schemas/{what.files}"}}
        content = {"application/json": body, "multipart/form-data": body}
        doc["requestBody"] = {"required": True, "content": content}
    return doc
