"""The finding about resources that a test or a fixture leaks: what they are, the line, the holder, the signature."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from pytest_memguard.bounds import bound_on_path
from pytest_memguard.diagnosis import Holding, sign
from pytest_memguard.judge import NoiseMeter, confidence
from pytest_memguard.model import AllocationSite, Diagnosis, Finding, Kind, Retainer, RoundSeries, TypeGrowth, Verdict
from pytest_memguard.resource_check.trace import Group, Leaked
from pytest_memguard.resources.threads import NATIVE
from pytest_memguard.subjects import Cycle, Subject
from pytest_memguard.values import dataclass

_SHOWN = 5
#: Plural, as the table of rounds has them.
_METRICS = {"fd": "fds", "process": "processes", "garbage": "garbage"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the rounds showed: how many of each kind every repetition left, and what was born in them."""

    deltas: dict[Kind, tuple[int, ...]]
    born: Sequence[int]


class FindingMaker:
    """Makes findings and keeps nothing; ``fixture_of`` as in ``Repetitions``."""

    def __init__(self, holding: Holding, *, fixture_of: Callable[[Any, str], str | None]) -> None:
        self._holding = holding
        self._fixture_of = fixture_of

    def make(self, subject: Subject, group: Group, evidence: Evidence, cycle: Cycle | None) -> Finding | Verdict:
        """The finding, or the verdict that says why it is none: what holds the resources has a bound."""
        retainer, holder = None, ""
        notes = [*_by_child(group), *_by_c_code(group)]
        heads = [each.head for each in group.members if each.head is not None]
        if heads:
            found = self._holding.path_to(heads, evidence.born)
            path = found.path
            notes.extend(found.notes)
            if path is not None:
                bound = bound_on_path(path.chain, path.holder)
                if bound is not None and (bound.proven or bound.room):
                    return Verdict(name="saturating" if bound.proven else "inconclusive", reason=bound.reason)
                retainer, holder = path.retainer, path.root.module
        diagnosis = self._diagnosis(group, retainer, holder, notes)
        return _finding(subject, group, evidence, diagnosis, self._place(subject, group.site, cycle))

    def _diagnosis(self, group: Group, retainer: Retainer | None, holder: str, notes: Sequence[str]) -> Diagnosis:
        site, first = group.site, group.members[0]
        return Diagnosis(
            types=tuple(
                TypeGrowth(type=name, count=count, bytes=0) for name, count in _types(group.members).most_common(_SHOWN)
            ),
            sites=() if site is None else (site,),
            retainers=() if retainer is None else (retainer,),
            component=_component(holder, site),
            # What is not closed is a matter of the line that opens it: one list may hold what many lines open.
            signature=sign(
                group.kind,
                type_name=first.stable,
                path=retainer.path if site is None and retainer is not None and holder else None,
                site=site,
            ),
            notes=(*notes, *_along(group.others)),
        )

    def _place(self, subject: Subject, site: AllocationSite | None, cycle: Cycle | None) -> tuple[str | None, Any]:
        """The fixture that makes it, and its users where it is one of a higher scope."""
        functions = () if site is None else (site.function.rpartition(".")[2],)
        if cycle is not None:
            use = cycle.blamed(functions)
            return use.name, use.users
        return (self._fixture_of(subject.item, functions[0]) if functions else None), ()


def _finding(
    subject: Subject, group: Group, evidence: Evidence, diagnosis: Diagnosis, place: tuple[str | None, Any]
) -> Finding:
    fixture, users = place
    witnesses = (f"fixture:{fixture}", *(user.nodeid for user in users)) if users else (subject.nodeid,)
    deltas = evidence.deltas[group.kind]
    # Resources are counted one by one: what there is no experience of may grow in every other round.
    sure = confidence(("blocks",), len(deltas), NoiseMeter(), explained=bool(diagnosis.sites or diagnosis.retainers))
    return Finding(
        nodeid=subject.nodeid,
        witnesses=witnesses,
        kind=group.kind,
        verdict="leak",
        gates=True,
        reason=None,
        severity="high",
        phase="call" if fixture is None else "setup",
        fixture=fixture,
        bytes_per_run=0,
        blocks_per_run=0,
        count_per_run=len(group.members),
        rounds=(RoundSeries(metric=_METRICS.get(group.kind, f"{group.kind}s"), deltas=deltas),),
        confidence=sure,
        diagnosis=diagnosis,
        resources=tuple(dict.fromkeys(each.name for each in group.members))[:_SHOWN],
    )


def _by_child(group: Group) -> list[str]:
    if not any(each.by_child for each in group.members):
        return []
    which = "started by the line shown" if group.site is not None else "one of several: which one is not known"
    return [f"a child process has made it, {which}"]


def _by_c_code(group: Group) -> list[str]:
    native = group.kind == "thread" and all(each.stable.startswith(NATIVE) for each in group.members)
    if not native:
        return []
    return ["C code has started it" + (": no line of Python is known to" if group.site is None else ", called there")]


def _types(members: Sequence[Leaked]) -> Counter[str]:
    return Counter(each.type_name for each in members if each.type_name)


def _along(others: Sequence[Leaked]) -> list[str]:
    """What comes with the resources that the finding is about."""
    counts = Counter(f"{each.kind} {each.name}" for each in others)
    return [f"along with it: {count} x {name}" for name, count in counts.most_common(_SHOWN)]


def _component(holder: str, site: AllocationSite | None) -> str | None:
    """The module that retains; where that is one of the standard library's, the one that made it."""
    if holder and holder.partition(".")[0] not in sys.stdlib_module_names:
        return holder
    return _module_of(site) or holder or None


def _module_of(site: AllocationSite | None) -> str:
    """``shop.cart`` of ``shop/cart.py``, ``click`` of ``click:testing.py``."""
    if site is None:
        return ""
    package, colon, _ = site.file.partition(":")
    return package if colon else site.file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
