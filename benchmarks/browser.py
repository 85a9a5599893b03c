"""A headless Chromium of this machine, driven by playwright: to measure pages, take pictures of them, and test them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.places import BenchmarkError

__all__ = ["INSTALL", "chromium", "launched", "opened"]

INSTALL = "install one (Debian, Ubuntu: apt-get install chromium), or name it in MEMGUARD_CHROMIUM"
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Nothing but the pages: no updates, no look-ups; and root of a container may start it.
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


@contextmanager
def launched() -> Iterator[Any]:
    """The browser, for as long as the context lasts. Raises BenchmarkError where there is none."""
    try:
        from playwright.sync_api import sync_playwright  # noqa: PLC0415 - of the extra `browser`
    except ImportError:
        raise BenchmarkError('playwright is not installed: pip install -e ".[browser]"') from None
    path = chromium()
    if path is None:
        raise BenchmarkError(f"no Chromium found: {INSTALL}")
    with sync_playwright() as running:
        browser = running.chromium.launch(executable_path=path, args=list(_FLAGS))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(
    browser: Any,
    *,
    width: int = 1440,
    height: int = 900,
    scheme: str = "light",
    javascript: bool = True,
    scale: float = 1.0,
) -> Iterator[Any]:
    """An empty page without a network, in a window of that size."""
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=scheme,
        java_script_enabled=javascript,
        offline=True,
        reduced_motion="reduce",
        device_scale_factor=scale,
        permissions=["clipboard-read", "clipboard-write"],
    )
    try:
        yield context.new_page()
    finally:
        context.close()
