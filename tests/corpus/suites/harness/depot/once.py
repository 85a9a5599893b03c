"""State that lets a test pass once."""

from __future__ import annotations

CALLS: list[int] = []
SETTINGS: dict[str, int] = {}
RUNS = {"count": 0}
NAMES: set[str] = set()
