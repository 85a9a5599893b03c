"""A headless Chromium for the tests of this folder, and pages that are opened in it."""

from __future__ import annotations

from contextlib import ExitStack
from importlib.resources import files
from pathlib import Path

import pytest

from benchmarks.browser import INSTALL, chromium, launched, opened
from tests.browser.visit import Visit


# Of the package, not of the session: while playwright is there its event loop counts as running, and other tests begin
# loops of their own.
@pytest.fixture(scope="package")
def browser():
    """The one browser of these tests."""
    pytest.importorskip("playwright.sync_api", reason="playwright is not installed (extra `browser`)")
    if chromium() is None:
        pytest.skip(f"no Chromium found: {INSTALL}")
    with launched() as browser:
        yield browser


@pytest.fixture(scope="package")
def axe():
    """The source of axe-core."""
    pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed (extra `browser`)")
    return files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")


@pytest.fixture
def visit(browser):
    """Opens a file as a person does; at the end of the test nothing may have gone wrong there."""
    visits: list[Visit] = []
    with ExitStack() as pages:

        def visit(file: Path, *, javascript: bool = True) -> Visit:
            page = pages.enter_context(opened(browser, javascript=javascript))
            visits.append(Visit(page, file.as_uri()))
            return visits[-1]

        yield visit
    assert [fault for each in visits for fault in each.faults] == []
