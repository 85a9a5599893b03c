"""Who keeps the survivors alive: the shortest path from something that lives as long as the process, in words."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field, replace
from typing import Any

from pytest_memguard.diagnosis import anatomy, boundary, drawing, outside
from pytest_memguard.diagnosis.edges import ELEMENT
from pytest_memguard.diagnosis.held import Held
from pytest_memguard.diagnosis.owners import Owners, file_of, is_test_module
from pytest_memguard.diagnosis.roots import Root, Roots
from pytest_memguard.diagnosis.search import Hit, Outcome, Search
from pytest_memguard.diagnosis.source import Sources
from pytest_memguard.diagnosis.survivors import Born
from pytest_memguard.model import Retainer
from pytest_memguard.values import dataclass

_NEAR = 3
_MOST_NEAR = 200
_OWNER_RANK = {"user": 0, "library": 2, "stdlib": 3, "pytest": 4}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Path:
    """One retainer path and the objects on it.

    ``holder`` is the container that grew, if it is one with a length; ``entry`` the type of its entries where these are
    not on the chain.
    """

    retainer: Retainer
    root: Root
    chain: tuple[Any, ...] = field(repr=False)
    holder: Any = field(default=None, repr=False)
    entry: str | None = None

    def with_entry(self, type_name: str | None) -> Path:
        """The path to a container continued to what it contains, by its type."""
        if type_name is None:
            return self
        retainer = replace(
            self.retainer,
            path=self.retainer.path + ELEMENT,
            type=type_name,
            steps=(*self.retainer.steps, f"{ELEMENT} {type_name}"),
        )
        return replace(self, retainer=retainer, entry=type_name)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Found:
    """The best path, or why there is none. ``machinery``: the part of pytest or a plugin that alone retains it."""

    path: Path | None = None
    notes: tuple[str, ...] = ()
    machinery: str | None = None


class Finder:
    """Looks for retainers within one diagnosis. ``late`` says when time is up."""

    def __init__(self, owners: Owners, sources: Sources, late: Callable[[], bool]) -> None:
        self._owners = owners
        self._sources = sources
        self._late = late

    def find(self, tiers: Sequence[Sequence[Held]], born: Born, *, exits_grew: bool = False) -> Found:
        """Search from each tier of heads in turn, the most telling first, until one of them leads to a root.

        ``exits_grew``: whether functions were registered with ``atexit`` in the rounds, which only C code can see.
        """
        found = Found()
        roots = Roots(self._owners)
        for number, heads in enumerate(tiers):
            outcome = Search(roots, born, self._late).run(heads)
            if not outcome.hits and outcome.crowded:
                outcome = self._from_boundary(roots, heads, born, outcome)
            hits = outcome.hits or outside.hits(outcome, self._owners, exits_grew=exits_grew)
            if hits:
                path = self._best(hits, born)
                return Found(path=path, notes=_notes(hits, born) + _weak_key_notes(path))
            if number == 0 or not found.notes:
                found = _nothing(outcome, late=self._late())
            if self._late():
                break
        return found

    def containers(self, grown: Mapping[int, int], heads: Sequence[Held]) -> Found:
        """The path to a container that grew; of several one of the user's own, and of these the one that grew most.

        ``grown``: bytes per run that each of them grew by, by address.
        """
        roots = Roots(self._owners)
        paths: list[Path] = []
        machinery: set[str] = set()
        # All at once for those that are closest to a root, then those that are left one by one.
        for batch in (heads, *([head] for head in heads)):
            if any(path.chain[-1] is head.obj for path in paths for head in batch):
                continue
            outcome = Search(roots, Born.none(), self._late).run(batch)
            hits = outcome.hits
            if not hits and not outcome.barred and len(batch) == 1:
                hits = outside.hits(outcome, self._owners, exits_grew=False)
            paths += [_path(hit, Born.none()) for hit in hits]
            machinery |= outcome.barred if not hits else set()
            if self._late() or any(self._is_the_users(path) for path in paths):
                break
        if not paths:
            return Found(machinery=min(machinery, default=None))
        return Found(path=min(paths, key=lambda path: self._rank(path, grown.get(id(path.chain[-1]), 0))))

    def _is_the_users(self, path: Path) -> bool:
        return bool(path.root.module) and self._owners.of(path.root.module) == "user"

    def _from_boundary(self, roots: Roots, heads: Iterable[Held], born: Born, first: Outcome) -> Outcome:
        entries = boundary.entries(born, self._late)
        if not entries:
            return first
        outcome = Search(roots, born, self._late).run(entries)
        wanted = {id(type(head.obj)) for head in heads}
        outcome.hits = [boundary.descend(hit, wanted, born) for hit in outcome.hits]
        outcome.barred |= first.barred
        return outcome

    def _best(self, hits: Sequence[Hit], born: Born) -> Path:
        paths = [_path(hit, born) for hit in hits]
        return paths[0] if len(paths) == 1 else min(paths, key=self._rank)

    def _rank(self, path: Path, size: int = 0) -> tuple[int, bool, int, int, str]:
        """The user's own code first; where a name is defined before where it is imported; the largest; the shortest."""
        root = path.root
        rank = _OWNER_RANK[self._owners.of(root.module)] if root.module else 2
        if rank == 0 and is_test_module(root.module):
            rank = 1
        return (rank, self._is_imported(path), -size, len(path.retainer.path), path.retainer.path)

    def _is_imported(self, path: Path) -> bool:
        if path.root.kind != "module":
            return False
        filename = file_of(path.root.module)
        if filename is None:
            return False
        name = path.retainer.root[len(path.root.module) + 1 :].partition(".")[0]
        return name in self._sources.imported(filename)


