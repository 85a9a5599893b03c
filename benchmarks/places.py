"""Where the benchmarks keep what they fetch and build: one folder outside version control."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".bench"
PLUGINS = Path(__file__).resolve().parent / "plugins"


class BenchmarkError(Exception):
    """A benchmark cannot go on; the message says what failed and what the user can do."""


def cache(*parts: str) -> Path:
    """A folder below the cache, made if need be."""
    folder = CACHE.joinpath(*parts)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def empty(folder: Path) -> Path:
    """The folder, there and without content."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def digest(files: Iterable[Path]) -> str:
    """A name for the content of these files: 12 hexadecimal digits."""
    state = hashlib.sha256()
    for file in sorted(files):
        state.update(file.name.encode())
        state.update(file.read_bytes())
    return state.hexdigest()[:12]


def interpreter(version: str) -> Path:
    """The Python of this version (``3.12``): the running one, one on PATH, or one below ~/.pyenv.

    Raises BenchmarkError where there is none.
    """
    if version == "{}.{}".format(*sys.version_info[:2]):
        return Path(sys.executable)
    candidates = [shutil.which(f"python{version}")]
    candidates += [str(p) for p in sorted(Path.home().glob(f".pyenv/versions/{version}*/bin/python"), reverse=True)]
    for candidate in candidates:
        if candidate and _version(candidate) == version:
            return Path(candidate)
    raise BenchmarkError(f"no Python {version} found on PATH or below ~/.pyenv/versions")


def interpreters(versions: Iterable[str]) -> dict[str, Path]:
    """Those of these versions that are on this machine."""
    found: dict[str, Path] = {}
    for version in versions:
        try:
            found[version] = interpreter(version)
        except BenchmarkError:
            continue
    return found


def _version(executable: str) -> str | None:
    code = "import sys; print('{}.{}'.format(*sys.version_info[:2]))"
    try:
        done = subprocess.run([executable, "-c", code], capture_output=True, text=True, check=False, timeout=30)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
