"""Results that took long, kept below the cache: a part of a benchmark that was measured is not measured again."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.figures import progress
from benchmarks.places import cache


def load(benchmark: str, name: str) -> dict[str, Any] | None:
    """What was kept under this name, None without it."""
    file = cache(benchmark) / f"{name}.json"
    return dict(json.loads(file.read_text("utf-8"))) if file.exists() else None


def measured(
    benchmark: str, name: str, settings: Mapping[str, Any], measure: Callable[[], Mapping[str, Any]], *, again: bool
) -> dict[str, Any]:
    """The kept result if it has the same settings; otherwise, or if ``again``, a new one, kept with its date."""
    old = load(benchmark, name)
    if old is not None and old["settings"] == settings and not again:
        progress(f"{name}: measured on {old['date']}, kept")
        return old
    result = {"date": dt.datetime.now(dt.timezone.utc).date().isoformat(), "settings": settings, **measure()}
    (cache(benchmark) / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    return result
