"""What a failing ``assert_no_leak`` says: what a call leaves behind, the batches that show it, and who keeps it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from math import ceil

from pytest_memguard.calls.meter import CallRound
from pytest_memguard.model import Diagnosis
from pytest_memguard.report.describe import site_text, two_decimals
from pytest_memguard.report.layout import field as labelled
from pytest_memguard.report.layout import fields, lines
from pytest_memguard.report.tables import drawn, table
from pytest_memguard.report.text import Line, counted, harmless, listed
from pytest_memguard.units import format_bytes
from pytest_memguard.values import dataclass

__all__ = ["CallLeak", "CallRound", "LeakError", "leak_lines"]

_WIDTH = 100
_SHOWN = 5
_MORE = 1.05
_WHOLE = 100
_MEMORY = ("blocks", "heap", "mapped")
_NAMES = {"fds": ("file descriptor", "file descriptors"), "threads": ("thread", "threads")}


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLeak:
    """What calls of one function leave behind.

    ``per_call``: by how much each metric (``blocks``, ``heap``, ``mapped``: bytes but for the first) and count
    (``fds``, ``threads``, ``references to ..``) grows with a call. ``rounds``: every batch that was measured.
    ``opened``: descriptors and threads that one more call has left, by name.
    """

    function: str
    rounds: tuple[CallRound, ...]
    per_call: Mapping[str, float]
    bytes_per_call: int
    confidence: float
    diagnosis: Diagnosis = field(default_factory=Diagnosis)
    opened: tuple[str, ...] = ()

    @property
    def calls(self) -> int:
        """Calls in all batches."""
        return sum(each.calls for each in self.rounds)


class LeakError(AssertionError):
    """A function leaks. ``leak`` has the evidence as a value."""

    def __init__(self, leak: CallLeak) -> None:
        super().__init__("\n".join(entry.text for entry in leak_lines(leak, _WIDTH)))
        self.leak = leak


def leak_lines(leak: CallLeak, width: int) -> Iterator[Line]:
    """Headline, a table of the batches, types, sites and retainers, and how to accept it."""
    yield from lines(_headline(leak), width)
    yield from _rounds(leak)
    diagnosis = leak.diagnosis
    yield from fields("leaks", leak.opened, harmless, width, most=_SHOWN)
    types = (f"{entry.count:+d} {harmless(entry.type)}" for entry in diagnosis.types)
    yield from labelled("types", listed(types, len(diagnosis.types), limit=_SHOWN), width)
    yield from fields("allocated", diagnosis.sites, site_text, width, most=_SHOWN)
    for retainer in diagnosis.retainers[:1]:
        yield from drawn("kept by", retainer, width)
    for note in diagnosis.notes:
        yield from labelled("note", note, width)
    if leak.bytes_per_call:
        accepting = f'tolerance="{ceil(leak.bytes_per_call * _MORE)} B" accepts this much a call'
        yield from labelled("accept", accepting, width)


def _headline(leak: CallLeak) -> str:
    batches = f"{counted(len(leak.rounds), 'batch', 'batches')}, {leak.calls} calls"
    return (
        f"{harmless(leak.function)} leaks {_amount(leak)} per call "
        f"({batches}, confidence {two_decimals(leak.confidence)})"
    )


def _amount(leak: CallLeak) -> str:
    """``+32 B``, ``+1 file descriptor``, ``+1 reference to argument 1 (list)``."""
    parts = []
    if leak.bytes_per_call:
        parts.append(format_bytes(leak.bytes_per_call, signed=True))
    for name, rate in leak.per_call.items():
        if name in _NAMES:
            singular, plural = _NAMES[name]
            parts.append(f"{_rate(rate)} {singular if round(rate, 1) == 1 else plural}")
        elif name.startswith("references "):
            noun = name.replace("references", "reference", 1) if round(rate, 1) == 1 else name
            parts.append(f"{_rate(rate)} {noun}")
    return " and ".join(parts)


def _rounds(leak: CallLeak) -> Iterator[Line]:
    moved = (name for name in leak.rounds[0].growth if any(each.growth[name] for each in leak.rounds))
    names = [name for name in moved if name in _MEMORY or name in leak.per_call]
    columns: list[tuple[str, list[str]]] = [("calls", [str(each.calls) for each in leak.rounds])]
    columns += [(name, [f"{each.growth[name]:+d}" for each in leak.rounds]) for name in names]
    yield from table("batch", columns)
    rates = [f"{_rate(leak.per_call[name])} {name}" for name in names if name in leak.per_call]
    yield from labelled("per call", ", ".join(rates), _WIDTH)


def _rate(rate: float) -> str:
    return f"{rate:+.0f}" if abs(rate) >= _WHOLE else f"{rate:+.1f}".removesuffix(".0")
