"""What a tool finds in a suite of the labelled corpus: leaks by kind, innocent tests flagged, lines it names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.flagged import Flagged
from tests.corpus.labels import SUITES, Label, match


def compare(labels: Sequence[Label], said: Flagged, python: str) -> dict[str, Any]:
    """Counts for the table, and the node ids behind them.

    Every leak counts, also those below the floors that pytest-memguard documents. A leak counts as found if the tool
    calls its test leaking, for whatever reason; one of a fixture, if it does so for any of its users. A line is named
    if the text has the file and line that retain or allocate; a holder, if it has the name where the path begins.
    """
    matched = {n: label for n, label in match(labels, said.tests).items() if python not in label.unjudged}
    fixtures = {label.fixture for n, label in matched.items() if n in said.leaking} | _named(said.leaking)
    total, found, missed, false = Counter[str](), Counter[str](), list[str](), list[str]()
    lines, holders = Counter[bool](), Counter[bool]()
    innocent = 0
    for nodeid, label in matched.items():
        if label.label != "leak":
            innocent += 1
            false += [nodeid] if nodeid in said.leaking else []
            continue
        total[str(label.kind)] += 1
        if nodeid not in said.leaking and (label.fixture is None or label.fixture not in fixtures):
            missed.append(nodeid)
            continue
        found[str(label.kind)] += 1
        text = said.leaking.get(nodeid, "")
        if text:
            lines[any(re.search(place, text) for place in _places(label))] += 1
        if text and label.root is not None:
            holders[label.root in text] += 1
    return {
        "kinds": {kind: [found[kind], count] for kind, count in sorted(total.items())},
        "innocent": innocent,
        "false_alarms": false,
        "missed": missed,
        "lines": [lines[True], sum(lines.values())],
        "holders": [holders[True], sum(holders.values())],
        "broken": sorted(said.broken),
    }


def _named(leaking: Mapping[str, str]) -> set[str | None]:
    return {name.removeprefix("fixture:") for name in leaking if name.startswith("fixture:")}


def _places(label: Label) -> Iterator[str]:
    """Patterns of the marked lines, as ``file:line`` and as a traceback writes them."""
    for place in (label.where, label.site):
        file, _, name = str(place).partition("#")
        if not name:
            continue
        path = SUITES / label.suite / file
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            if line.endswith((f"# leak: {name}", f"# site: {name}")):
                # A package is named by its import path, wherever it is installed.
                yield rf"{re.escape(file.removeprefix('site-packages/'))}(:|\", line ){number}\b"
