"""Build the extension ``pairs`` with the compiler of this machine."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

__all__ = ["BuildError", "build", "names"]

SOURCE = Path(__file__).with_name("pairs.c")

_WHERE = "import sysconfig as s; print(s.get_path('include'), s.get_config_var('EXT_SUFFIX'), sep='\\n')"


class BuildError(Exception):
    """The extension cannot be built here; the text says why."""


def build(folder: Path, *, python: str = sys.executable) -> Path:
    """Compile the extension for that interpreter into *folder*; raises ``BuildError``."""
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if compiler is None:
        raise BuildError("no C compiler on this machine")
    asked = subprocess.run([python, "-c", _WHERE], capture_output=True, text=True, check=True)
    include, suffix = asked.stdout.split()
    if not Path(include, "Python.h").is_file():
        raise BuildError(f"no Python.h in {include}")
    target = folder / f"pairs{suffix}"
    command = [compiler, "-shared", "-fPIC", "-O1", f"-I{include}", str(SOURCE), "-o", str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(f"the compiler failed: {done.stderr.strip()}")
    return target


def names(kind: str) -> list[str]:
    """The functions of one kind: ``leak`` or ``free``."""
    return re.findall(rf"LISTED\(({kind}_\w+),", SOURCE.read_text("utf-8"))
