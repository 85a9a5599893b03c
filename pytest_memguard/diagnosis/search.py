"""From what survives back to what retains it: a breadth-first search over ``gc.get_referrers``, in batches.

One call of ``gc.get_referrers`` walks the whole heap whatever it is asked for, so up to 32 objects are asked for at
once: a level costs one walk (25 ms for a million objects), where a search node by node pays one for each object.
"""

from __future__ import annotations

import gc
import types
from collections.abc import Callable, Iterable, Sequence
from dataclasses import field
from typing import Any

from pytest_memguard.diagnosis import anatomy, gcstate
from pytest_memguard.diagnosis.held import Held
from pytest_memguard.diagnosis.roots import Barred, Root, Roots
from pytest_memguard.diagnosis.survivors import Born
from pytest_memguard.values import dataclass

_BATCH = 32
_MOST_NODES = 4_000
_CROWD = 200
_BATCHES_AFTER_HIT = 2


class Node(Held):
    """An object on a possible path; ``child`` is the next one towards the survivor, ``cost`` the references to it.

    ``referred``: something refers to it that is not memguard's; ``ours``: something of memguard's does.
    """

    __slots__ = ("child", "cost", "ours", "referred")

    def __init__(self, obj: Any, child: Node | None, cost: int) -> None:
        super().__init__(obj)
        self.child = child
        self.cost = cost
        self.referred = False
        self.ours = False

    def chain(self) -> tuple[Node, ...]:
        """From here to the survivor."""
        found: list[Node] = []
        node: Node | None = self
        while node is not None:
            found.append(node)
            node = node.child
        return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Hit:
    """One path: a root, and the objects from the first one that it refers to down to the survivor.

    ``surplus``: references to the first object that no other object explains.
    """

    root: Root
    chain: tuple[Node, ...] = field(repr=False)
    cost: int
    surplus: int = 0


@dataclass(slots=True, kw_only=True, eq=False)
class Outcome:
    """``hits``: the paths of the least cost that were met. ``exhausted``: the heap has no other way to the survivors.

    ``barred``: modules of the test machinery that hold them. ``crowded``: too many survivors refer to each other.
    """

    hits: list[Hit] = field(default_factory=list)
    visited: list[Node] = field(default_factory=list, repr=False)
    barred: set[str] = field(default_factory=set)
    exhausted: bool = False
    crowded: bool = False


class Search:
    """One search; single use. ``late`` says when time is up."""

    def __init__(self, roots: Roots, born: Born, late: Callable[[], bool]) -> None:
        self._roots = roots
        self._born = born
        self._late = late
        self._seen: dict[int, Node] = {}
        self._now: list[Node] = []
        self._next: list[Node] = []
        self._outcome = Outcome()

    def run(self, heads: Iterable[Held]) -> Outcome:
        """Search from all heads at once; the one that is closest to a root wins."""
        for head in heads:
            self._add(Node(head.obj, None, 0), self._now)
        outcome = self._outcome
        with gcstate.paused():
            finished = self._levels()
        outcome.exhausted = finished and not outcome.hits
        outcome.visited = list(self._seen.values())
        least = min((hit.cost for hit in outcome.hits), default=0)
        outcome.hits = [hit for hit in outcome.hits if hit.cost == least]
        return outcome

    def _levels(self) -> bool:
        """Level by level; False where it had to be given up."""
        outcome = self._outcome
        while self._now and not outcome.hits:
            more = _BATCHES_AFTER_HIT
            while self._now and more:
                # The way out of the survivors leads through something old.
                self._now.sort(key=self._is_young)
                batch, self._now = self._now[:_BATCH], self._now[_BATCH:]
                self._scan(batch)
                more -= bool(outcome.hits)
                if not outcome.hits and self._hopeless():
                    return False
            self._now, self._next = self._next, []
        return True

    def _is_young(self, node: Node) -> bool:
        return self._born.surely(node.obj)

    def _hopeless(self) -> bool:
        crowd = sum(map(self._is_young, self._now)) + sum(map(self._is_young, self._next))
        self._outcome.crowded = crowd > _CROWD
        return self._outcome.crowded or len(self._seen) > _MOST_NODES or self._late()

    def _add(self, node: Node, pending: list[Node]) -> None:
        self._seen[id(node.obj)] = node
        pending.append(node)

    def _scan(self, batch: list[Node]) -> None:
        targets = tuple([node.obj for node in batch])
        by_id = {id(node.obj): node for node in batch}
        for referrer in gc.get_referrers(*targets):
            if referrer is not targets and id(referrer) not in self._seen:
                keys = list(filter(by_id.__contains__, map(id, anatomy.referents(referrer))))
                if keys:
                    self._meet(referrer, [by_id[key] for key in dict.fromkeys(keys)])

    def _meet(self, referrer: Any, children: Sequence[Node]) -> None:
        """One referrer of some of the batch: a root is one of each of them, anything else a step for the first."""
        child = children[0]
        verdict = self._roots.judge(referrer, child.obj)
        young = self._born.surely(referrer)
        if isinstance(verdict, Barred):
            if not verdict.module:
                child.ours = child.ours or not verdict.looking
                return
            if young:
                # An object of pytest's that survives is held by somebody as well, and hardly by pytest.
                verdict = None
            else:
                self._outcome.barred.add(verdict.module)
                child.referred = True
                return
        child.referred = True
        free = _is_part_of(child.obj, referrer)
        if verdict is not None and not (young and verdict.kind == "context"):
            for each in children:
                cost = each.cost + (not _is_part_of(each.obj, referrer))
                self._outcome.hits.append(Hit(root=verdict, chain=each.chain(), cost=cost))
        elif free or not young or self._born.surely(child.obj):
            # Nothing old is retained by something new; but a dictionary of attributes may be younger than its owner.
            node = Node(referrer, child, child.cost + (not free))
            self._add(node, self._now if free else self._next)


def _is_part_of(obj: Any, owner: Any) -> bool:
    """Whether ``obj`` is a piece of ``owner`` that some versions of CPython lay out in the owner itself.

    Such a step costs nothing, so that every version takes the same path for the shortest.
    """
    if type(obj) is dict:
        return issubclass(type(owner), type) or anatomy.instance_dict(owner) is obj
    return type(obj) is types.FrameType and (type(owner) is types.GeneratorType or type(owner) is types.CoroutineType)
