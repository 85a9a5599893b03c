"""Fetches the sources of a suite from the package index and unpacks them below the cache."""

from __future__ import annotations

import configparser
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.figures import progress
from benchmarks.places import BenchmarkError, cache, empty
from benchmarks.suites import Suite
from benchmarks.venvs import PYTEST, Venv, venv

_TAIL = 800
_INI_FILES = ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini")


def prepare(suite: Suite, python: str, beside: Sequence[str] = ()) -> tuple[Venv, Path]:
    """The environment of a suite and the folder to run pytest in. Raises BenchmarkError where either cannot be had.

    With requirements ``beside`` those of the suite it is an environment of its own: the others stay as they are.
    """
    needed = tuple(int(part) for part in python.split("."))
    if needed < suite.oldest:
        raise BenchmarkError(f"{suite.name} {suite.version} needs Python {'.'.join(map(str, suite.oldest))}")
    name = "-".join((suite.name, *(requirement.partition("==")[0] for requirement in beside)))
    made = venv(name, python, (PYTEST, suite.project, *suite.requirements, *beside))
    return made, source(suite, made)


def source(suite: Suite, made: Venv) -> Path:
    """The folder to run the suite's pytest in, fetched with the pip of an environment that has the project."""
    folder = _unpacked(suite, made) if suite.source == "sdist" else cache("sources", suite.name)
    if not _has_settings(folder):
        # An empty file ends pytest's search for settings, which would go on upwards into this project's own.
        (folder / "pytest.ini").write_text("")
    return folder


def _unpacked(suite: Suite, made: Venv) -> Path:
    home = cache("sources") / f"{suite.name}-{suite.version}"
    if not home.exists():
        archive = _archive(suite, made)
        progress(f"unpack {archive.name}")
        try:
            with tarfile.open(archive) as packed:
                packed.extractall(empty(home), filter="data")
        except (tarfile.TarError, OSError) as error:
            raise BenchmarkError(f"cannot unpack {archive.name}: {error}") from error
    inside = [entry for entry in home.iterdir() if entry.is_dir()]
    if len(inside) != 1:
        raise BenchmarkError(f"{home} should hold one folder, it holds {len(inside)}; delete it to fetch it again")
    return inside[0]


def _archive(suite: Suite, made: Venv) -> Path:
    folder = cache("sdists", f"{suite.name}-{suite.version}")
    found = sorted(folder.glob("*.tar.gz"))
    if not found:
        progress(f"fetch the source of {suite.name} {suite.version}")
        pip = [made.python, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", suite.name]
        command = [*pip, "-d", str(folder), f"{suite.name}=={suite.version}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        found = sorted(folder.glob("*.tar.gz"))
        if done.returncode != 0 or not found:
            raise BenchmarkError(f"cannot fetch {suite.name}: {(done.stdout + done.stderr)[-_TAIL:]}")
    return found[0]


def _has_settings(folder: Path) -> bool:
    if any((folder / name).exists() for name in _INI_FILES):
        return True
    pyproject = folder / "pyproject.toml"
    if pyproject.exists() and "[tool.pytest" in pyproject.read_text():
        return True
    sections = (("tox.ini", "pytest"), ("setup.cfg", "tool:pytest"))
    return any((folder / name).exists() and _section(folder / name, section) for name, section in sections)


def _section(file: Path, section: str) -> bool:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.read(file)
    return parser.has_section(section)
