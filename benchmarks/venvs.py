"""Virtual environments for the benchmarks: made once, kept in the cache, rebuilt when their requirements change."""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import progress
from benchmarks.places import ROOT, BenchmarkError, cache, digest, empty, interpreter

PYTEST = "pytest==9.2.0"
XDIST = "pytest-xdist==3.8.0"
PLUGIN_NEEDS = ("objgraph==3.7.0", "psutil==7.2.2", "PyYAML==6.0.3")
_TAIL = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Venv:
    """An environment with pytest in it."""

    folder: Path

    @property
    def python(self) -> str:
        """Path of its interpreter."""
        return str(self.folder / "bin" / "python")

    def versions(self) -> dict[str, str]:
        """Every installed distribution with its version."""
        code = (
            "import importlib.metadata as m\n"
            "for d in m.distributions(): print(d.metadata['Name'].lower(), d.version, sep='==')"
        )
        lines = _run([self.python, "-c", code], "list the packages").splitlines()
        return dict(sorted(line.split("==", 1) for line in lines))


def venv(name: str, python: str, requirements: Sequence[str]) -> Venv:
    """The environment of this name for Python ``python`` (``3.11``) with these requirements and nothing of ours."""
    made = Venv(folder=cache("venvs", python) / name)
    mark = made.folder / "requirements.txt"
    wanted = "\n".join(requirements) + "\n"
    if mark.exists() and mark.read_text() == wanted:
        return made
    progress(f"environment {name} for Python {python}: {', '.join(requirements)}")
    empty(made.folder)
    _run([str(interpreter(python)), "-m", "venv", str(made.folder)], f"make the environment {name}")
    _run([made.python, "-m", "pip", "install", "-q", *requirements], f"install {' '.join(requirements)}")
    mark.write_text(wanted)
    return made


def with_plugin(made: Venv) -> Venv:
    """The environment with this checkout's plugin installed from a wheel, as a user gets it."""
    wheel = plugin_wheel()
    mark = made.folder / "plugin.txt"
    if not mark.exists() or mark.read_text() != str(wheel):
        progress(f"install {wheel.name} into {made.folder.name}")
        pip = [made.python, "-m", "pip", "install", "-q"]
        _run([*pip, *PLUGIN_NEEDS], "install what the plugin needs")
        # Two states of a checkout have the same version: without force the older one would stay.
        _run([*pip, "--force-reinstall", "--no-deps", str(wheel)], "install the plugin")
        mark.write_text(str(wheel))
    return made


@functools.cache
def plugin_wheel() -> Path:
    """A wheel of this checkout as it is now: one state for the whole benchmark, whatever is edited meanwhile."""
    sources = [p for p in (ROOT / "pytest_memguard").rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    folder = cache("wheels", digest([*sources, ROOT / "pyproject.toml"]))
    if not list(folder.glob("*.whl")):
        progress("build the wheel of this checkout")
        builder = venv("trivial", "{}.{}".format(*sys.version_info[:2]), (PYTEST, *PLUGIN_NEEDS))
        pip = [builder.python, "-m", "pip", "wheel", "-q", "--no-deps"]
        _run([*pip, "-w", str(folder), str(ROOT)], "build the wheel")
    found = sorted(folder.glob("*.whl"))
    if not found:
        raise BenchmarkError(f"building {ROOT} left no wheel in {folder}")
    return found[0]


def _run(command: Sequence[str], purpose: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-_TAIL:])
        raise BenchmarkError(f"could not {purpose} (exit {done.returncode}):\n{tail}")
    return done.stdout
