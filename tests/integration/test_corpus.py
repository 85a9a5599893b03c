"""The labelled corpus, one suite a test: no leak above the floors is missed, no innocent test is flagged."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

CORPUS = Path(__file__).resolve().parent.parent / "corpus"
NEEDS = {"aio_asyncio": "pytest_asyncio", "aio_anyio": "anyio", "properties": "hypothesis"}


def suites() -> list[object]:
    return [
        pytest.param(
            path.name,
            marks=pytest.mark.skipif(
                path.name in NEEDS and importlib.util.find_spec(NEEDS[path.name]) is None,
                reason=f"{NEEDS.get(path.name)} is not installed",
            ),
        )
        for path in sorted((CORPUS / "suites").iterdir())
        if (path / "pytest.ini").is_file()
    ]


@pytest.mark.slow
@pytest.mark.parametrize("suite", suites())
def test_verdicts_are_the_labels(suite):
    done = subprocess.run(
        [sys.executable, str(CORPUS / "run.py"), "--suite", suite],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert f"{suite} " in done.stdout


def test_every_suite_has_labels():
    done = subprocess.run(
        [sys.executable, str(CORPUS / "run.py"), "--suite", "no-such-suite"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "no such suite: no-such-suite" in done.stdout
    assert all(path.name in done.stdout for path in (CORPUS / "suites").iterdir() if (path / "pytest.ini").is_file())
