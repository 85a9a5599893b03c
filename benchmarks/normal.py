"""The outputs of a pytest run as lines that two runs can share: durations out, the plugin's own section out."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

_DURATION = re.compile(r"\b\d+\.\d+s\b( \(\d+:\d\d:\d\d\))?")
_BAR = re.compile(r"^={3,} .* ={3,}$")
_STATUS = re.compile(r"^=+ (.* in <duration>) =+$")
_OWN_BAR = re.compile(r"^={3,} memguard\b.*={3,}$")
_OWN_LINE = re.compile(r"^memguard: ")
_PLUGIN = re.compile(r"(, )?memguard-[^\s,]+")
_XML_TIMES = re.compile(r' (time|timestamp|hostname)="[^"]*"')
# Hypothesis puts the durations of its phases there, in base64.
_XML_STATISTICS = re.compile(r'(<property name="hypothesis-statistics-[^"]*" value=)"[^"]*"')


def terminal(text: str) -> list[str]:
    """Lines of the terminal output without durations and without the plugin's own section, lines and name."""
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
        line = _STATUS.sub(r"=== \1 ===", line)
        lines.append(_without_plugin(line) if line.startswith("plugins: ") else line)
    return [line for line in lines if line != "plugins: "]


def _without_plugin(line: str) -> str:
    return _PLUGIN.sub("", line).replace("plugins: , ", "plugins: ")


def junit(text: str) -> list[str]:
    """Elements and lines of a JUnit file without times and host."""
    return _XML_STATISTICS.sub(r"\1", _XML_TIMES.sub("", text)).replace("><", ">\n<").splitlines()


def record(file: Path) -> list[str]:
    """The recorded events, one line for each fact of each event, so that a difference is named exactly."""
    lines: list[str] = []
    with file.open(encoding="utf-8") as events:
        for line in events:
            lines += _facts(json.loads(line))
    return lines


def _facts(event: dict[str, Any]) -> list[str]:
    kind = event.pop("event")
    head = f"{kind} {event.pop('nodeid', '')} {event.pop('when', '') or ''}".rstrip()
    facts = [head]
    for name, value in event.items():
        if name == "nodeids":
            facts += [f"{kind} {nodeid}" for nodeid in value]
        elif name == "sections":
            facts += [f"    {title} | {part}" for title, content in value for part in content.split("\n")]
        elif name == "text":
            facts += [f"    text | {part}" for part in value.split("\n") if value]
        else:
            facts.append(f"    {name} {json.dumps(value)}")
    return facts
