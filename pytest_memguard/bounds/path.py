"""Whether what grows on a retainer path is held by something that will stop growing by itself."""

from __future__ import annotations

import types
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from os.path import basename
from typing import Any

from pytest_memguard import peek
from pytest_memguard.bounds import known
from pytest_memguard.bounds.guard import LEAST, NEVER, find_guard
from pytest_memguard.bounds.lru import name_of
from pytest_memguard.bounds.place import Place, is_namespace, places
from pytest_memguard.bounds.source import functions, read_source
from pytest_memguard.values import dataclass

#: Names that speak of a bound, without the leading underscores and the mangled class.
# fmt: off
_BOUND_NAMES = frozenset(
    {
        "backlog", "bound", "buffer_size", "cache_limit", "cache_size", "cachesize", "capacity", "high_water",
        "high_watermark", "history_size", "hwm", "item_limit", "limit", "max_buffer", "max_buffer_size", "max_cache",
        "max_cached", "max_connections", "max_count", "max_elements", "max_entries", "max_history", "max_items",
        "max_keys", "max_len", "max_length", "max_pool", "max_pool_size", "max_size", "max_size_limit", "max_workers",
        "maxcount", "maxentries", "maximum", "maxitems", "maxlen", "maxlength", "maxsize", "pool_size", "queue_size",
        "size_limit", "upper_bound",
    }
)
# fmt: on


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """Why a container will stop growing. ``limit``: in entries, None where another measure bounds it; ``length``: now.

    ``proven`` is False where only a name speaks of the bound (an extension type whose code cannot be read): a reason to
    repeat for ``room`` more entries, not a verdict.
    """

    reason: str
    limit: int | None
    length: int | None
    proven: bool = True

    @property
    def room(self) -> int | None:
        """Entries until it is full: as many more repetitions settle it by experiment, at one entry each."""
        return None if self.limit is None or self.length is None else max(0, self.limit - self.length)


def bound_on_path(
    chain: Sequence[object],
    growing: object | None = None,
    *,
    rounds: int = 6,
    read: Callable[[str], str | None] = read_source,
) -> Bound | None:
    """The bound of the container that grows on a retainer path, or None where nothing bounds it.

    ``chain``: the objects from the root (module, class, function ..) down to the retained one. ``growing``: the
    container that is known to have grown (by a census of lengths); give it whenever it is known. Without it a bound is
    claimed only if nothing else on the path could be what grows: a container that took an entry in each of ``rounds``
    rounds has at least that many, and every such container on the path must be bounded. A ``deque(maxlen=10)`` of
    sessions, each with an endless list, bounds nothing.

    Weak containers are never a bound: they hold nothing, so where one grows, somebody else holds what is in it; and the
    values of a ``WeakKeyDictionary`` may hold their own keys, for ever.

    Reads the living objects without running their code, and the source of their owners (a few ms to 100 ms; ``read``
    gives the text of a file). The searches for referrers do not see frozen objects: call it unfrozen.
    """
    if growing is not None:
        at = next((i for i, link in enumerate(chain) if link is growing), None)
        return _bound([*chain, growing], len(chain), read) if at is None else _bound(chain, at, read)
    found = None
    for index in range(len(chain) - 1):
        size = peek.length(chain[index])
        if size is None or size < rounds or is_namespace(chain, index):
            continue
        found = _bound(chain, index, read)
        if found is None:
            return None
    return found


def _bound(chain: Sequence[object], index: int, read: Callable[[str], str | None]) -> Bound | None:
    container: Any = chain[index]
    length = peek.length(container)
    if length is None:
        return None
    if index and peek.is_lru(chain[index - 1]):  # the dict inside the wrapper
        container = chain[index - 1]
    own = _by_kind(container)
    if own is not None:
        return own if own.limit else None
    retained = chain[-1] if index < len(chain) - 1 else None
    spots = places(chain, index)
    for spot in spots:
        fact = _by_fact(spot, container, length, retained)
        if fact is not None:
            return fact if fact.limit != 0 else None
    return _by_code(spots, container, length, read) or _by_name(spots, container, length, read)


def _by_kind(container: Any) -> Bound | None:
    """What a builtin says of itself; a limit of 0 stands for: of a kind that may be bounded, and is not."""
    if peek.is_lru(container):
        size, maxsize = peek.lru_info(container)
        reason = f"lru_cache of {name_of(container)} ({size} of {maxsize} entries)"
        return Bound(reason=reason, limit=_within(size, maxsize), length=size)
    if peek.is_a(container, deque):
        maxlen = deque.__dict__["maxlen"].__get__(container)
        if maxlen is not None:
            size = deque.__len__(container)
            return Bound(reason=f"deque(maxlen={maxlen}) with {size}", limit=_within(size, maxlen), length=size)
    return None


def _by_fact(spot: Place, container: Any, length: int, retained: Any) -> Bound | None:
    fact = known.find(spot.owner, spot.name)
    if fact is None or (spot.how == "self") or (spot.element and not fact.owner.endswith(":")):
        return None
    limit = known.limit_of(fact, spot.owner, container, retained)
    if limit is not None:
        limit = _within(length, limit)
    return Bound(reason=fact.why, limit=limit, length=length)


def _by_code(spots: Sequence[Place], container: Any, length: int, read: Callable[[str], str | None]) -> Bound | None:
    mapping = peek.is_a(container, dict)
    for spot in spots:
        guard = find_guard(functions(spot, container, read), size=length, mapping=mapping)
        if guard is not None:
            where = f"{basename(guard.file)}:{guard.line}"
            what = {"trim": "trims it", "admit": "adds only below that", "refuse": "accepts no more"}[guard.way]
            bound = f"{length} of {guard.limit} entries" if guard.limit else "by the sum of its sizes"
            reason = f"bounded in the code: {guard.function} ({where}) {what}, {bound}"
            return Bound(reason=reason, limit=guard.limit, length=length)
    return None


def _by_name(spots: Sequence[Place], container: Any, length: int, read: Callable[[str], str | None]) -> Bound | None:
    """An integer attribute of an owner without readable code that is named like a bound: a hint, not a proof."""
    for spot in spots:
        if spot.element or spot.how not in ("attribute", "self") or peek.is_a(spot.owner, type):
            continue
        speaking = [(n, v) for n, v in _numbers(spot.owner) if _speaks_of_a_bound(n) and LEAST <= v < NEVER]
        name, value = next(((n, v) for n, v in speaking if length <= v), ("", 0))
        if value and not functions(spot, container, read):  # else its code was read, and it keeps no bound
            reason = f"{type(spot.owner).__name__}.{name} = {value} looks like its bound"
            return Bound(reason=reason, limit=value, length=length, proven=False)
    return None


def _numbers(owner: Any) -> Iterator[tuple[str, int]]:
    """Integer attributes: of the instance, of its slots, of its class."""
    names = set(peek.namespace(owner))
    for base in peek.bases(type(owner)):
        if base is not object:
            names.update(n for n, v in peek.namespace(base).items() if type(v) in (int, types.MemberDescriptorType))
    for name in sorted(n for n in names if type(n) is str):
        value = peek.attribute(owner, name)
        if type(value) is int:
            yield name, value


def _speaks_of_a_bound(name: str) -> bool:
    bare = name.lower().lstrip("_")
    return bare in _BOUND_NAMES or bare.rpartition("__")[2] in _BOUND_NAMES


def _within(length: int, limit: int | None) -> int:
    """``limit`` where it is one and has not been passed, else 0."""
    return limit if limit is not None and length <= limit and 1 <= limit < NEVER else 0
