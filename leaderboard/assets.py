"""Where the built front end is: reads the manifest that Vite writes beside static/dist.

`{{ island_assets("board", "replay") }}` in a page's head loads the entry and says early what the named
islands need, so that their styles are there before they mount. Without a built front end the pages still
work (they are rendered here), so that is a warning with the command that helps, not a failure.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask import Flask, Response, request, url_for
from markupsafe import Markup

log = logging.getLogger(__name__)

ENTRY = "src/main.ts"
HELP = (
    "The front end is not built: no live boards, replays or editor. Run `make setup`, "
    "or `npm ci && npm run build` in leaderboard/web."
)


@dataclass(frozen=True, slots=True)
class Assets:
    """The manifest: which built file holds which source, and what it imports."""

    chunks: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> Assets:
        """Read the manifest in `folder`; empty when nothing was built."""
        path = folder / "manifest.json"
        return cls(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else cls()

    @property
    def are_built(self) -> bool:
        """Whether there is a front end."""
        return ENTRY in self.chunks

    def files_of(self, source: str) -> Iterator[str]:
        """Yield the built script of a source file, its styles, and those of everything that it imports."""
        seen: set[str] = set()
        waiting = [source]
        while waiting:
            name = waiting.pop(0)
            if name in seen or name not in self.chunks:
                continue
            seen.add(name)
            chunk = self.chunks[name]
            yield chunk["file"]
            yield from chunk.get("css", [])
            waiting += chunk.get("imports", [])

    def tags(self, *islands: str) -> Markup:
        """Return the elements for a page's head."""
        if not self.are_built:
            return Markup("<!-- {} -->").format(HELP)
        entry = self.chunks[ENTRY]["file"]
        sources = (ENTRY, *(f"src/islands/{island}.ts" for island in islands))
        files = dict.fromkeys(file for source in sources for file in self.files_of(source))
        tags = [_early(file) for file in files if file != entry]
        tags.append(Markup('<script type="module" src="{}"></script>').format(_address(entry)))
        return Markup("\n").join(tags)


def _early(file: str) -> Markup:
    kind = "stylesheet" if file.endswith(".css") else "modulepreload"
    return Markup('<link rel="{}" href="{}">').format(kind, _address(file))


def _address(file: str) -> str:
    return url_for("static", filename=f"dist/{file}")


def register(app: Flask) -> None:
    """Give templates `island_assets()`; built files carry a hash in their name and are cached for ever."""
    assert app.static_folder is not None
    assets = Assets.read(Path(app.static_folder) / "dist")
    if not assets.are_built:
        log.warning(HELP)
    app.jinja_env.globals["island_assets"] = assets.tags
    app.after_request(_cache_built_files)


def _cache_built_files(response: Response) -> Response:
    if request.path.startswith("/static/dist/assets/") and response.status_code == 200:
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response
