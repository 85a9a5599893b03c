"""Databases: compiled statements, pools, connections that are past their time, logs of queries, pages of SQLite."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import monotonic as _monotonic
from typing import Any

from pytest_memguard.cleanup.registry import Outcome, Strategy
from pytest_memguard.cleanup.strategies.living import Sought, each, loaded

__all__ = ["strategies"]

_SQLALCHEMY, _DJANGO, _DJANGO_CACHE = "sqlalchemy.engine.base", "django.db", "django.core.cache.backends.locmem"
_SQLITE = "sqlite3"
_ENGINES = Sought((_SQLALCHEMY, "Engine"), level="moderate")
_CONNECTIONS = Sought((_SQLITE, "Connection"), level="aggressive")
_EXPIRY_EVERY_S = 1.0


def strategies(*, clock: Callable[[], float]) -> tuple[Strategy, ...]:
    """Gentle: expired entries. Moderate: compiled statements. Aggressive: pools, connections, query logs, pages."""
    expired = ExpiredDjangoEntries(clock)
    return (
        _strategy(
            "django_expired_entries", expired, "gentle", needs=_DJANGO_CACHE, ready=expired.ready, during_tests=True
        ),
        _strategy("sqlalchemy_compiled", forget_compiled_statements, "moderate", needs=_SQLALCHEMY, during_tests=True),
        _strategy("sqlalchemy_pools", dispose_pools, "aggressive", needs=_SQLALCHEMY),
        _strategy("django_connections", close_old_django_connections, "aggressive", needs=_DJANGO),
        _strategy("django_query_logs", forget_django_queries, "aggressive", needs=_DJANGO),
        _strategy("sqlite_pages", shrink_sqlite, "aggressive", needs=_SQLITE),
    )


def _strategy(
    name: str,
    run: Callable[[], object],
    level: Any,
    *,
    needs: str,
    ready: Callable[[], bool] | None = None,
    during_tests: bool = False,
) -> Strategy:
    return Strategy(
        name=name,
        run=run,
        level=level,
        category="databases",
        needs=needs,
        ready=ready,
        during_tests=during_tests,
    )


class ExpiredDjangoEntries:
    """Remove entries of Django's caches in memory that have expired: nobody can get them any more.

    Ready once a second, because it looks at every entry.
    """

    __slots__ = ("_clock", "_due_s")

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._due_s = float("-inf")

    def ready(self) -> bool:
        """Once a second."""
        return self._clock() >= self._due_s

    def __call__(self) -> int:
        """Gives the number of entries."""
        self._due_s = self._clock() + _EXPIRY_EVERY_S
        caches, expiry, locks = (loaded(_DJANGO_CACHE, name) for name in ("_caches", "_expire_info", "_locks"))
        now = loaded(_DJANGO_CACHE, "time").time()  # the time that they were stored by, frozen or not
        removed = 0
        for name, entries in list(caches.items()):
            if locks[name].acquire(blocking=False):
                try:
                    due = [key for key, until in expiry[name].items() if until is not None and until <= now]
                    for key in due:
                        entries.pop(key, None)
                        expiry[name].pop(key, None)
                    removed += len(due)
                finally:
                    locks[name].release()
        return removed


def forget_compiled_statements() -> Outcome:
    """Empty the caches of compiled statements of SQLAlchemy's engines: statements are compiled again."""
    return each(_engines(), _forget_compiled)


def _forget_compiled(engine: Any) -> int:
    forgotten = len(engine._compiled_cache or ())
    engine.clear_compiled_cache()
    return forgotten


def dispose_pools() -> Outcome:
    """Close the idle connections of SQLAlchemy's engines; gives their number. Engines connect again.

    Connections that are in use stay open. Left alone are databases that live in a connection (SQLite in memory), and
    pools of asynchronous engines, which can only be closed in their loop.
    """
    return each(_engines(), _dispose)


def _dispose(engine: Any) -> int:
    count = getattr(engine.pool, "checkedin", None)
    if count is None or getattr(engine.pool, "_is_asyncio", False) or _is_in_memory(engine):
        return 0
    idle: int = count()
    if idle > 0:
        engine.dispose()
    return max(idle, 0)


def _engines() -> Iterator[Any]:
    for engine in _ENGINES.instances():
        if not hasattr(engine, "_proxied"):  # one with other options shares the pool and the cache of its original
            yield engine


def _is_in_memory(engine: Any) -> bool:
    if engine.dialect.name != "sqlite":
        return False
    database = engine.url.database or ""
    return not database or ":memory:" in database or "mode=memory" in str(engine.url)


def close_old_django_connections() -> Outcome:
    """Close Django's connections that are past their ``CONN_MAX_AGE``, as Django does before and after a request.

    Gives their number. One that is inside of ``atomic`` is left alone, and so is one of another thread.
    """
    return each(_django_connections(), _close_if_old)


def _close_if_old(connection: Any) -> int:
    due = connection.close_at
    if connection.in_atomic_block or due is None or _monotonic() < due:
        return 0
    connection.close()
    return int(connection.connection is None)


def forget_django_queries() -> Outcome:
    """Empty the logs of queries that Django keeps while it debugs; gives the number of queries."""
    return each(_django_connections(), _forget_queries)


def _forget_queries(connection: Any) -> int:
    forgotten = len(connection.queries_log)
    connection.queries_log.clear()
    return forgotten


def _django_connections() -> Iterator[Any]:
    """The connections of this thread that are open."""
    if not getattr(loaded("django.conf", "settings"), "configured", False):
        return
    handler = loaded(_DJANGO, "connections")
    for alias in list(handler):
        connection = getattr(handler._connections, alias, None)
        if connection is not None and connection.connection is not None:
            yield connection


def shrink_sqlite() -> Outcome:
    """Let SQLite free the pages that it keeps (``PRAGMA shrink_memory``), for each connection of this thread.

    Their number is the note. A trace callback sees the statement.
    """
    connection_type, unusable = loaded(_SQLITE, "Connection"), loaded(_SQLITE, "ProgrammingError")

    def shrink(connection: Any) -> int:
        try:
            connection_type.execute(connection, "PRAGMA shrink_memory").close()
        except unusable:  # closed, or of another thread
            return 0
        return 1

    outcome = each(_CONNECTIONS.instances(), shrink)
    return Outcome(note=f"{outcome.entries} connections" if outcome.entries else None, error=outcome.error)
