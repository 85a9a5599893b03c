"""The card of a leak: where it is made, who keeps it, what stays, and every round of the evidence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_memguard.model import Finding, Retainer, RoundSeries
from pytest_memguard.report import describe
from pytest_memguard.report.failure import accepting
from pytest_memguard.report.pages.card import Evidence, LeakCard, Path, Step, TypeRow
from pytest_memguard.report.pages.curves import bars
from pytest_memguard.report.pages.excerpt import Reader, excerpt, main_places
from pytest_memguard.report.text import counted, harmless, shortened
from pytest_memguard.units import format_bytes

__all__ = ["LONGEST_ID", "leak_card", "repeat_command"]

LONGEST_ID = 400
_LONGEST_NAME = 200
_LONGEST_COMMAND = 2_000
_TYPES = 12
_SITES = 5
_RETAINERS = 5
_RESOURCES = 20
_WITNESSES = 30
_IN_BYTES = frozenset({"heap", "mapped", "rss"})


def leak_card(leak: Finding, anchor: str, read: Reader) -> LeakCard:
    """The card of *leak*; *read* gives the source of a file."""
    diagnosis = leak.diagnosis
    others = describe.other_tests(leak)
    steady = describe.evidence(leak)
    sure = f"confidence {describe.two_decimals(leak.confidence)}"
    signature = diagnosis.signature
    return LeakCard(
        anchor=anchor,
        kind=leak.kind,
        gates=leak.gates,
        nodeid=shortened(leak.nodeid, LONGEST_ID),
        headline=describe.amount(leak),
        facts=tuple(_facts(leak)),
        advice=leak.advice or "",
        command=repeat_command(describe.rerun_nodeid(leak)),
        standing="" if leak.gates else describe.standing(leak),
        reason=leak.reason or ("" if leak.gates else leak.suppressed_by or ""),
        sure=f"grew in {steady}, {sure}" if steady else sure,
        places=main_places(diagnosis, read),
        more_places=tuple(excerpt(site, read, title="Made here, too") for site in diagnosis.sites[1:_SITES]),
        paths=tuple(map(_path, diagnosis.retainers[:_RETAINERS])),
        more_paths=max(len(diagnosis.retainers) - _RETAINERS, 0),
        types=_types(leak),
        more_types=max(len(diagnosis.types) - _TYPES, 0),
        resources=tuple(shortened(name, LONGEST_ID) for name in leak.resources[:_RESOURCES]),
        more_resources=max(len(leak.resources) - _RESOURCES, 0),
        evidence=tuple(map(_evidence, leak.rounds)),
        notes=diagnosis.notes,
        witnesses=tuple(shortened(nodeid, LONGEST_ID) for nodeid in others[:_WITNESSES]),
        more_witnesses=max(len(others) - _WITNESSES, 0),
        signature=shortened(signature, _LONGEST_NAME),
        accept=f"@pytest.mark.memguard({accepting(leak)}, reason=..)",
    )


def repeat_command(nodeid: str) -> str:
    """The command that repeats the finding; empty where it is too long for a page."""
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
        shortly=shortened(retainer.path, LONGEST_ID),
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
