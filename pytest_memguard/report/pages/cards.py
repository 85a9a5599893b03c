"""The cards of a page: one for each thing that was found, the worst first, each with an anchor of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pytest_memguard.events import PressureFailure
from pytest_memguard.model import Finding, GrownTest, LimitExceeded, RunReport, SessionGrowth
from pytest_memguard.report import describe
from pytest_memguard.report.blocks import by_weight
from pytest_memguard.report.entry import Entry, failing
from pytest_memguard.report.pages.card import Card
from pytest_memguard.report.pages.excerpt import Reader
from pytest_memguard.report.pages.leak_card import LONGEST_ID, leak_card, repeat_command
from pytest_memguard.report.text import counted, harmless, shell_quoted, shortened
from pytest_memguard.units import format_bytes
from pytest_memguard.values import dataclass

__all__ = ["Cards", "cards_of"]

_MOST_CARDS = 200
_SIGNATURE = re.compile(r"[0-9a-f]{6,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cards:
    """What fails the run, the worst first, and the ``others``; ``anchors``: of the card of each test that has one.

    ``more_failing`` and ``more_others``: findings without a card, because there are too many.
    """

    failing: tuple[Card, ...]
    others: tuple[Card, ...]
    anchors: Mapping[str, str]
    more_failing: int
    more_others: int


def cards_of(report: RunReport, read: Reader) -> Cards:
    """A card for everything that was found."""
    others: list[Entry] = [*by_weight(leak for leak in report.leaks if not leak.gates)]
    others += [limit for limit in report.limits if not limit.gates]
    others += [grown for grown in report.grown if not grown.gates]
    growth = report.session.growth
    if growth.suspected and not growth.gates:
        others.append(growth)
    worst = failing(report)
    named = _Anchors()
    return Cards(
        failing=tuple(_card(entry, named.anchor(entry), read) for entry in worst[:_MOST_CARDS]),
        others=tuple(_card(entry, named.anchor(entry), read) for entry in others[:_MOST_CARDS]),
        anchors=named.by_test,
        more_failing=max(len(worst) - _MOST_CARDS, 0),
        more_others=max(len(others) - _MOST_CARDS, 0),
    )


class _Anchors:
    """Of a leak the same in each run, so that a link to it can be kept; leaks of two origins may have one signature."""

    def __init__(self) -> None:
        self.by_test: dict[str, str] = {}
        self._taken: dict[str, int] = {}

    def anchor(self, entry: Entry) -> str:
        signature = entry.diagnosis.signature if isinstance(entry, Finding) else ""
        base = f"leak-{signature}" if _SIGNATURE.fullmatch(signature) else "finding"
        number = self._taken[base] = self._taken.get(base, 0) + 1
        anchor = base if number == 1 else f"{base}-{number}"
        if not isinstance(entry, SessionGrowth):
            for nodeid in (entry.nodeid, *(entry.witnesses if isinstance(entry, Finding) else ())):
                self.by_test.setdefault(nodeid, anchor)
        return anchor


def _card(entry: Entry, anchor: str, read: Reader) -> Card:
    if isinstance(entry, Finding):
        return leak_card(entry, anchor, read)
    if isinstance(entry, LimitExceeded):
        return Card(
            anchor=anchor,
            kind="limit",
            gates=entry.gates,
            nodeid=shortened(entry.nodeid, LONGEST_ID),
            headline=describe.peak(entry),
            facts=(("how much", "above what the test started with"), ("set by", harmless(entry.origin))),
            advice="",
            command=repeat_command(entry.nodeid),
        )
    if isinstance(entry, GrownTest):
        return _grown(entry, anchor)
    return _session(entry, anchor) if isinstance(entry, SessionGrowth) else _pressure(entry, anchor)


def _grown(grown: GrownTest, anchor: str) -> Card:
    what = "above what the test started with" if grown.metric == "peak" else "more in use after the test than before"
    span = f"{format_bytes(grown.lowest_bytes)} to {format_bytes(grown.highest_bytes)}"
    return Card(
        anchor=anchor,
        kind="grown",
        gates=grown.gates,
        nodeid=shortened(grown.nodeid, LONGEST_ID),
        headline=f"{grown.metric} {format_bytes(grown.bytes)}, usually {format_bytes(grown.usual_bytes)}",
        facts=(
            (grown.metric, f"{format_bytes(grown.bytes)} {what}"),
            ("usually", f"{format_bytes(grown.usual_bytes)}, {_median(grown)} ({span})"),
        ),
        advice="",
        command=f"memguard history {shell_quoted(grown.nodeid)}",
    )


def _median(grown: GrownTest) -> str:
    return f"the median of {counted(grown.runs, 'earlier run')}"


def _session(growth: SessionGrowth, anchor: str) -> Card:
    places = (("from", growth.first_nodeid), ("to", growth.last_nodeid))
    return Card(
        anchor=anchor,
        kind="growth",
        gates=growth.gates,
        nodeid="",
        headline="Memory grew over the session",
        facts=(
            ("how much", harmless(growth.reason or "no reason given")),
            *((label, shortened(nodeid, LONGEST_ID)) for label, nodeid in places if nodeid),
            ("confidence", describe.two_decimals(growth.confidence)),
        ),
        advice="",
        command="",
    )


def _pressure(failure: PressureFailure, anchor: str) -> Card:
    worker = (("worker", harmless(failure.worker)),) if failure.worker != "main" else ()
    return Card(
        anchor=anchor,
        kind="pressure",
        gates=True,
        nodeid=shortened(failure.nodeid, LONGEST_ID),
        headline="The run was stopped before memory ran out" if failure.stopped else "Memory pressure",
        facts=(("because", harmless(failure.reason)), *worker),
        advice="run the tests that are named by themselves to find what stays, or raise the limit"
        if failure.stopped
        else "",
        command="",
    )
