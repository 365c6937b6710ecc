"""The files of an entry as they come over the wire: a form's text areas and uploads, or a JSON body.

What is entered (a reward function, an agent, a policy that was trained elsewhere) follows from which file is
there, or from the form's own word for it. Files are bytes here; `submitting` judges them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from flask import Request
from werkzeug.datastructures import FileStorage

from arena.league.states import Driver
from arena.league.uploads import MAX_UPLOAD_BYTES
from leaderboard import problems
from leaderboard.problems import Problem


class Kind(StrEnum):
    """What a racer enters; the names of the fields, too."""

    REWARD = "reward_function"
    AGENT = "agent"
    POLICY = "policy"


# A form's word for a reward function that a training goes on with.
CONTINUE = "continue"
DRIVERS = {Kind.REWARD: Driver.POLICY, Kind.AGENT: Driver.AGENT, Kind.POLICY: Driver.TRAINED}
KINDS = {driver: kind for kind, driver in DRIVERS.items()}


@dataclass(frozen=True, slots=True)
class Files:
    """The files of an entry as they were sent; None where one was left out."""

    source: bytes = b""
    model_metadata: bytes | None = None
    hyperparameters: bytes | None = None
    kind: Kind = Kind.REWARD
    policy: bytes | None = None
    parent: str | None = None
    """The id of the entry to train on from, or its number among the racer's own in the race."""

    @property
    def size(self) -> int:
        """Bytes of all text files together."""
        return sum(map(len, filter(None, (self.source, self.model_metadata, self.hyperparameters))))


def files_of_request(request: Request) -> Files:
    """Return the files of a form (text areas or uploads; an upload wins) or of a JSON body.

    In JSON the settings may be text or the object itself; a policy's file comes in a form only. Raises
    Problem for a value that is neither, for several kinds at once, and (413) for a policy that is too large.
    """
    if request.is_json:
        return _files_of_json(request.get_json())
    kind = _kind_of_form(request)
    settings = _sent(request, "model_metadata"), _sent(request, "hyperparameters")
    parent = _parent_of_form(request)
    if kind is Kind.POLICY:
        return Files(b"", *settings, kind=kind, policy=_policy_of(request), parent=parent)
    source = _sent(request, kind.value)
    if source is None:  # an empty file is not none: it must not enter what happens to stand in the editor
        source = _sent(request, "source")
    return Files(source or b"", *settings, kind=kind, parent=parent)


def too_large(size: int, limit: int) -> Problem:
    """Return what to say of files that are no code any more."""
    return problems.of_status(
        413,
        f"The files have {size:,} bytes; at most {limit:,} are accepted. "
        "A reward function is one short text file. Choose the .py file itself, not a model or an archive.",
    )


def _kind_of_form(request: Request) -> Kind:
    """Return what the form says, else what it holds. An empty field is what a browser sends for no file."""
    said = request.form.get("kind")
    if said in list(Kind):
        return Kind(said)
    if said == CONTINUE:
        return Kind.REWARD
    found = [kind for kind in Kind if _file(request, kind) or request.form.get(kind)]
    return _only(found)


def _parent_of_form(request: Request) -> str | None:
    parent = request.form.get("parent", "").strip()
    if not parent and request.form.get("kind") == CONTINUE:
        message = "Choose the entry that the training goes on from."
        raise problems.of_status(422, message, errors={"parent": message})
    return parent or None


def _only(found: list[Kind]) -> Kind:
    if len(found) > 1:
        message = f"Expected one of {', '.join(Kind)}; got {' and '.join(found)}. Enter one after the other."
        raise problems.of_status(422, message, errors=dict.fromkeys(found, message))
    return found[0] if found else Kind.REWARD


def _files_of_json(body: object) -> Files:
    if not isinstance(body, dict):
        raise problems.of_status(400, 'Expected a JSON object with the key "reward_function".')
    kind = _only([kind for kind in Kind if kind in body])
    if kind is Kind.POLICY:
        message = "Send the policy's file as multipart/form-data: JSON has no place for bytes."
        raise problems.of_status(422, message, errors={"policy": message})
    source = body.get(kind, body.get("source"))
    if not isinstance(source, str):
        message = f"Expected the Python source as text under the key {kind}."
        raise problems.of_status(422, message, errors={kind: message})
    settings = {name: _json_text(name, body.get(name)) for name in ("model_metadata", "hyperparameters")}
    return Files(source.encode("utf-8", "replace"), **settings, kind=kind, parent=_parent(body))


def _parent(body: dict[str, Any]) -> str | None:
    parent = body.get("parent")
    if parent is None or (isinstance(parent, int | str) and not isinstance(parent, bool)):
        return None if parent is None else str(parent)
    message = f"Expected the id or the number of an entry as parent, got {type(parent).__name__}."
    raise problems.of_status(422, message, errors={"parent": message})


def _json_text(name: str, value: object) -> bytes | None:
    if value is None:
        return None
    if isinstance(value, dict | list):
        return json.dumps(value).encode()
    if isinstance(value, str):
        return value.encode("utf-8", "replace")
    message = f"Expected {name} as a JSON object or as its text, got {type(value).__name__}."
    raise problems.of_status(422, message, errors={name: message})


def _policy_of(request: Request) -> bytes | None:
    """Read a policy's file, up to one byte more than may be."""
    upload = _file(request, Kind.POLICY)
    if upload is None:
        return None
    content = bytes(upload.stream.read(MAX_UPLOAD_BYTES + 1))
    if len(content) > MAX_UPLOAD_BYTES:
        message = f"A policy's file may have up to {MAX_UPLOAD_BYTES // 1_000_000} MB; this one has more."
        raise problems.of_status(413, message, errors={"policy": message})
    return content


def _sent(request: Request, name: str) -> bytes | None:
    """Return an uploaded file or a text field; an empty file field counts as none."""
    upload = _file(request, name)
    if upload is not None:
        return bytes(upload.read())
    text = request.form.get(name)
    return None if text is None else text.encode("utf-8", "replace")


def _file(request: Request, name: str) -> FileStorage | None:
    upload = request.files.get(name)
    return upload if upload is not None and upload.filename else None
