"""Caches of the interpreter and the standard library: what is in them is read or computed again when it is needed."""

from __future__ import annotations

import linecache
import re
import sys
from collections.abc import Callable
from typing import Any

from pytest_memguard.cleanup.registry import Strategy
from pytest_memguard.cleanup.strategies.living import loaded

__all__ = ["strategies"]

_modules = sys.modules
_lines: dict[str, Any] = linecache.cache
_purge = re.purge
_FULL_ENTRY = 4
#: Looking at every module takes 70 us in a process that has a thousand of them, and few warn.
_LOOK_EVERY_S = 1.0


def strategies(*, clock: Callable[[], float], warnings_are_captured: bool) -> tuple[Strategy, ...]:
    """Gentle: source lines and stale warning registries. Moderate: caches of patterns, parsers and types."""
    lines, registries = SourceLines(), WarningRegistries(clock, allowed=warnings_are_captured)
    return (
        _strategy("source_lines", lines, "gentle", ready=lines.ready),
        _strategy("warning_registries", registries, "gentle", ready=registries.ready, during_tests=False),
        _strategy("pattern_caches", forget_patterns, "moderate"),
        _strategy("parser_caches", forget_parsed, "moderate"),
        _strategy("type_caches", forget_types, "moderate"),
    )


def _strategy(
    name: str,
    run: Callable[[], int],
    level: Any,
    *,
    ready: Callable[[], bool] | None = None,
    during_tests: bool = True,
) -> Strategy:
    return Strategy(
        name=name,
        run=run,
        level=level,
        category="interpreter",
        ready=ready,
        time_limit_s=None,
        during_tests=during_tests,
    )


class SourceLines:
    """Forget source lines that ``linecache`` has read from files, which it reads again.

    Lines that were put there without a file (doctests, generated code) would be lost, and stay.
    """

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = 0

    def ready(self) -> bool:
        """Whether lines were read since the last call."""
        return len(_lines) != self._left

    def __call__(self) -> int:
        """Gives the number of files."""
        from_files = [
            name
            for name, entry in list(_lines.items())
            if type(entry) is tuple and len(entry) == _FULL_ENTRY and entry[1] is not None
        ]
        for name in from_files:
            _lines.pop(name, None)
        self._left = len(_lines)
        return len(from_files)


class WarningRegistries:
    """Forget which warnings each module has shown already, where that has lost its meaning.

    Filters that change make every registry stale: it is emptied when its module warns again. pytest changes them around
    each test, so between two tests all are. Within a test, and without pytest's plugin for warnings (``allowed`` is
    false), they are in force and left alone.
    """

    __slots__ = ("_allowed", "_clock", "_due_s")

    def __init__(self, clock: Callable[[], float], *, allowed: bool) -> None:
        self._clock = clock
        self._allowed = allowed
        self._due_s = float("-inf")

    def ready(self) -> bool:
        """Once a second, where it is allowed."""
        return self._allowed and self._clock() >= self._due_s

    def __call__(self) -> int:
        """Gives the number of warnings forgotten."""
        self._due_s = self._clock() + _LOOK_EVERY_S
        forgotten = 0
        for module in list(_modules.values()):
            names = module.__dict__ if type(module) is _MODULE else None
            registry = None if names is None else names.get("__warningregistry__")
            if type(registry) is dict and registry:
                forgotten += len(registry) - ("version" in registry)
                registry.clear()
        return forgotten


_MODULE = type(sys)


def forget_patterns() -> int:
    """Empty the caches of ``re``, ``fnmatch`` and ``time.strptime``: patterns are compiled again.

    Pattern objects that somebody holds stay what they are.
    """
    dates = loaded("_strptime", "_regex_cache")
    entries = _length(loaded("re", "_cache")) + _emptied(loaded("fnmatch", "_compile_pattern")) + _length(dates)
    _purge()
    if type(dates) is dict:
        dates.clear()
    return entries


def forget_parsed() -> int:
    """Empty the caches of ``urllib.parse``, ``struct`` and ``filecmp``: text and formats are parsed again."""
    entries = sum(_length(loaded("urllib.parse", name)) for name in ("_parse_cache", "_safe_quoters"))
    entries += sum(_emptied(loaded("urllib.parse", name)) for name in ("urlsplit", "_byte_quoter_factory"))
    entries += _length(loaded("filecmp", "_cache"))
    for module, name in (("urllib.parse", "clear_cache"), ("filecmp", "clear_cache"), ("_struct", "_clearcache")):
        clear = loaded(module, name)
        if callable(clear):
            clear()
    return entries


def forget_types() -> int:
    """Empty the caches of ``typing``, of abstract classes and of attribute lookups.

    ``list[int]``-like types that are made afterwards are equal to those made before, not the same objects; a
    ``__subclasshook__`` is asked again.
    """
    entries = 0
    for clear in list(loaded("typing", "_cleanups") or ()):
        wrapper = getattr(clear, "__self__", None)
        entries += _emptied(wrapper) if wrapper is not None else 0
        clear()
    entries += sum(map(_reset_abstract, _abstract_classes()))
    # The older name warns where there is a newer one.
    clear_lookups = getattr(sys, "_clear_internal_caches", None) or getattr(sys, "_clear_type_cache", None)
    if clear_lookups is not None:
        clear_lookups()
    return entries


def _abstract_classes() -> list[Any]:
    found: list[Any] = []
    for name in loaded("collections.abc", "__all__") or ():
        cls = loaded("collections.abc", name)
        if isinstance(cls, type):
            found.append(cls)
            found.extend(type.__subclasses__(cls))
    return found


def _reset_abstract(cls: Any) -> int:
    dump, reset = loaded("_abc", "_get_dump"), loaded("_abc", "_reset_caches")
    try:
        _registry, positive, negative, _version = dump(cls)
        reset(cls)
    except TypeError:  # no abstract class, only derived from one that is no more
        return 0
    return len(positive) + len(negative)


def _emptied(wrapper: Any) -> int:
    """Entries of an ``lru_cache`` that has been emptied; 0 for anything else."""
    info, clear = getattr(wrapper, "cache_info", None), getattr(wrapper, "cache_clear", None)
    if info is None or clear is None:
        return 0
    entries = int(info().currsize)
    clear()
    return entries


def _length(cache: Any) -> int:
    return len(cache) if type(cache) is dict else 0
