"""The rows of the compatibility matrix: what is installed, what of it a small suite uses, and how that is run."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.places import ROOT
from benchmarks.varying import shape
from benchmarks.venvs import PYTEST, XDIST

MATRIX = ROOT / "benchmarks" / "matrix"
RANDOMLY = "pytest-randomly==5.1.0"
NEWEST = (PYTEST, XDIST, RANDOMLY)
_PLAIN = ("as it is",)
_USUAL = ("as it is", "-W error", "-n 2", "random order")
_ALONE = ("as it is", "-W error", "random order")

#: Arguments of each way to run a suite.
VARIANTS: dict[str, tuple[str, ...]] = {
    "as it is": ("-p", "no:xdist", "-p", "no:randomly"),
    "-W error": ("-p", "no:xdist", "-p", "no:randomly", "-W", "error"),
    "-n 2": ("-p", "no:randomly", "-n", "2", "--dist", "loadfile"),
    "random order": ("-p", "no:xdist", "--randomly-seed=7"),
}


def shapes(pattern: str) -> Callable[[Path], dict[str, list[str]]]:
    """A reader of text files that a run leaves: their lines without numbers."""

    def reader(folder: Path) -> dict[str, list[str]]:
        files = sorted(folder.glob(pattern))
        return {file.name: [shape(line) for line in file.read_text(errors="replace").splitlines()] for file in files}

    return reader


def page(folder: Path) -> dict[str, list[str]]:
    """The page of pytest-html: result, extras and output of each test."""
    found = re.search(r'data-jsonblob="([^"]*)"', (folder / "report.html").read_text(encoding="utf-8"))
    tests = json.loads(html.unescape(found[1]))["tests"] if found else {}
    lines = []
    for name, entries in tests.items():
        for entry in entries:
            rows = [shape(row) for row in entry.get("resultsTableRow", []) if "col-duration" not in row]
            log = shape(entry["log"]).split("\n")
            lines += [name, str(entry["result"]), json.dumps(entry.get("extras")), *rows, *log]
    return {"page": lines}


def results(folder: Path) -> dict[str, list[str]]:
    """The results of allure: every test with its steps and attachments, and every container."""
    lines = []
    for file in sorted(folder.glob("results/*-result.json")):
        entry = json.loads(file.read_text(encoding="utf-8"))
        steps = [(step["name"], step["status"]) for step in entry.get("steps", [])]
        attached = len(entry.get("attachments", []))
        lines.append(f"{entry['fullName']} {entry['name']} {entry['status']} {steps} {attached}")
    kinds = [re.sub(r"^.*-(result|container|attachment)\b.*", r"\1", file.name) for file in folder.glob("results/*")]
    return {"results": sorted(lines), "files": [f"{kind} {kinds.count(kind)}" for kind in sorted(set(kinds))]}


def nothing(_folder: Path) -> dict[str, list[str]]:
    """For suites that leave no file that matters."""
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row. ``suites`` are folders of ``matrix``; ``start`` comes between Python and the arguments of pytest.

    By name, a test that leaks begins with ``test_leak``, and one that cannot be repeated with ``test_once``.
    """

    name: str
    requires: tuple[str, ...] = ()
    suites: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    variants: tuple[str, ...] = _USUAL
    base: tuple[str, ...] = NEWEST
    start: tuple[str, ...] = ("-m", "pytest")
    files: Callable[[Path], dict[str, list[str]]] = nothing
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where the files of the suite come from."""
        return tuple(MATRIX / name for name in ("common", *self.suites))

    @property
    def requirements(self) -> tuple[str, ...]:
        """All that is installed, the plugin apart."""
        return (*self.base, *self.requires)


def _pytest(version: str) -> Row:
    builtin = ("subtests-builtin",) if version >= "9" else ()
    older = "pytest-randomly==4.0.1" if version < "9" else RANDOMLY
    base = (f"pytest=={version}", XDIST, older)
    return Row(name=f"pytest {version}", suites=builtin, base=base, variants=("as it is", "-W error", "-n 2"))


ROWS = (
    *map(_pytest, ("8.4.0", "8.4.2", "9.0.0", "9.0.3", "9.1.1", "9.2.0")),
    Row(name="pytest-xdist", suites=("xdist",), variants=("-n 2",)),
    Row(name="pytest-asyncio", suites=("asyncio",), requires=("pytest-asyncio==1.5.0",)),
    Row(name="anyio", suites=("anyio",), requires=("anyio==4.16.0", "trio==0.35.0")),
    Row(
        name="pytest-cov",
        suites=("cov",),
        requires=("pytest-cov==7.1.0",),
        arguments=("--cov=shop", "--cov-branch", "--cov-report=term-missing", "--cov-report=xml", "--cov-context=test"),
        files=shapes("coverage.xml"),
    ),
    Row(
        name="pytest-timeout (signal)",
        suites=("timeout", "timeout-signal"),
        requires=("pytest-timeout==2.4.0",),
        arguments=("--timeout=60", "--timeout-method=signal"),
    ),
    Row(
        name="pytest-timeout (thread)",
        suites=("timeout", "timeout-thread"),
        requires=("pytest-timeout==2.4.0",),
        arguments=("--timeout=60", "--timeout-method=thread"),
    ),
    Row(
        name="pytest-rerunfailures",
        suites=("rerunfailures",),
        requires=("pytest-rerunfailures==16.7",),
        arguments=("--reruns=2",),
    ),
    Row(name="pytest-repeat", suites=("repeat",), requires=("pytest-repeat==0.9.4",), arguments=("--count=2",)),
    Row(name="pytest-randomly", suites=("randomly",), variants=("random order",)),
    Row(name="pytest-mock", suites=("mock",), requires=("pytest-mock==3.17.0",)),
    Row(
        name="pytest-subtests",
        suites=("subtests",),
        base=("pytest==8.4.2", XDIST, "pytest-randomly==4.0.1"),
        requires=("pytest-subtests==0.15.0",),
    ),
    Row(
        name="pytest-benchmark",
        suites=("benchmark",),
        requires=("pytest-benchmark==5.3.1",),
        arguments=("--benchmark-columns=rounds", "--benchmark-sort=name", "-W", "ignore::pytest.PytestWarning"),
        variants=_PLAIN,
    ),
    Row(name="pytest-django", suites=("django",), requires=("pytest-django==4.14.0", "Django==5.2.19")),
    Row(name="pytest-bdd", suites=("bdd",), requires=("pytest-bdd==9.0.1",)),
    Row(
        name="hypothesis",
        suites=("hypothesis",),
        requires=("hypothesis==6.170.15",),
        arguments=("--hypothesis-seed=3",),
    ),
    Row(
        name="pytest-trio with hypothesis",
        suites=("trio",),
        requires=("pytest-trio==0.8.0", "trio==0.35.0", "hypothesis==6.170.15"),
        arguments=("--hypothesis-seed=3",),
        variants=_ALONE,
    ),
    Row(name="syrupy", suites=("syrupy",), requires=("syrupy==7.0.2",)),
    Row(name="pyfakefs", suites=("pyfakefs",), requires=("pyfakefs==6.3.2",)),
    Row(name="freezegun", suites=("freezegun",), requires=("freezegun==1.5.5",)),
    Row(name="time-machine", suites=("time-machine",), requires=("time-machine==3.6.0",)),
    Row(
        name="pytest-socket",
        suites=("socket",),
        requires=("pytest-socket==0.8.1",),
        arguments=("--disable-socket",),
        variants=_ALONE,
    ),
    Row(name="flaky", suites=("flaky",), requires=("flaky==3.8.1",), variants=_ALONE),
    Row(
        name="pytest-html",
        suites=("html",),
        requires=("pytest-html==4.2.0",),
        arguments=("--html=report.html", "--self-contained-html"),
        files=page,
        variants=_ALONE,
    ),
    Row(
        name="allure-pytest",
        suites=("allure",),
        requires=("allure-pytest==2.16.2",),
        arguments=("--alluredir=results",),
        files=results,
        variants=_ALONE,
    ),
    Row(
        name="pytest-memray",
        suites=("memray",),
        requires=("pytest-memray==1.11.0",),
        arguments=("--memray",),
        variants=("as it is",),
    ),
    Row(
        name="gevent (patched in conftest.py)",
        suites=("gevent", "gevent-conftest"),
        requires=("gevent==26.9.0",),
        variants=_PLAIN,
    ),
    Row(
        name="gevent (patched before pytest)",
        suites=("gevent",),
        requires=("gevent==26.9.0",),
        start=("-m", "gevent.monkey", "--module", "pytest"),
        variants=_PLAIN,
    ),
    Row(
        name="nine of them together",
        suites=("asyncio", "cov", "hypothesis", "mock", "rerunfailures", "timeout"),
        requires=(
            "pytest-asyncio==1.5.0",
            "pytest-cov==7.1.0",
            "pytest-timeout==2.4.0",
            "pytest-rerunfailures==16.7",
            "pytest-mock==3.17.0",
            "hypothesis==6.170.15",
            "anyio==4.16.0",
        ),
        arguments=("--timeout=60", "--reruns=1", "--cov=shop", "--hypothesis-seed=3"),
        variants=("as it is", "-n 2", "random order"),
    ),
)
