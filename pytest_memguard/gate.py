"""Which confirmed leaks fail the run, and the grouping of findings that have one cause. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace

from pytest_memguard.model import AllocationSite, Finding
from pytest_memguard.values import dataclass

#: The reason of a leak that would fail the run, if leaks did.
ONLY_WARNS = "leaks only warn (--memguard-fail-on)"

# Modules of the standard library whose caches are nobody's leak: what grows there belongs to the interpreter.
# Registries that users fill on purpose (logging, atexit, sys.modules, threading ..) are not among them.
_INTERPRETER = (
    "importlib",
    "_frozen_importlib",
    "_frozen_importlib_external",
    "zipimport",
    "linecache",
    "re",
    "sre_compile",
    "typing",
    "abc",
    "_abc",
    "tokenize",
    "encodings",
    "codecs",
    "sys.path_importer_cache",
)
_TESTS = ("tests", "test", "testing")
_RUNNER = ("pytest", "_pytest", "pluggy", "xdist", "execnet", "pytest_memguard")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What decides whether a leak fails the run. ``plugins``: top-level modules of the pytest plugins in use."""

    on_leak: bool
    packages: tuple[str, ...] = ()
    plugins: Collection[str] = ()

    def judge(self, finding: Finding, suppressed_by: str | None) -> Finding:
        """The finding with its ``gates``, ``reason`` and ``verdict`` settled."""
        if suppressed_by is not None:
            return replace(
                finding, verdict="suppressed", gates=False, reason=suppressed_by, suppressed_by=suppressed_by
            )
        if finding.verdict == "suppressed":
            return replace(finding, gates=False)
        reason = self._objection(finding)
        return replace(finding, gates=reason is None, reason=reason)

    def _objection(self, finding: Finding) -> str | None:
        owner = self._foreign_owner(finding)
        if owner is not None:
            return f"retained by {owner}, not by the code under test"
        if finding.severity == "low":
            return "fewer than 3 blocks a run, and nothing of the suite's was found to hold them"
        if self.packages and not in_packages(finding, self.packages):
            return f"third-party: outside confirm.packages ({', '.join(self.packages)})"
        if not self.on_leak:
            return ONLY_WARNS
        return None

    def _foreign_owner(self, finding: Finding) -> str | None:
        roots = [retainer.root for retainer in finding.diagnosis.retainers]
        names = roots or ([finding.diagnosis.component] if finding.diagnosis.component else [])
        if not names:
            return None
        for owner, modules in (
            ("pytest", _RUNNER),
            ("a pytest plugin", tuple(self.plugins)),
            ("the interpreter", _INTERPRETER),
        ):
            if all(_belongs(name, modules) for name in names):
                return f"{owner} ({names[0]})"
        return None


def in_packages(finding: Finding, packages: Collection[str]) -> bool:
    """Whether one of these packages makes what stays, or keeps it, or it is of one of their types."""
    diagnosis = finding.diagnosis
    names = [t.type for t in diagnosis.types[:3]]
    for retainer in diagnosis.retainers:
        names += [retainer.type, retainer.root]
    for site in diagnosis.sites:
        names += _modules_of(site.file)
    if diagnosis.component:
        names.append(diagnosis.component)
    return any(_belongs(name, packages) for name in names)


def group(findings: Iterable[Finding]) -> list[Finding]:
    """One finding a cause, with the witnesses of all: the first that is not accepted, or else the first.

    What two fixtures and a test add to one list, or two lines, has one signature and is to be seen at several places.
    """
    by_cause: dict[tuple[object, ...], list[Finding]] = {}
    for finding in findings:
        signature = finding.diagnosis.signature
        key = (signature or (finding.nodeid, finding.kind), finding.phase, finding.fixture)
        alike = by_cause.setdefault(key, [])
        place = next((place for place, known in enumerate(alike) if _same_line(known, finding)), None)
        if place is None:
            alike.append(finding)
            continue
        known = alike[place]
        witnesses = tuple(dict.fromkeys((*known.witnesses, *finding.witnesses)))
        # What the marker of one test accepts is not accepted in another.
        first = finding if known.verdict == "suppressed" else known
        # It may be known of one of them only.
        kept = first.diagnosis.retained_at or known.diagnosis.retained_at or finding.diagnosis.retained_at
        alike[place] = replace(
            first,
            witnesses=witnesses,
            confidence=max(known.confidence, finding.confidence),
            diagnosis=replace(first.diagnosis, retained_at=kept),
        )
    return [finding for alike in by_cause.values() for finding in alike]


def _same_line(one: Finding, other: Finding) -> bool:
    """Whether the same line puts it there, as far as that is known; of neither: it may be.

    Lines of the tests themselves are left out: each test has its own, whatever they have in common. On a busy machine
    a diagnosis may end before it has found that line: then the lines that allocate have to do.
    """
    kept = [_lines(finding, finding.diagnosis.retained_at) for finding in (one, other)]
    if all(kept) or not any(kept):
        return kept[0] == kept[1]
    if not all(finding.diagnosis.retained_at or finding.diagnosis.sites for finding in (one, other)):
        return True
    made = [_lines(finding, finding.diagnosis.sites) for finding in (one, other)]
    if all(finding.diagnosis.retained_at for finding in (one, other)):
        return not any(made) or not kept[0].isdisjoint(made[1]) or not kept[1].isdisjoint(made[0])
    return not any(made) or not (kept[0] | made[0]).isdisjoint(kept[1] | made[1])


def _lines(finding: Finding, sites: Iterable[AllocationSite]) -> set[tuple[str, int]]:
    own = finding.nodeid.partition("::")[0]
    return {(site.file, site.line) for site in sites if site.file != own}


def judged(findings: Iterable[Finding], gate: Gate, suppress: Callable[[Finding], str | None]) -> Sequence[Finding]:
    """Group the findings and settle each."""
    return [gate.judge(finding, suppress(finding)) for finding in group(findings)]


def _belongs(name: str, packages: Collection[str]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def _modules_of(file: str) -> list[str]:
    """``shop.cart`` of ``src/shop/cart.py``, ``services/api/shop/cart.py`` and ``shop:cart.py``.

    A path does not tell where the package begins, so each place where it may is given; never below ``tests``, where
    folders are named after what they test.
    """
    parts = [part for part in file.replace(":", "/").removesuffix(".py").removesuffix("/__init__").split("/") if part]
    within = next((index for index, part in enumerate(parts) if part in _TESTS), len(parts))
    starts = [index for index in range(len(parts)) if index == 0 or (index < within and index < len(parts) - 1)]
    return [".".join(parts[start:]) for start in starts]
