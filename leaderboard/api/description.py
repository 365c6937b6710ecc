"""The description of the API: OpenAPI 3.1 at /api/v1/openapi.json, and a page made from it at /api/docs.

The page is rendered here from the same document: it needs no script and nothing from another host.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Flask, current_app, render_template
from flask.typing import ResponseReturnValue
from flask_smorest import Api

from leaderboard.api.entry_schemas import CheckRequest, Entry
from leaderboard.api.schemas import ProblemDocument

TAGS = {
    "watching": "What everybody may read, without an account.",
    "entering": "Checks and submissions.",
    "account": "Your own account and its tokens.",
    "organising": "Opening seasons and races, deciding on drives that are held; organisers only.",
}

pages = Blueprint("api_pages", __name__)


class _Description(Api):  # type: ignore[misc]
    """Flask-smorest's description without its error handlers: ours (faults.py) answer problem documents."""

    def _register_error_handlers(self) -> None:
        return


def describe(app: Flask) -> Api:
    """Set up the description; blueprints are added to what is returned."""
    app.config.update(
        API_TITLE="Apex Arena",
        API_VERSION="1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/api/v1",
        OPENAPI_JSON_PATH="openapi.json",
    )
    options = {
        "info": {"description": "Enter races, follow them. Errors are problem documents (RFC 9457)."},
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
    }
    api = _Description(app, spec_kwargs=options)
    spec = api.spec
    scheme = {"type": "http", "scheme": "bearer", "description": "A token from your account's page."}
    spec.components.security_scheme("token", scheme)
    spec.components.schema("Problem", schema=ProblemDocument)
    # Bodies that a view reads itself, because they come as JSON or as files.
    spec.components.schema("Entry", schema=Entry)
    spec.components.schema("CheckRequest", schema=CheckRequest)
    spec.components.response(
        "Problem",
        {
            "description": "What went wrong, as a problem document.",
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        },
    )
    app.extensions["arena_api"] = api
    return api


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one address, as the page shows it."""

    method: str
    path: str
    summary: str
    description: str
    needs_token: bool
    parameters: list[dict[str, Any]]
    body: str | None
    answers: dict[str, str]


@pages.get("/api/docs")
def docs() -> ResponseReturnValue:
    """Show the description to people."""
    document = current_app.extensions["arena_api"].spec.to_dict()
    operations = list(_operations(document))
    return render_template(
        "api_docs.html",
        groups={tag: [one for name, one in operations if name == tag] for tag in TAGS},
        tags=TAGS,
        schemas=document["components"]["schemas"],
        type_name=_type_name,
    )


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, Operation]]:
    for path, methods in document["paths"].items():
        shared = methods.get("parameters", [])
        for method, found in methods.items():
            if method == "parameters":
                continue
            yield (
                found["tags"][0],
                Operation(
                    method=method.upper(),
                    path=path,
                    summary=found.get("summary", ""),
                    description=found.get("description", ""),
                    needs_token=bool(found.get("security")),
                    parameters=[one for one in (*shared, *found.get("parameters", [])) if "name" in one],
                    body=_schema_name(found.get("requestBody", {})),
                    answers={code: _schema_name(answer) or "" for code, answer in found["responses"].items()},
                ),
            )


def _schema_name(part: dict[str, Any]) -> str | None:
    """Return the name of the schema that a body or an answer refers to."""
    for content in part.get("content", {}).values():
        schema = content.get("schema", {})
        reference = schema.get("$ref") or schema.get("items", {}).get("$ref")
        if reference:
            return str(reference).rsplit("/", 1)[-1]
    return None


def _type_name(schema: dict[str, Any]) -> str:
    """Say a field's type in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if "enum" in schema:
        return " | ".join(str(value) for value in schema["enum"] if value is not None)
    kind = schema.get("type", "any")
    name = " or ".join(kind) if isinstance(kind, list) else str(kind)
    if "items" in schema:
        return f"list of {_type_name(schema['items'])}"
    return f"{name} ({schema['format']})" if "format" in schema else name
