"""What is known of containers of the standard library and of popular packages that bound or prune themselves.

Only what cannot be read from the source of the owner (see ``guard``): containers that C code prunes, that are handed to
another method for trimming, or whose bound applies to a companion. Facts are data; a new one is one more entry.
"""

from __future__ import annotations

import gc
import sys
import types
import weakref
from collections.abc import Callable, Collection, Mapping
from typing import Any

from pytest_memguard import peek
from pytest_memguard.values import dataclass

DIRECT = "<direct>"  #: held by the C structure of the owner, under no name
ANY = "*"  #: whatever attribute of the owner it is


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One fact: the containers ``holds`` of ``owner`` (``module:qualname``, or ``module:``) stay within ``limit``.

    ``limit`` is a number of entries, the name of the owner's attribute that has it, or a function of
    ``(owner, container, retained)`` that gives it: None means bounded by something else than a number of entries,
    0 means that this one is not bounded.
    """

    owner: str
    holds: tuple[str, ...]
    limit: int | str | Callable[[Any, Any, Any], int | None] | None
    why: str


def _live_timers(_loop: Any, scheduled: Any, retained: Any) -> int | None:
    """Cancelled handles go when there are more than 100 handles and more than half of them are cancelled."""
    live = sum(1 for handle in scheduled if peek.attribute(handle, "_cancelled") is not True)
    if peek.attribute(retained, "_cancelled") is not True and live * 2 > len(scheduled):
        return 0
    return max(100, 2 * live + 1)


def _weak_list(_owner: Any, container: Any, _retained: Any) -> int | None:
    """The connection's lists of weak references: pruned at the 201st cursor (statement on 3.10) since the last time."""
    living = sum(1 for ref in container if type(ref) is weakref.ref and ref() is not None)
    return 201 + living


def _with_target(handler: Any, _container: Any, _retained: Any) -> int | None:
    """``MemoryHandler.flush`` empties the buffer only when there is a target to flush to."""
    capacity = peek.attribute(handler, "capacity")
    return capacity if peek.attribute(handler, "target") is not None and type(capacity) is int else 0


def _locmem(_module: Any, container: Any, _retained: Any) -> int | None:
    """Every backend of the same name shares one dict; the smallest ``MAX_ENTRIES`` of those who use it holds."""
    limits = []
    for holder in gc.get_referrers(container):
        found = holder if type(holder) is dict else peek.namespace(holder)
        limit = found.get("_max_entries") if found.get("_cache") is not None else None
        if type(limit) is int:
            limits.append(limit)
    return min(limits, default=300)  # django.core.cache.backends.base: the default of MAX_ENTRIES


_FULL = "a queue with maxsize accepts no more"

