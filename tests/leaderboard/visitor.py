"""Somebody with a browser: keeps cookies, sends each form with the token of the page that it stands on."""

from __future__ import annotations

import re
from html import unescape

from flask import Flask
from werkzeug.test import TestResponse

from tests.leaderboard.stage import PASSWORD

TOKEN = re.compile(r'name="csrf-token" content="([^"]+)"')


class Visitor:
    """A browser without JavaScript."""

    def __init__(self, app: Flask) -> None:
        self.client = app.test_client()

    def get(self, path: str) -> TestResponse:
        """Open a page."""
        return self.client.get(path, buffered=True)

    def read(self, path: str) -> str:
        """Open a page that must be there, and return its text without mark-up."""
        answer = self.get(path)
        assert answer.status_code == 200, (path, answer.status_code, text_of(answer))
        return text_of(answer)

    def post(self, path: str, **fields: object) -> TestResponse:
        """Send a form."""
        found = TOKEN.search(self.get("/teams").text)
        assert found is not None
        return self.client.post(path, data={"csrf_token": found[1], **fields})

    def sign_in(self, handle: str, password: str = PASSWORD, target: str = "") -> TestResponse:
        """Fill in the sign-in page."""
        return self.post("/sign-in", handle=handle, password=password, next=target)


def text_of(answer: TestResponse) -> str:
    """Return what a reader sees: no tags, no runs of blanks."""
    body = re.sub(r"(?s)<(script|style|svg).*?</\1>", " ", answer.text)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())
