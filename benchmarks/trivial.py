"""Generated suites of tests that do next to nothing: what a run costs there is what the tools cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.places import BenchmarkError, cache, empty
from benchmarks.runs import Run, run
from benchmarks.venvs import Venv

_PARAMETRIZED = """\
import pytest


@pytest.mark.parametrize("i", range({count}))
def test_trivial(i):
    assert i + 1 > i
"""
_PER_FILE = 1000


def parametrized(count: int) -> Path:
    """A folder with one file: ``count`` tests, ``assert i + 1 > i``."""
    folder = empty(cache("trivial", f"parametrized-{count}"))
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "test_trivial.py").write_text(_PARAMETRIZED.format(count=count))
    return folder


def functions(count: int) -> Path:
    """A folder with ``count`` test functions, a thousand a file: long node ids of their own, as real suites have."""
    folder = empty(cache("trivial", f"functions-{count}"))
    (folder / "pytest.ini").write_text("[pytest]\n")
    for start in range(0, count, _PER_FILE):
        numbers = range(start, min(start + _PER_FILE, count))
        text = "\n\n".join(f"def test_addition_of_one_to_{i}():\n    i = {i}\n    assert i + 1 > i\n" for i in numbers)
        (folder / f"test_part_{start // _PER_FILE:03}.py").write_text(text)
    return folder


def runner(
    made: Venv, folder: Path, arguments: Sequence[str], tests: int, extra: Mapping[str, str] | None = None
) -> Callable[[], Run]:
    """Runs such a suite once at each call, ``extra`` in the environment.

    Raises BenchmarkError where not all of its tests passed.
    """
    command = [made.python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    log = cache("logs") / "trivial.log"

    def once() -> Run:
        done = run(command, cwd=folder, output=log, extra=extra)
        if done.status != 0 or f"{tests} passed" not in done.output:
            raise BenchmarkError(f"exit {done.status} of {' '.join(command)}:\n{done.output[-2000:]}")
        return done

    return once
