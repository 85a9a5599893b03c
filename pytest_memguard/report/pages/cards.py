"""The cards of a page: one for each thing that was found, with all its evidence as values that a template prints."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from pytest_memguard.events import PressureFailure
from pytest_memguard.model import Finding, GrownTest, LimitExceeded, Retainer, RoundSeries, RunReport, SessionGrowth
from pytest_memguard.report import describe
from pytest_memguard.report.blocks import by_weight
from pytest_memguard.report.entry import Entry, failing
from pytest_memguard.report.failure import accepting
from pytest_memguard.report.pages.curves import Bars, bars
from pytest_memguard.report.pages.excerpt import Excerpt, Reader, excerpt, main_places
from pytest_memguard.report.text import counted, harmless, shell_quoted, shortened
from pytest_memguard.units import format_bytes
from pytest_memguard.values import dataclass

__all__ = ["Card", "Cards", "Evidence", "LeakCard", "Path", "Step", "TypeRow", "cards_of"]

_LONGEST_ID = 400
_LONGEST_NAME = 200
_LONGEST_COMMAND = 2_000
_MOST_CARDS = 200
_TYPES = 12
_SITES = 5
_RETAINERS = 5
_RESOURCES = 20
_WITNESSES = 30
_SIGNATURE = re.compile(r"[0-9a-f]{6,64}")
_IN_BYTES = frozenset({"heap", "mapped", "rss"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One reference on the way from a root to what stays; ``is_guilty``: the one to cut."""

    reference: str
    what: str
    is_guilty: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """Who keeps it, from the root on; ``shortly`` is the compact form."""

    shortly: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The rounds of one metric as a picture, and what it says."""

    metric: str
    told: str
    picture: Bars
    is_bytes: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeRow:
    """Objects of one type that each run leaves behind; ``share``: of the bytes of all types, in percent."""

    name: str
    count: int
    bytes: int
    share: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What every card has. ``anchor`` is its id on the page, ``command`` repeats or shows it."""

    anchor: str
    kind: str
    gates: bool
    nodeid: str
    headline: str
    facts: tuple[tuple[str, str], ...]
    advice: str
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakCard(Card):
    """One leak. ``reason``: why it does not fail the run, or does although it was accepted."""

    standing: str
    reason: str
    sure: str
    places: tuple[Excerpt, ...]
    more_places: tuple[Excerpt, ...]
    paths: tuple[Path, ...]
    more_paths: int
    types: tuple[TypeRow, ...]
    more_types: int
    resources: tuple[str, ...]
    more_resources: int
    evidence: tuple[Evidence, ...]
    notes: tuple[str, ...]
    witnesses: tuple[str, ...]
    more_witnesses: int
    signature: str
    accept: str


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
        return _leak(entry, anchor, read)
    if isinstance(entry, LimitExceeded):
        return Card(
            anchor=anchor,
            kind="limit",
            gates=entry.gates,
            nodeid=shortened(entry.nodeid, _LONGEST_ID),
            headline=describe.peak(entry),
            facts=(("how much", "above what the test started with"), ("set by", harmless(entry.origin))),
            advice="",
            command=_command(entry.nodeid),
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
        nodeid=shortened(grown.nodeid, _LONGEST_ID),
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
            *((label, shortened(nodeid, _LONGEST_ID)) for label, nodeid in places if nodeid),
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
        nodeid=shortened(failure.nodeid, _LONGEST_ID),
        headline="The run was stopped before memory ran out" if failure.stopped else "Memory pressure",
        facts=(("because", harmless(failure.reason)), *worker),
        advice="find what stays with --memguard-confirm=all on the tests that are named, or raise the limit"
        if failure.stopped
        else "",
        command="",
    )