# fmt: off
KNOWN: tuple[Known, ...] = (
    # Modules/_sqlite/connection.c: cursors and (3.10) statements are lists of weak references, swept every 200.
    Known(owner="sqlite3:Connection", holds=(DIRECT,), limit=_weak_list,
          why="a live sqlite3 connection prunes dead cursors every 200"),
    # Modules/_sqlite/cache.c (3.10 only; later versions use an lru_cache): cached_statements, 128 by default.
    Known(owner="sqlite3:Cache", holds=(DIRECT,), limit=128, why="the statement cache of a sqlite3 connection"),
    # Modules/_struct.c: MAXCACHE 100, emptied when it is full.
    Known(owner="_struct:", holds=(DIRECT,), limit=100, why="the format cache of struct is emptied at 100"),
    # Lib/asyncio/base_events.py: _MIN_SCHEDULED_TIMER_HANDLES, _MIN_CANCELLED_TIMER_HANDLES_FRACTION.
    Known(owner="asyncio.base_events:BaseEventLoop", holds=("_scheduled",), limit=_live_timers,
          why="an event loop prunes cancelled timers when they are more than 100 and more than half"),
    # Lib/logging/__init__.py, Logger.isEnabledFor: one entry a level, dropped by any setLevel.
    Known(owner="logging:Logger", holds=("_cache",), limit=None, why="a logger caches one entry a level"),
    # Lib/logging/handlers.py: shouldFlush at capacity, flush clears ... but MemoryHandler only with a target.
    Known(owner="logging.handlers:MemoryHandler", holds=("buffer",), limit=_with_target,
          why="a MemoryHandler flushes to its target at its capacity"),
    # Lib/queue.py, Lib/asyncio/queues.py: put waits or raises Full at maxsize; a maxsize of 0 is no bound.
    Known(owner="queue:Queue", holds=("queue",), limit="maxsize", why=_FULL),
    Known(owner="asyncio.queues:Queue", holds=("_queue",), limit="_maxsize", why=_FULL),
    # Lib/multiprocessing/queues.py: a semaphore of maxsize; the buffer waits for the feeder thread.
    Known(owner="multiprocessing.queues:Queue", holds=("_buffer",), limit="_maxsize",
          why="a multiprocessing queue with maxsize accepts no more"),
    # janus/__init__.py, tornado/queues.py, gevent/queue.py, sqlalchemy/util/queue.py: the same rule by other names.
    Known(owner="janus:Queue", holds=("_queue",), limit="_maxsize", why=_FULL),
    Known(owner="tornado.queues:Queue", holds=("_queue",), limit="_maxsize", why=_FULL),
    Known(owner="gevent.queue:Queue", holds=("queue",), limit="maxsize", why=_FULL),
    Known(owner="sqlalchemy.util.queue:Queue", holds=("queue",), limit="maxsize",
          why=_FULL),
    # cachetools/__init__.py: __setitem__ evicts while currsize + size > maxsize; subclasses keep orders beside it.
    Known(owner="cachetools:Cache", holds=(ANY,), limit="_Cache__maxsize", why="a cachetools cache evicts at maxsize"),
    # jinja2/utils.py, LRUCache: _queue is filled and emptied through bound methods kept as attributes.
    Known(owner="jinja2.utils:LRUCache", holds=("_mapping", "_queue"), limit="capacity",
          why="a jinja2 LRUCache evicts at its capacity"),
    # django/core/cache/backends/locmem.py: _cull at MAX_ENTRIES, 300 by default; updates of a key look like additions.
    Known(owner="django.core.cache.backends.locmem:", holds=("_caches", "_expire_info"), limit=_locmem,
          why="Django's local-memory cache culls at MAX_ENTRIES"),
    # regex/_main.py (regex/regex.py before 2024): hands its cache to _shrink_cache of the core module at _MAXCACHE.
    Known(owner="regex._main:", holds=("_cache",), limit="_MAXCACHE", why="regex shrinks its cache of patterns"),
    Known(owner="regex.regex:", holds=("_cache",), limit="_MAXCACHE", why="regex shrinks its cache of patterns"),
    # parso/cache.py: _CACHED_SIZE_TRIGGER counts the entries of all grammars.
    Known(owner="parso.cache:", holds=("parser_cache",), limit="_CACHED_SIZE_TRIGGER",
          why="parso drops its old parsed files at 600"),
)
# fmt: on


#: Caches inside extension modules that no Python object holds, so no path leads to them: (module, entries, what).
#: They take one str block a fresh key and then stop. Each was measured by feeding 40,000 fresh strings.
HIDDEN: Mapping[str, tuple[int, str]] = types.MappingProxyType(
    {
        "orjson": (2048, "keys of JSON objects, up to 64 bytes each"),
        "msgspec._core": (512, "keys of JSON and MessagePack objects, up to 32 bytes each"),
        "pydantic_core._pydantic_core": (16384, "strings of parsed JSON below 64 bytes (cache_strings)"),
    }
)


def hidden_caches(loaded: Collection[str] | None = None) -> list[str]:
    """One sentence for each extension module among ``loaded`` (default: ``sys.modules``) that caches out of sight.

    Growth of untracked ``str`` objects without a retainer, of at most a block for each fresh key, may be theirs.
    """
    names = sys.modules if loaded is None else loaded
    return [f"{name} keeps up to {entries:,} {what}" for name, (entries, what) in HIDDEN.items() if name in names]


def find(owner: Any, name: str) -> Known | None:
    """The fact about the container that ``owner`` holds under ``name`` (or ``DIRECT``); None: nothing is known."""
    keys = _keys(owner)
    for fact in KNOWN:
        if fact.owner in keys and (name in fact.holds or ANY in fact.holds):
            return fact
    return None


def limit_of(fact: Known, owner: Any, container: Any, retained: Any) -> int | None:
    """The fact's limit for this container; 0: it does not hold for it, None: it is not a number of entries."""
    if callable(fact.limit):
        return fact.limit(owner, container, retained)
    if not isinstance(fact.limit, str):
        return fact.limit
    value = peek.attribute(owner, fact.limit)
    return int(value) if type(value) in (int, float) and 0 < value < float("inf") else 0


def _keys(owner: Any) -> list[str]:
    if peek.is_a(owner, types.ModuleType):
        return [f"{peek.namespace(owner).get('__name__')}:"]
    return [f"{peek.module_of(cls)}:{peek.qualname_of(cls)}" for cls in peek.bases(type(owner))]
