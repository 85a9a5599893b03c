"""Edits the text of a baseline: entries come and go, everything that people wrote stays as it is.

The lines of an entry go with it, and so does a comment right above it. What cannot be edited line by line (a list in
brackets, anchors that others refer to) is written anew from what it says, without its comments.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from pytest_memguard.errors import MemguardError
from pytest_memguard.settings.baselinefile import PLACEHOLDER, Baseline, BaselineEntry, parse_baseline

__all__ = ["MOST_TESTS", "edited"]

MOST_TESTS = 10

_HEAD = f"""\
# Accepted leaks: they are listed and do not fail the run. What is fixed is to be taken out.
# "{PLACEHOLDER}" is no reason: replace it by why the leak is accepted. expires: 2027-01-31 accepts it until that day.
schema: 1
"""
_LINE = re.compile("[^\n\r\x85\u2028\u2029]*(?:\r\n|[\n\r\x85\u2028\u2029])|[^\n\r\x85\u2028\u2029]+$")
_ITEM = re.compile(r"^( *)- +(?=\S)")
_KEY = re.compile(r"^leaks *:\s*(?:\[\s*\]|~|null)?\s*(?:#.*)?$")
_KEY_ALONE = re.compile(r"^(leaks *:)(?=\s*(?:#|$))")
_BYTE, _SHORT = 0x100, 0x10000


def edited(
    baseline: Baseline,
    *,
    add: Sequence[BaselineEntry] = (),
    drop: Collection[str] = (),
    tests: Mapping[str, Sequence[str]] | None = None,
) -> str:
    """The text of the file with entries added and dropped, by signature, and with more *tests* of those that stay.

    Raises ``MemguardError`` where the new text could not be read again: the file would be too large.
    """
    more = {
        entry.signature: tuple(test for test in (tests or {}).get(entry.signature, ()) if test not in entry.tests)[
            : max(MOST_TESTS - len(entry.tests), 0)
        ]
        for entry in baseline.entries
    }
    kept = [entry for entry in baseline.entries if entry.signature not in drop]
    if baseline.source and not add and len(kept) == len(baseline.entries) and not any(more.values()):
        return baseline.source
    wanted = [*kept, *add]
    text = _by_line(baseline, kept, add, more)
    if text is not None and _says(text, wanted, baseline.label):
        return text
    text = _new(wanted)
    parse_baseline(text, label=baseline.label)
    return text


def _says(text: str, wanted: Sequence[BaselineEntry], label: str) -> bool:
    """Whether the edit has come out as it should."""
    try:
        found = parse_baseline(text, label=label)
    except MemguardError:
        return False
    return [(e.signature, e.reason, e.expires) for e in found.entries] == [
        (e.signature, e.reason, e.expires) for e in wanted
    ]


def _by_line(
    baseline: Baseline,
    kept: Sequence[BaselineEntry],
    add: Sequence[BaselineEntry],
    more: Mapping[str, Sequence[str]],
) -> str | None:
    """None where the text is not made of lines that belong to one entry each."""
    lines = _LINE.findall(baseline.source)
    end_of_line = "\r\n" if "\r\n" in baseline.source else "\n"
    key = baseline.lines.get(("leaks",))
    if key is None:
        return None if baseline.entries or baseline.lines.get(("schema",)) else _anew(lines, add)
    starts = [entry.line - 1 for entry in baseline.entries]
    if starts != sorted(set(starts)) or not all(_ITEM.match(lines[start]) for start in starts):
        return None
    if not starts and not _KEY.match(lines[key - 1]):
        return None
    end = min((line - 1 for path, line in baseline.lines.items() if len(path) == 1 and line > key), default=len(lines))
    ends = [_last(lines, start, after) for start, after in zip(starts, [*starts[1:], end], strict=False)]
    first = starts[0] if starts else key
    head = list(lines[:first]) if starts else [*lines[: key - 1], f"leaks:{end_of_line}"]
    if not (kept or add):  # a bare key would look as if something had been lost
        head[key - 1] = _KEY_ALONE.sub(r"\1 []", head[key - 1])
    margin = match[1] if starts and (match := _ITEM.match(lines[first])) else "  "
    parts = list(_entries_of(baseline, kept, lines, [first, *ends], more))
    if parts and not parts[-1].endswith(("\n", "\r")):
        parts.append(end_of_line)
    new = [_written(entry, margin, end_of_line) for entry in add]
    tail = lines[ends[-1] if ends else key :]
    return "".join([*_without_last_comment(head, kept, baseline), *parts, *new, *tail])


def _anew(lines: Sequence[str], add: Sequence[BaselineEntry]) -> str:
    """A file that says nothing yet: its comments, and then ours."""
    before = [line for line in lines if line.strip()]
    if before and not before[-1].endswith(("\n", "\r")):
        before.append("\n")
    return "".join([*before, _new(add)])


def _new(entries: Sequence[BaselineEntry]) -> str:
    key = "leaks:\n" if entries else "leaks: []\n"
    return "".join([_HEAD, key, *(_written(entry, "  ", "\n") for entry in entries)])


def _entries_of(
    baseline: Baseline,
    kept: Sequence[BaselineEntry],
    lines: Sequence[str],
    ends: Sequence[int],
    more: Mapping[str, Sequence[str]],
) -> Iterator[str]:
    """The lines of the entries that stay, each with what stands between it and the one before."""
    for index, entry in enumerate(baseline.entries):
        start = entry.line - 1
        between = list(lines[ends[index] : start])
        if entry in kept:
            yield from between
            yield from _with_tests(baseline, index, lines[start : ends[index + 1]], more.get(entry.signature, ()))
        else:
            yield from _without_comment(between)


def _with_tests(baseline: Baseline, index: int, own: Sequence[str], tests: Sequence[str]) -> Iterator[str]:
    """The lines of one entry, with more tests before the first one."""
    line = baseline.lines.get(("leaks", str(index), "tests", "0"))
    at = -1 if line is None or not tests else line - baseline.entries[index].line
    margin = _ITEM.match(own[at]) if 0 < at < len(own) else None
    for number, text in enumerate(own):
        if margin is not None and number == at:
            end_of_line = "\r\n" if text.endswith("\r\n") else "\n"
            yield from (f"{margin[1]}- {_quoted(test)}{end_of_line}" for test in tests)
        yield text


def _without_last_comment(head: list[str], kept: Sequence[BaselineEntry], baseline: Baseline) -> list[str]:
    first = baseline.entries[0] if baseline.entries else None
    return head if first is None or first in kept else _without_comment(head)


def _without_comment(between: list[str]) -> list[str]:
    """Without the comment right above what follows."""
    left = list(between)
    while left and left[-1].lstrip().startswith("#"):
        left.pop()
    return left


def _last(lines: Sequence[str], start: int, end: int) -> int:
    """Where the entry that begins at *start* ends: comments and empty lines before *end* belong to what follows."""
    while end > start + 1 and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
        end -= 1
    return end


def _written(entry: BaselineEntry, margin: str, end_of_line: str) -> str:
    lines = [
        f"{margin}- signature: {_quoted(entry.signature)}",
        f"{margin}  reason: {_quoted(PLACEHOLDER if entry.reason is None else entry.reason)}",
    ]
    if entry.first_seen is not None:
        lines.append(f"{margin}  first_seen: {entry.first_seen.isoformat()}")
    if entry.expires is not None:
        lines.append(f"{margin}  expires: {entry.expires.isoformat()}")
    if entry.leak:
        lines.append(f"{margin}  leak: {_quoted(entry.leak)}")
    if entry.tests:
        lines.append(f"{margin}  tests:")
        lines.extend(f"{margin}    - {_quoted(test)}" for test in entry.tests[:MOST_TESTS])
    return "".join(line + end_of_line for line in lines)


def _quoted(text: str) -> str:
    """In double quotes, with everything spelt out that is not plain to see."""
    return '"' + "".join(map(_spelt, text)) + '"'


def _spelt(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    if char.isprintable():
        return char
    code = ord(char)
    return f"\\x{code:02x}" if code < _BYTE else f"\\u{code:04x}" if code < _SHORT else f"\\U{code:08x}"