def _path(hit: Hit, born: Born) -> Path:
    objects = [node.obj for node in hit.chain]
    if hit.root.holder is not None:
        objects.insert(0, hit.root.holder)
    young = next((index for index in range(1, len(objects)) if born.has(objects[index])), None)
    retainer = drawing.draw(hit.root, objects, young)
    last_old = objects[-1] if young is None else objects[young - 1]
    holder = last_old if anatomy.length(last_old) is not None else None
    return Path(retainer=retainer, root=hit.root, chain=tuple(objects), holder=holder)


def _notes(hits: Sequence[Hit], born: Born) -> tuple[str, ...]:
    """Of what is held outside Python: who does, as far as the age of the first object and its references tell."""
    if any(hit.root.kind != "outside" for hit in hits):
        return ()
    top, surplus = hits[0].chain[0].obj, hits[0].surplus
    what = drawing.described(top)
    if not born.has(top):
        return (f"held outside Python: C code refers to {what}, which was there before and gets more entries",)
    count = "one reference" if surplus == 1 else f"{surplus} references"
    more = f"{what} has {count} more than the objects that refer to it explain"
    return (f"held outside Python: {more}, so C code keeps it or has not given a reference back",)


def _weak_key_notes(path: Path) -> tuple[str, ...]:
    """A mapping with weak keys whose values lead back to their keys never loses an entry."""
    for owner in path.chain:
        if not any(anatomy.type_name(cls) == "weakref.WeakKeyDictionary" for cls in anatomy.mro(type(owner))):
            continue
        entries = (anatomy.instance_dict(owner) or {}).get("data")
        for reference, value in list(dict.items(entries)) if type(entries) is dict else ():
            if any(value is each for each in path.chain) and _leads_to(value, weakref.ref.__call__(reference)):
                return ("an entry of the weak-keyed mapping never goes away: its value refers to its key",)
    return ()


def _leads_to(value: Any, wanted: Any) -> bool:
    """Whether ``value`` refers to it, at most through its attributes and one container."""
    level = [value]
    for _ in range(_NEAR):
        level = [each for obj in level for each in anatomy.referents(obj) if not issubclass(type(each), type)]
        if any(each is wanted for each in level):
            return True
        if len(level) > _MOST_NEAR:
            return False
    return False


def _nothing(outcome: Outcome, *, late: bool) -> Found:
    if outcome.barred and (outcome.exhausted or late):
        machinery = min(outcome.barred)
        return Found(machinery=machinery, notes=(f"no retainer shown: only the test machinery holds it ({machinery})",))
    if outcome.exhausted:
        return Found(notes=("no retainer found: nothing refers to it any more",))
    return Found(notes=("no retainer found within the time and size that a search may take",))
