"""What is said of one finding or limit, wherever it is said: short phrases, without layout."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pytest_memguard.gate import ONLY_WARNS
from pytest_memguard.model import (
    AllocationSite,
    Checkpoint,
    Diagnosis,
    Finding,
    GrownTest,
    LimitExceeded,
    Retainer,
    RoundSeries,
)
from pytest_memguard.report.text import counted, harmless, listed, shell_quoted
from pytest_memguard.units import format_bytes

__all__ = [
    "amount",
    "checkpoints_text",
    "evidence",
    "grown_headline",
    "headline",
    "kept_by",
    "limit_headline",
    "other_tests",
    "peak",
    "repeat_command",
    "rerun_nodeid",
    "retained_elsewhere",
    "short_signature",
    "site_place",
    "site_text",
    "standing",
    "two_decimals",
    "types_text",
    "where",
]

_NOUNS = {
    "fd": ("file descriptor", "file descriptors"),
    "socket": ("socket", "sockets"),
    "thread": ("thread", "threads"),
    "task": ("asyncio task", "asyncio tasks"),
    "process": ("child process", "child processes"),
    "timer": ("timer", "timers"),
    "tempfile": ("temporary file", "temporary files"),
    "garbage": ("uncollectable object", "uncollectable objects"),
}
_FIXTURE = "fixture:"


def amount(finding: Finding) -> str:
    """What every run leaves behind: ``+1.0 MiB per run``, ``+3 blocks per run``, ``+1 thread per run``."""
    nouns = _NOUNS.get(finding.kind)
    if nouns is not None and finding.count_per_run:
        return f"+{counted(finding.count_per_run, *nouns)} per run"
    if finding.bytes_per_run:
        return f"{format_bytes(finding.bytes_per_run, signed=True)} per run"
    if finding.blocks_per_run:
        return f"+{counted(finding.blocks_per_run, 'block')} per run"
    return f"+{counted(finding.count_per_run, 'object')} per run"


def two_decimals(confidence: float) -> str:
    """A confidence, rounded down: certainty is never claimed by rounding."""
    return f"{math.floor(confidence * 100 + 1e-9) / 100:.2f}" if math.isfinite(confidence) else "unknown"


def evidence(finding: Finding) -> str:
    """In how many of the runs it grew, by the metric that grew most steadily: ``5 of 5 runs``; empty if unknown."""
    if not finding.rounds:
        return ""
    grown, total = max((_grown(series), len(series.deltas)) for series in finding.rounds)
    return f"{grown} of {counted(total, 'run')}"


def headline(finding: Finding, *, kind: bool = False) -> str:
    """One line for summaries and other tools: amount, place, retainer, signature; *kind* puts the kind in, too."""
    diagnosis = finding.diagnosis
    places = [site_place(site) for site in diagnosis.sites[:1]]
    places += [f"kept by {harmless(retainer.path)}" for retainer in diagnosis.retainers[:1]]
    kinds: list[str] = [finding.kind] if kind or not places else []
    kinds += [harmless(name) for name in finding.resources[:1]]
    return ", ".join([amount(finding), *kinds, *(places or [where(finding)])]) + short_signature(finding, before=" ")


def limit_headline(limit: LimitExceeded) -> str:
    """One line for summaries and other tools: ``peak +80.0 MiB, limit 50.0 MiB from ..``."""
    return f"{peak(limit)} from {harmless(limit.origin)}"


def peak(limit: LimitExceeded) -> str:
    """``peak +80.0 MiB, limit 50.0 MiB``."""
    return f"peak {format_bytes(limit.peak_growth_bytes, signed=True)}, limit {format_bytes(limit.limit_bytes)}"


def grown_headline(grown: GrownTest) -> str:
    """``peak 82.0 MiB, usually 20.0 MiB (10 runs: 19.8 MiB to 20.1 MiB)``."""
    span = f"{format_bytes(grown.lowest_bytes)} to {format_bytes(grown.highest_bytes)}"
    usual = f"usually {format_bytes(grown.usual_bytes)} ({counted(grown.runs, 'run')}: {span})"
    return f"{grown.metric} {format_bytes(grown.bytes)}, {usual}"


def short_signature(finding: Finding, *, before: str = "") -> str:
    """The beginning of the signature in brackets, enough to tell the leaks of a run apart; empty without one."""
    signature = finding.diagnosis.signature
    return f"{before}[{harmless(signature[:6])}]" if signature else ""


def site_place(site: AllocationSite) -> str:
    """``shop/cart.py:41``."""
    return f"{harmless(site.file)}:{site.line}"


def retained_elsewhere(diagnosis: Diagnosis) -> tuple[AllocationSite, ...]:
    """The line that puts it where it stays, unless that is the one that is shown for its allocation."""
    shown = {(site.file, site.line) for site in diagnosis.sites[:1]}
    return tuple(site for site in diagnosis.retained_at if (site.file, site.line) not in shown)


def site_text(site: AllocationSite) -> str:
    """``shop/cart.py:41 in checkout: _ORDERS.append(Order(...))``."""
    source = harmless(site.source.strip())
    function = f" in {harmless(site.function)}" if site.function else ""
    return f"{site_place(site)}{function}" + (f": {source}" if source else "")


def kept_by(retainer: Retainer) -> str:
    """The path in one line: ``shop.cart._ORDERS (list) -> [*] shop.cart.Order``."""
    if retainer.steps:
        return " -> ".join(harmless(step.strip()) for step in retainer.steps)
    return f"{harmless(retainer.path)} ({harmless(retainer.type)})" if retainer.type else harmless(retainer.path)


def types_text(finding: Finding, *, limit: int) -> str:
    """``+10 shop.cart.Order, +10 dict``; empty where no type is known."""
    types = finding.diagnosis.types
    return listed((f"{entry.count:+d} {harmless(entry.type)}" for entry in types), len(types), limit=limit)


def where(finding: Finding) -> str:
    """The phase, and the fixture where it is one: ``setup of fixture db``."""
    return f"{finding.phase} of fixture {harmless(finding.fixture)}" if finding.fixture else finding.phase


def standing(finding: Finding) -> str:
    """Why a finding is only listed, in one word: ``suppressed``, ``known``, ``low``, ``warned`` or ``third-party``."""
    if finding.verdict == "suppressed":
        return "suppressed"
    if finding.suppressed_by is not None:
        return "known"
    if finding.reason == ONLY_WARNS:
        return "warned"
    return "low" if finding.severity == "low" else "third-party"


def other_tests(finding: Finding) -> list[str]:
    """The witnesses besides the one that the finding is reported on, in order."""
    return [nodeid for nodeid in finding.witnesses if nodeid != finding.nodeid]


def rerun_nodeid(finding: Finding) -> str:
    """The test to run to see the finding again: of a fixture's finding the first test that uses it."""
    for nodeid in (finding.nodeid, *finding.witnesses):
        if not nodeid.startswith(_FIXTURE):
            return nodeid
    return finding.nodeid


def checkpoints_text(points: Sequence[Checkpoint]) -> str:
    """``loaded 45.1 MiB, parsed 60.0 MiB (+14.9 MiB)``: resident memory, and what came to it since the one before."""
    texts: list[str] = []
    last: int | None = None
    for point in points:
        size = "unknown" if point.rss_bytes is None else format_bytes(point.rss_bytes)
        moved = None if last is None or point.rss_bytes is None else point.rss_bytes - last
        last = point.rss_bytes
        texts.append(f"{harmless(point.name)} {size}" + (f" ({format_bytes(moved, signed=True)})" if moved else ""))
    return ", ".join(texts)


def repeat_command(nodeid: str) -> str:
    """The command that repeats the finding, ready to paste."""
    return f"pytest --memguard {shell_quoted(nodeid)}"


def _grown(series: RoundSeries) -> int:
    return sum(delta > 0 for delta in series.deltas)
