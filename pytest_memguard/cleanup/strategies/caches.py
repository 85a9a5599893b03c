"""``functools.lru_cache`` and ``cache`` wrappers of the packages under test."""

from __future__ import annotations

import functools
import gc
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from pytest_memguard import peek
from pytest_memguard.cleanup.registry import Strategy
from pytest_memguard.cleanup.strategies.living import Sought

__all__ = ["strategies"]

_referents = gc.get_referents
_info: Callable[[Any], Any] = peek.LRU.__dict__["cache_info"]
_clear: Callable[[Any], None] = peek.LRU.__dict__["cache_clear"]
_PLAIN = frozenset({bool, int, float, complex, str, bytes, type(None)})
_DEEPEST = 4
_FEWEST_KEYS = 2
_CACHES = Sought(("functools", "_lru_cache_wrapper"), level="moderate")


def strategies(packages: Sequence[str]) -> tuple[Strategy, ...]:
    """Moderate: caches of *packages* that nobody can miss. Aggressive: all of them. Without packages: none."""
    return (
        Strategy(
            name="package_caches",
            run=partial(forget_results, tuple(packages), everything=False),
            level="moderate",
            category="caches",
            during_tests=True,
        ),
        Strategy(
            name="all_package_caches",
            run=partial(forget_results, tuple(packages), everything=True),
            level="aggressive",
            category="caches",
        ),
    )


def forget_results(packages: tuple[str, ...], *, everything: bool) -> int:
    """Empty caches of functions in *packages*; gives the results forgotten.

    A cache may be more than that: the only holder of a singleton (``get_settings()``), or what makes two calls give the
    same object. So without *everything* only those are emptied that have dropped results before, and those that hold
    nothing but plain values (numbers, text, tuples of such): a call then gives an equal value, computed again.
    """
    forgotten = 0
    for wrapper in _wrappers(packages):
        info = _info(wrapper)
        if info.currsize and (everything or _drops(info) or all(map(_is_plain, _results(wrapper)))):
            forgotten += info.currsize
            _clear(wrapper)
    return forgotten


def _wrappers(packages: tuple[str, ...]) -> Iterator[Any]:
    if not packages:
        return
    inside = tuple(f"{package}." for package in packages)
    for wrapper in _CACHES.instances():
        module = peek.namespace(wrapper).get("__module__")
        if type(module) is str and (module in packages or module.startswith(inside)):
            yield wrapper


def _drops(info: Any) -> bool:
    """Whether it is full and has had more misses than it has room for: results come and go."""
    return info.maxsize is not None and _FEWEST_KEYS <= info.maxsize == info.currsize < info.misses


def _results(wrapper: Any) -> Iterable[object]:
    """What it has cached; anything about it that is not understood counts as a result.

    Without a bound the table maps keys to results, with one to links that refer to both; the wrapper tells the
    collector of these directly.
    """
    names = peek.namespace(wrapper)
    own = {*_COMMON, id(names), id(names.get("__wrapped__"))}
    held = [value for value in _referents(wrapper) if id(value) not in own]
    tables = [value for value in held if type(value) is dict and all(type(link) is _LINK for link in value.values())]
    if len(tables) == 1 and tables[0]:
        keys = {id(tables[0]), *map(id, tables[0])}
        return [value for value in held if id(value) not in keys]
    if len(held) == 1 and type(held[0]) is dict:
        return held[0].values()
    return held


def _is_plain(value: object, depth: int = 0) -> bool:
    if type(value) in _PLAIN:
        return True
    if type(value) not in (tuple, frozenset) or depth >= _DEEPEST:
        return False
    return all(_is_plain(part, depth + 1) for part in value)  # type: ignore[attr-defined]


def _anatomy() -> tuple[frozenset[int], type]:
    """What every wrapper refers to (by id; it lives as long as ``functools``), and the type of a link."""
    wrapper = functools.lru_cache(maxsize=2)(len)
    wrapper("")
    names = peek.namespace(wrapper)
    held = [value for value in _referents(wrapper) if value is not names]
    table = next(value for value in held if type(value) is dict)
    link = type(next(iter(table.values())))
    common = {id(value) for value in held if isinstance(value, type) or type(value) is object}
    return frozenset(common), link


_COMMON, _LINK = _anatomy()
