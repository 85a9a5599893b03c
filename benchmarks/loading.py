"""How large the pages are, and how long a browser takes to load, sort and search them; needs a Chromium."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks import figures
from benchmarks.browser import launched, opened
from benchmarks.made import report
from benchmarks.made_history import write_history
from benchmarks.places import ROOT, BenchmarkError, cache, empty
from pytest_memguard import __version__
from pytest_memguard.history.comparison import Tolerance
from pytest_memguard.history.reading import open_past
from pytest_memguard.history.trends import trends_of
from pytest_memguard.settings import Settings

_MOST_BYTES = 15e6
_MOST_S = 2.0
_MB = 1e6
# When it is there to be read and used, by the browser's own clock.
_LOADED = "() => performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd / 1000"
_PLOT = "() => performance.now() / 1000"
# Until the rows are there and have been drawn, not only asked for.
_DRAWN = "() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """One page to be measured: how it is called, how it is made, which figure is a live plot, what to sort by."""

    name: str
    make: Callable[[], Iterable[str]]
    plot: str
    column: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``python -m benchmarks pages``."""
    parser.add_argument("--tests", type=int, nargs="*", default=[5, 1000, 10_000], help="tests of a run (5 1000 10000)")
    parser.add_argument("--runs", type=int, default=100, help="runs of the largest history (100)")
    parser.add_argument("--loads", type=int, default=7, help="times that each page is loaded (7)")


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Make pages, load them again and again, sort and search; fails where one is too large or too slow."""
    folder = empty(cache("pages"))
    measured = {}
    with launched() as browser:
        version = browser.version
        for page in _pages(options, folder):
            figures.progress(page.name)
            measured[page.name] = _measured(browser, page, folder, options.loads)
    about = {**figures.machine(options.python, {"pytest-memguard": __version__}), "chromium": version}
    figures.header(f"pages: median of {options.loads} loads in Chromium {version}", about)
    head = ("", "made, s", "MB", "loaded, s", "plot, s", "sort, s", "search, s")
    rows = [
        (
            name,
            f"{found['made_s']:.2f}",
            f"{found['bytes'] / _MB:.1f}",
            *(found[what].text() for what in ("loaded", "plot", "sort", "search")),
        )
        for name, found in measured.items()
    ]
    figures.say(figures.table(head, rows))
    figures.say(f"wanted: at most {_MOST_BYTES / _MB:g} MB, loaded within {_MOST_S:g} s")
    failed = any(found["bytes"] > _MOST_BYTES or found["loaded"].median > _MOST_S for found in measured.values())
    spread = {name: {what: _plain(value) for what, value in found.items()} for name, found in measured.items()}
    result = {"pages": spread, "failed": failed}
    figures.store(options.json, "pages", about, result)
    return result


def _plain(value: Any) -> Any:
    return value.to_json() if isinstance(value, figures.Spread) else value


def _pages(options: argparse.Namespace, folder: Path) -> Iterator[_Page]:
    try:
        from pytest_memguard.report.pages.history import history_page  # noqa: PLC0415 - of the extra `html`
        from pytest_memguard.report.pages.run import page_of_run  # noqa: PLC0415
    except ImportError as error:
        raise BenchmarkError(f'{error}: pip install -e ".[html]"') from None
    for tests in options.tests:
        yield _Page(
            name=f"report, {tests:,} tests",
            make=lambda tests=tests: page_of_run(str(ROOT))(report(tests)),  # type: ignore[misc]
            plot="memory-plot",
            column="peak",
        )
    for runs, tests in ((options.runs // 5, options.tests[0]), (options.runs, options.tests[-1])):
        path = str(folder / f"{runs}-{tests}.db")
        figures.progress(f"a history of {runs} runs of {tests} tests")
        write_history(path, runs=runs, tests=tests)
        yield _Page(
            name=f"history, {runs} runs of {tests:,} tests",
            make=lambda path=path: _history(path, history_page),  # type: ignore[misc]
            plot="runs-plot",
            column="peak-change",
        )


def _history(path: str, page: Any) -> Iterable[str]:
    settings = Settings()
    tolerance = Tolerance(bytes=settings.history_tolerance_bytes, share=settings.history_tolerance)
    with open_past(path) as past:
        shown = trends_of(past, limit=1000, usual_runs=settings.history_runs, tolerance=tolerance)
    pieces: Iterable[str] = page(shown, name="memory-history.db", version=__version__)
    return pieces


def _measured(browser: Any, page: _Page, folder: Path, loads: int) -> dict[str, Any]:
    file = folder / "page.html"
    start = perf_counter()
    file.write_text("".join(page.make()), "utf-8")
    made_s = perf_counter() - start
    readings: dict[str, list[float]] = {"loaded": [], "plot": [], "sort": [], "search": []}
    for _ in range(loads):
        with _loaded(browser, file) as tab:
            readings["loaded"].append(tab.evaluate(_LOADED))
            tab.wait_for_selector(f"#{page.plot}.is-live")
            readings["plot"].append(tab.evaluate(_PLOT))
            readings["sort"].append(
                _timed(tab, f"document.querySelector('th[data-sort={page.column}] button').click()")
            )
            readings["search"].append(_searched(tab))
    return {
        "made_s": made_s,
        "bytes": file.stat().st_size,
        **{what: figures.Spread.of(values) for what, values in readings.items()},
    }


@contextmanager
def _loaded(browser: Any, file: Path) -> Iterator[Any]:
    with opened(browser) as tab:
        tab.goto(file.as_uri())
        yield tab


def _timed(tab: Any, action: str) -> float:
    """Seconds from an action until what it has changed is drawn."""
    taken = f"const start = performance.now(); {action}; await ({_DRAWN})(); return performance.now() - start;"
    return float(tab.evaluate(f"async () => {{ {taken} }}")) / 1000


def _searched(tab: Any) -> float:
    """Seconds from the last key of a search until its rows are drawn, the pause for the next key included."""
    action = """
        const told = document.querySelector("[role=status]");
        const all = { childList: true, subtree: true, characterData: true };
        const changed = new Promise((done) => new MutationObserver(done).observe(told, all));
        const search = document.getElementById("test-search");
        search.value = "test_case_4";
        search.dispatchEvent(new Event("input", { bubbles: true }));
        await changed
    """
    return _timed(tab, action)
