"""Finds the reports whose text varies from plain run to plain run: only their outcome can be compared."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

from benchmarks.normal import Event, Key

_NUMBER = re.compile(r"0x[0-9a-fA-F]+|\d+")
_MARGIN = re.compile(r"^(E|>)? *")


def shape(line: str) -> str:
    """A line without its numbers."""
    return _NUMBER.sub("#", line)


def steady(runs: Sequence[Mapping[Key, Event]], *, plain: int) -> list[dict[Key, Event]]:
    """The records, those of the plain runs first; ids in which plain runs differ by a number (a time) go without it."""
    ids = [{nodeid for _, nodeid, _, _ in run} for run in runs[:plain]]
    everywhere = set(ids[0]).intersection(*ids[1:])
    moving = {shape(nodeid) for one in ids for nodeid in one - everywhere}
    return [_renamed(run, everywhere, moving) for run in runs] if moving else [dict(run) for run in runs]


def varying(runs: Sequence[Mapping[Key, Event]]) -> set[Key]:
    """Events that some of these runs do not have, or whose texts differ in more than numbers."""
    everywhere = set(runs[0]).intersection(*runs[1:])
    anywhere = set(runs[0]).union(*runs[1:])
    differing = {key for key in everywhere if len({tuple(map(shape, run[key].texts)) for run in runs}) > 1}
    return differing | (anywhere - everywhere)


def texts(runs: Iterable[Mapping[Key, Event]], keys: AbstractSet[Key]) -> set[str]:
    """The shapes of all lines that these events have in any of the runs, as the other outputs show them."""
    lines = (line for run in runs for key in keys if key in run for line in run[key].texts)
    return {shape(_bare(line)) for line in lines}


def without(lines: Iterable[str], shapes: AbstractSet[str]) -> list[str]:
    """The lines of an output that are none of these shapes."""
    return [line for line in lines if shape(_bare(html.unescape(line))) not in shapes]


def record_lines(events: Mapping[Key, Event], loose: AbstractSet[Key], everywhere: AbstractSet[Key]) -> list[str]:
    """The record as text: every event in order; of varying ones the facts only, and only where all runs have them."""
    lines: list[str] = []
    for key, event in events.items():
        if key in loose and key not in everywhere:
            continue
        kind, nodeid, when, number = key
        lines.append(f"{kind} {nodeid} {when} {number}")
        lines += [f"    {fact}" for fact in event.facts]
        if key not in loose:
            lines += [f"    | {line}" for line in event.texts]
    return lines


def _renamed(events: Mapping[Key, Event], everywhere: AbstractSet[str], moving: AbstractSet[str]) -> dict[Key, Event]:
    def moves(nodeid: str) -> bool:
        return nodeid not in everywhere and shape(nodeid) in moving

    renamed: dict[Key, Event] = {}
    seen: Counter[tuple[str, str, str]] = Counter()
    for (kind, nodeid, when, _), event in events.items():
        own = moves(nodeid)
        place = (kind, shape(nodeid) if own else nodeid, when)
        seen[place] += 1
        facts = tuple(shape(fact) if own or moves(fact) else fact for fact in event.facts)
        key: Key = (*place, seen[place])
        renamed[key] = replace(event, facts=facts)
    return renamed


def _bare(line: str) -> str:
    title, separator, rest = line.partition(" | ")
    text = rest if separator and title.startswith("Captured ") else line
    return _MARGIN.sub("", text).rstrip()