def _leak(leak: Finding, anchor: str, read: Reader) -> LeakCard:
    diagnosis = leak.diagnosis
    others = describe.other_tests(leak)
    steady = describe.evidence(leak)
    sure = f"confidence {describe.two_decimals(leak.confidence)}"
    signature = diagnosis.signature
    return LeakCard(
        anchor=anchor,
        kind=leak.kind,
        gates=leak.gates,
        nodeid=shortened(leak.nodeid, _LONGEST_ID),
        headline=describe.amount(leak),
        facts=tuple(_facts(leak)),
        advice=leak.advice or "",
        command=_command(describe.rerun_nodeid(leak)),
        standing="" if leak.gates else describe.standing(leak),
        reason=leak.reason or ("" if leak.gates else leak.suppressed_by or ""),
        sure=f"grew in {steady}, {sure}" if steady else sure,
        places=main_places(diagnosis, read),
        more_places=tuple(excerpt(site, read, title="Made here, too") for site in diagnosis.sites[1:_SITES]),
        paths=tuple(map(_path, diagnosis.retainers[:_RETAINERS])),
        more_paths=max(len(diagnosis.retainers) - _RETAINERS, 0),
        types=_types(leak),
        more_types=max(len(diagnosis.types) - _TYPES, 0),
        resources=tuple(shortened(name, _LONGEST_ID) for name in leak.resources[:_RESOURCES]),
        more_resources=max(len(leak.resources) - _RESOURCES, 0),
        evidence=tuple(map(_evidence, leak.rounds)),
        notes=diagnosis.notes,
        witnesses=tuple(shortened(nodeid, _LONGEST_ID) for nodeid in others[:_WITNESSES]),
        more_witnesses=max(len(others) - _WITNESSES, 0),
        signature=shortened(signature, _LONGEST_NAME),
        accept=f"@pytest.mark.memguard({accepting(leak)}, reason=..)",
    )


def _command(nodeid: str) -> str:
    command = describe.repeat_command(nodeid)
    return command if len(command) <= _LONGEST_COMMAND else ""  # cut in two it would run something else


def _facts(leak: Finding) -> Iterator[tuple[str, str]]:
    yield "phase", describe.where(leak)
    if leak.diagnosis.component:
        yield "component", harmless(leak.diagnosis.component)
    if leak.severity == "low":
        yield "severity", "low"


def _path(retainer: Retainer) -> Path:
    steps = retainer.steps or (describe.kept_by(retainer),)
    root = harmless(retainer.root)
    return Path(
        shortly=shortened(retainer.path, _LONGEST_ID),
        steps=tuple(
            _step(harmless(step.strip()), root if index == 0 else "", is_guilty=index == retainer.suspect)
            for index, step in enumerate(steps)
        ),
    )


def _step(text: str, root: str, *, is_guilty: bool) -> Step:
    # A root's name may have spaces in it ("cache of shop.f"); later references have none.
    reference = root if root and text.startswith(root) else text.partition(" ")[0]
    return Step(
        reference=shortened(reference, _LONGEST_NAME),
        what=shortened(text[len(reference) :].strip(), _LONGEST_NAME),
        is_guilty=is_guilty,
    )


def _types(leak: Finding) -> tuple[TypeRow, ...]:
    entries = leak.diagnosis.types
    total = sum(max(entry.bytes, 0) for entry in entries) or 1
    return tuple(
        TypeRow(
            name=shortened(entry.type, _LONGEST_NAME),
            count=entry.count,
            bytes=entry.bytes,
            share=round(max(entry.bytes, 0) / total * 100),
        )
        for entry in entries[:_TYPES]
    )


def _evidence(series: RoundSeries) -> Evidence:
    is_bytes = series.metric in _IN_BYTES
    deltas = series.deltas
    return Evidence(
        metric=shortened(series.metric, _LONGEST_NAME),
        told=_told(deltas, is_bytes=is_bytes),
        picture=bars(deltas),
        is_bytes=is_bytes,
    )


def _told(deltas: Sequence[int], *, is_bytes: bool) -> str:
    if not deltas:
        return "no rounds"
    grown = sum(delta > 0 for delta in deltas)
    low, high = (_amount(value, is_bytes=is_bytes) for value in (min(deltas), max(deltas)))
    span = f"{low} each" if low == high else f"{low} to {high}"
    return f"grew in {grown} of {counted(len(deltas), 'round')}, {span}"


def _amount(value: int, *, is_bytes: bool) -> str:
    return format_bytes(value, signed=True) if is_bytes else f"{value:+,}"
