"""A small application in a folder of its own, whose leaks are diagnosed: paths and lines are known exactly."""

from __future__ import annotations

import contextlib
import gc
import importlib
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from pytest_memguard.diagnosis import Evidence, Paths, Scenario, diagnose

MARK = "# <-"


def settle() -> None:
    """What a diagnosis needs of a settle: garbage is gone, the type cache keeps no names."""
    gc.collect()
    clear = getattr(sys, "_clear_internal_caches", None) or getattr(sys, "_clear_type_cache", None)
    if clear is not None:
        clear()


class Lab:
    """Makes modules ``shop.NAME`` from source and diagnoses what their functions leak."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.paths = Paths(str(folder))

    def module(self, name: str, source: str) -> ModuleType:
        """Import ``shop.NAME`` with that source."""
        text = textwrap.dedent(source).lstrip("\n")
        (self.folder / "shop" / f"{name}.py").write_text(text, encoding="utf-8")
        importlib.invalidate_caches()
        return importlib.import_module(f"shop.{name}")

    def marked_line(self, name: str) -> int:
        """The number of the line of ``shop.NAME`` with the mark ``# <-``."""
        lines = (self.folder / "shop" / f"{name}.py").read_text(encoding="utf-8").splitlines()
        return next(number for number, line in enumerate(lines, 1) if MARK in line)

    def diagnose(self, repeat: Callable[[], Any], *, native: bool = False, **options: Any) -> Evidence:
        """Warm up twice, as the rounds of a confirmation would have, then diagnose."""
        repeat()
        repeat()
        # Nothing here is timed: the budget is far beyond what a loaded machine takes.
        options = {"clock": time.perf_counter, "budget_s": 60.0, **options}
        return diagnose(Scenario(repeat=repeat, settle=settle), paths=self.paths, native=native, **options)


@contextlib.contextmanager
def laboratory(folder: Path) -> Iterator[Lab]:
    """A lab in ``folder``; its package can be imported inside only."""
    (folder / "shop").mkdir()
    (folder / "shop" / "__init__.py").write_text("", encoding="utf-8")
    sys.path.insert(0, str(folder))
    try:
        yield Lab(folder)
    finally:
        sys.path.remove(str(folder))
        sys.path_importer_cache.pop(str(folder), None)
        for name in [name for name in sys.modules if name.partition(".")[0] == "shop"]:
            del sys.modules[name]
