"""One more repetition of a test that leaves resources behind: which they are, and which lines make them."""

from __future__ import annotations

import gc
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import field, replace
from typing import Any

from pytest_memguard.diagnosis import Held, Holding, Stack, addresses, stack_of, stacks_of_locks, tracing
from pytest_memguard.model import AllocationSite, Kind
from pytest_memguard.resources.files import untracked_files
from pytest_memguard.resources.inventory import Inventory
from pytest_memguard.resources.names import class_name
from pytest_memguard.resources.openings import WATCHED, Openings
from pytest_memguard.resources.resource import Key, Resource
from pytest_memguard.resources.rounds import most_telling
from pytest_memguard.values import dataclass

_FRAMES = 24
_Place = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Leaked:
    """One resource that the traced repetition left. ``head``: the object whose holder is worth knowing.

    ``by_child``: a child process has made it; the site is the line that started the child.
    """

    key: Key
    kind: Kind
    name: str
    stable: str
    is_helper: bool
    site: AllocationSite | None
    type_name: str = ""
    head: Held | None = field(default=None, repr=False)
    by_child: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Group:
    """What one line makes: the resources that a finding is about, and those that come along with them."""

    kind: Kind
    members: Sequence[Leaked]
    others: Sequence[Leaked] = ()

    @property
    def site(self) -> AllocationSite | None:
        """The line, where it was found."""
        return self.members[0].site

    @property
    def identity(self) -> tuple[Kind, _Place] | None:
        """What tells this leak in another test; None where no line is known."""
        return None if self.site is None else (self.kind, (self.site.file, self.site.line))


class Tracer:
    """``count_fds``: open descriptors, cheaply. ``born``: addresses of what the rounds have made, after a trace."""

    def __init__(self, inventory: Inventory, holding: Holding, *, count_fds: Callable[[], int | None]) -> None:
        self._inventory = inventory
        self._holding = holding
        self._count_fds = count_fds
        self.born: Sequence[int] = ()

    def trace(
        self, repeat: Callable[[], bool], settle: Callable[[], None], kinds: Collection[Kind]
    ) -> list[Leaked] | None:
        """Repeat once and explain what is new of these kinds, with the line that made it; None where that failed.

        Twice where something is opened for no Python object. The heap is frozen since before the first repetition that
        counts.
        """
        before = self._inventory.take(kinds)
        with tracing(_FRAMES):
            if not repeat():
                return None
            settle()
            self.born = addresses()
            seen = [(key, resource, _Made.of(resource)) for key, resource in self._new(before, kinds)]
        # Only now: reading sources takes twenty times as long while allocations are traced.
        leaked = [self._leaked(key, resource, made.stacks(self._holding)) for key, resource, made in seen]
        unknown = {each.kind for each in leaked if each.site is None} & WATCHED
        watched = self._watched(repeat, settle, unknown) if unknown else []
        if watched is None:
            return None
        for kind in unknown:
            leaked = _better(kind, leaked, watched)
        # Another process may have made a file that nobody here was seen to make.
        return [each for each in leaked if each.kind != "tempfile" or each.site is not None or each.by_child]

    def _watched(
        self, repeat: Callable[[], bool], settle: Callable[[], None], kinds: Collection[Kind]
    ) -> list[Leaked] | None:
        """What one more repetition opens, by the calls that do."""
        before = self._inventory.take(kinds)
        openings = Openings(self._count_fds, self._inventory.keys_of, kinds)
        with openings.watching():
            passed = repeat()
        settle()
        if not passed:
            return None
        return [
            replace(self._leaked(key, resource, openings.stacks_of(key)), by_child=openings.is_by_child(key))
            for key, resource in self._new(before, kinds)
        ]

    def _new(self, before: Collection[Key], kinds: Collection[Kind]) -> list[tuple[Key, Resource]]:
        new = self._inventory.take(kinds).difference(before)
        found = self._inventory.describe(new, gc.get_objects())
        if any(resource.kind == "fd" and resource.obj is None for resource in found.values()):
            found = self._inventory.describe(new, _with_untracked())
        return list(found.items())

    def _leaked(self, key: Key, resource: Resource, stacks: Sequence[Stack]) -> Leaked:
        return Leaked(
            key=key,
            kind=resource.kind,
            name=resource.name,
            stable=resource.stable,
            is_helper=resource.is_helper,
            site=self._holding.site_of(stacks),
            type_name="" if resource.obj is None else class_name(type(resource.obj)),
            head=None if resource.head is None else Held(resource.head),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """Where what stands for a resource was made, as tracemalloc has it."""

    owner: Stack | None
    own: Stack | None
    locks: Sequence[Stack]

    @classmethod
    def of(cls, resource: Resource) -> _Made:
        maker = resource.obj if resource.owner is None else resource.owner
        owner = None if resource.owner is None else stack_of(resource.owner)
        return cls(owner=owner, own=stack_of(resource.obj), locks=stacks_of_locks(maker))

    def stacks(self, holding: Holding) -> list[Stack]:
        """The surest first; locks only for an object that has no trace of its own."""
        sure = self.owner or self.own
        locks = [] if sure is not None else [holding.outside_constructors(stack) for stack in self.locks]
        return [stack for stack in (sure, *locks, self.own) if stack is not None]


def _better(kind: Kind, traced: Sequence[Leaked], watched: Sequence[Leaked]) -> list[Leaked]:
    """What is new of a kind as it was watched, if that explains more of it."""
    first, second = ([each for each in some if each.kind == kind] for some in (traced, watched))
    unknown = [sum(each.site is None and not each.by_child for each in some) for some in (first, second)]
    chosen = second if len(second) >= len(first) and unknown[1] < unknown[0] else first
    return [*(each for each in traced if each.kind != kind), *chosen]


def _with_untracked() -> list[Any]:
    """What is new, and what the collector does not know of what is held by anything; leaves the heap frozen."""
    objects = gc.get_objects()
    gc.unfreeze()
    try:
        return [*objects, *untracked_files(gc.get_objects())]
    finally:
        gc.freeze()


def grouped(leaked: Iterable[Leaked]) -> list[Group]:
    """One group a line, or a kind where no line is known; what only serves another goes with the first group."""
    by_line: dict[object, list[Leaked]] = {}
    for each in leaked:
        by_line.setdefault(each.kind if each.site is None else (each.site.file, each.site.line), []).append(each)
    main = [members for members in by_line.values() if not all(each.is_helper for each in members)]
    helpers = [members for members in by_line.values() if all(each.is_helper for each in members)]
    if main:
        main.sort(key=lambda members: members[0].site is None)
        main[0].extend(each for members in helpers for each in members)
        helpers = []
    return [_group(members) for members in (*main, *helpers)]


def _group(members: Sequence[Leaked]) -> Group:
    telling = [each for each in members if not each.is_helper] or members
    kind = most_telling([each.kind for each in telling])
    chosen = [each for each in telling if each.kind == kind]
    chosen.sort(key=lambda each: each.head is None)
    return Group(kind=kind, members=chosen, others=[each for each in members if each not in chosen])
