"""The C state of modules is left alone: to look at that of ``_asyncio`` ruins the collector before CPython 3.12.6."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.readme import copy_examples

# Runs pytest with a gc.get_referents that remembers who asked for the referents of a module.
PROGRAM = """
import gc, sys, types

real, asked = gc.get_referents, set()

def get_referents(*objects):
    if any(isinstance(each, types.ModuleType) for each in objects):
        caller = sys._getframe(1)
        asked.add(f"{caller.f_code.co_filename}:{caller.f_lineno}")
    return real(*objects)

gc.get_referents = get_referents

import pytest

status = pytest.main(["--memguard", "-p", "no:cacheprovider", "-q", "examples"])
print("status", int(status), "asked by", *sorted(asked))
"""


def test_nobody_asks_for_the_referents_of_a_module(tmp_path: Path) -> None:
    copy_examples(tmp_path)

    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )

    assert done.stdout.splitlines()[-1:] == ["status 1 asked by"], done.stdout + done.stderr
