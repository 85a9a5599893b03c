"""The outputs of a pytest run as lines that two runs can share: durations out, the plugin's own section out."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_DURATION = re.compile(r"\b\d+\.\d+s\b( \(\d+:\d\d:\d\d\))?")
# The sections of other plugins begin with a line of equals signs, or of dashes.
_BAR = re.compile(r"^(={3,}.*={3,}|-{3,}.*-{3,})$")
_STATUS = re.compile(r"^=+ (.* in <duration>) =+$")
_OWN_BAR = re.compile(r"^={3,} memguard\b.*={3,}$")
_OWN_LINE = re.compile(r"^memguard: ")
_METADATA = re.compile(r", 'memguard': '[^']*'")
_PLUGIN = re.compile(r"(, )?memguard-[^\s,]+")
_XML_TIMES = re.compile(r' (time|timestamp|hostname)="[^"]*"')
# Hypothesis puts the durations of its phases there, in base64.
_XML_STATISTICS = re.compile(r'(<property name="hypothesis-statistics-[^"]*" value=)"[^"]*"')


def terminal(text: str) -> list[str]:
    """Lines of the terminal output without durations and without the plugin's own section, lines and name.

    Empty lines are left out, too: some stand between the sections of two plugins.
    """
    lines: list[str] = []
    own = False
    for raw in text.splitlines():
        if _OWN_BAR.match(raw):
            own = True
            continue
        if own and not _BAR.match(raw):
            continue
        own = False
        if _OWN_LINE.match(raw):
            continue
        line = _DURATION.sub("<duration>", raw)
        line = _METADATA.sub("", _STATUS.sub(r"=== \1 ===", line))
        lines.append(_without_plugin(line) if line.startswith("plugins: ") else line)
        if _STATUS.match(_DURATION.sub("<duration>", raw)):
            break  # what the interpreter says while it ends depends on the order in which it takes modules apart
    return [line for line in lines if line not in ("plugins: ", "")]


def _without_plugin(line: str) -> str:
    return _PLUGIN.sub("", line).replace("plugins: , ", "plugins: ")


def junit(text: str) -> list[str]:
    """Elements and lines of a JUnit file without times and host."""
    return _XML_STATISTICS.sub(r"\1", _XML_TIMES.sub("", text)).replace("><", ">\n<").splitlines()


Key = tuple[str, str, str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One recorded event: what must be the same (an outcome, an order), and the texts that came with it."""

    facts: tuple[str, ...]
    texts: tuple[str, ...]


def record(file: Path) -> dict[Key, Event]:
    """The recorded events in order, by kind, node id, phase, and the number among events of these three."""
    events: dict[Key, Event] = {}
    seen: Counter[tuple[str, str, str]] = Counter()
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            raw = json.loads(line)
            place = (raw.pop("event"), raw.pop("nodeid", ""), raw.pop("when", "") or "")
            seen[place] += 1
            key: Key = (*place, seen[place])
            events[key] = _event(raw)
    return events


def _event(raw: dict[str, Any]) -> Event:
    facts: list[str] = []
    texts: list[str] = []
    for name, value in raw.items():
        if name == "nodeids":
            facts += value
        elif name == "sections":
            texts += [f"{title} | {line}" for title, content in value for line in content.split("\n")]
        elif name == "text":
            texts += value.split("\n")
        else:
            facts.append(f"{name} {json.dumps(value)}")
    return Event(facts=tuple(facts), texts=tuple(texts))
