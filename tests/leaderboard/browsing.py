"""A real Chromium on a real server for the tests of the islands; a page that logs an error fails its test."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Error, Page, expect, sync_playwright

import leaderboard
from leaderboard.assets import Assets
from tests.leaderboard.stage import PASSWORD

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def unavailable(reason: str) -> None:
    """Skip with a reason, except where a browser is promised."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason}; with CI=true the browser tests must run")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium, or Playwright's own."""
    if not Assets.read(Path(leaderboard.__file__).parent / "static" / "dist").are_built:
        unavailable("the front end is not built (make setup)")
    system = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=system, args=FLAGS)
        except Error as error:
            unavailable(f"no Chromium can be started ({str(error).splitlines()[0]})")
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """A page that fails the test when a script of ours fails or the content policy refuses something."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, base_url=address)
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    yield page
    context.close()
    expected = ("422", "ERR_INTERNET_DISCONNECTED")  # bad code is refused; one test pulls the plug
    assert [fault for fault in faults if not any(word in fault for word in expected)] == []


def sign_in(page: Page, handle: str) -> None:
    page.goto("/sign-in")
    page.fill("#handle", handle)
    page.fill("#password", PASSWORD)
    page.click("main button")
    page.wait_for_url("**/")


def mounted(page: Page, island: str) -> None:
    expect(page.locator(f"[data-island={island}]").first).to_have_attribute("data-mounted", "yes")


def live(page: Page) -> None:
    expect(page.locator(".connection").first).to_have_text("live")


def serious_violations(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {one['nodes'][0]['html'][:200]}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


def colours_of_canvas(page: Page) -> int:
    """Count the different colours in the replay's picture."""
    count: int = page.evaluate(
        """() => {
          const canvas = document.querySelector(".replay-canvas");
          const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
          const seen = new Set();
          for (let i = 0; i < data.length; i += 16)
            seen.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]);
          return seen.size;
        }"""
    )
    return count


def write(page: Page, source: str) -> None:
    """Type a source into the editor."""
    page.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")
    page.keyboard.insert_text(source)
