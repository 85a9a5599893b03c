"""A small application in a folder of its own, whose leaks are diagnosed: the paths and lines are known exactly."""

from __future__ import annotations

import gc
import importlib
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pytest_memguard.diagnosis import Evidence, Paths, Scenario, diagnose


def settle() -> None:
    """What a diagnosis needs of a settle: garbage is gone, the type cache keeps no names."""
    gc.collect()
    getattr(sys, "_clear_internal_caches", sys._clear_type_cache)()


class Lab:
    """Makes modules ``shop.NAME`` from source and diagnoses what their functions leak."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.paths = Paths(str(folder))

    def module(self, name: str, source: str) -> ModuleType:
        """Import ``shop.NAME`` with that source."""
        (self.folder / "shop" / f"{name}.py").write_text(textwrap.dedent(source).lstrip("\n"), encoding="utf-8")
        importlib.invalidate_caches()
        return importlib.import_module(f"shop.{name}")

    def diagnose(self, repeat: Callable[[], Any], *, native: bool = False, rounds: int = 3, **options: Any) -> Evidence:
        """Warm up twice, as the rounds of a confirmation would have, then diagnose."""
        for _ in range(2):
            repeat()
            settle()
        return diagnose(
            Scenario(repeat=repeat, settle=settle),
            rounds=rounds,
            paths=self.paths,
            native=native,
            **{"clock": time.perf_counter, "budget_s": 20.0, **options},
        )


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "__init__.py").write_text("", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield Lab(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "shop"]:
        del sys.modules[name]
