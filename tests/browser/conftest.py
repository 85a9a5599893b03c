"""A headless Chromium for the tests of this folder, and pages that are opened in it."""

from __future__ import annotations

import os
import shutil
from importlib.resources import files
from pathlib import Path

import pytest

from tests.browser.visit import Visit

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_INSTALL = "install one (Debian, Ubuntu: apt-get install chromium), or name it in MEMGUARD_CHROMIUM"
# Nothing but the pages: no updates, no look-ups, and root of a container may start it.
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)


def chromium() -> str | None:
    """The path of the browser, None where there is none."""
    named = os.environ.get("MEMGUARD_CHROMIUM")
    return named or next(filter(None, map(shutil.which, _NAMES)), None)


# Of the package, not of the session: while playwright is there its event loop counts as running, and other tests begin
# loops of their own.
@pytest.fixture(scope="package")
def browser():
    """The one browser of these tests."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (extra `browser`)")
    path = chromium()
    if path is None:
        pytest.skip(f"no Chromium found: {_INSTALL}")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=path, args=list(_FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def axe():
    """The source of axe-core."""
    pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed (extra `browser`)")
    return files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")


@pytest.fixture
def visit(browser):
    """Opens a file as a person does; at the end of the test nothing may have gone wrong there."""
    visits: list[Visit] = []
    contexts = []

    def visit(file: Path, *, width: int = 1440, height: int = 900, scheme: str = "light", javascript: bool = True):
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            java_script_enabled=javascript,
            offline=True,
            reduced_motion="reduce",
            permissions=["clipboard-read", "clipboard-write"],
        )
        contexts.append(context)
        visits.append(Visit(context.new_page(), file.as_uri()))
        return visits[-1]

    yield visit
    for context in contexts:
        context.close()
    assert [fault for each in visits for fault in each.faults] == []
