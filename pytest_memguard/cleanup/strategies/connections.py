"""Idle connections: what HTTP clients keep for the next request, transports of closed loops, sockets nobody answers."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from pytest_memguard.cleanup.registry import Outcome, Strategy
from pytest_memguard.cleanup.strategies.living import Sought, each, loaded

__all__ = ["strategies"]

_URLLIB3, _HTTPCORE, _AIOHTTP = "urllib3.poolmanager", "httpcore", "aiohttp.connector"
_ASYNCIO = "asyncio.selector_events"
_POOL_MANAGERS = Sought((_URLLIB3, "PoolManager"), level="aggressive")
_CONNECTION_POOLS = Sought((_HTTPCORE, "ConnectionPool"), level="aggressive")
_CONNECTORS = Sought((_AIOHTTP, "BaseConnector"), level="aggressive")
_TRANSPORTS = Sought((_ASYNCIO, "_SelectorTransport"), level="aggressive")
_SOCKETS = Sought(("socket", "socket"), level="emergency")
_SELECTORS = Sought(("selectors", "_BaseSelectorImpl"), level="emergency")


def strategies() -> tuple[Strategy, ...]:
    """Aggressive: idle connections, stranded transports. Emergency: sockets that were hung up on."""
    return (
        _strategy("requests_connections", close_urllib3_pools, needs=_URLLIB3),
        _strategy("httpx_connections", close_httpcore_connections, needs=_HTTPCORE),
        _strategy("aiohttp_connections", close_aiohttp_connections, needs=_AIOHTTP),
        _strategy("stranded_transports", close_stranded_transports, needs=_ASYNCIO),
        _strategy("dead_sockets", close_dead_sockets, "emergency"),
    )


def _strategy(name: str, run: Callable[[], Outcome], level: Any = "aggressive", needs: str | None = None) -> Strategy:
    return Strategy(name=name, run=run, level=level, category="connections", needs=needs)


def close_urllib3_pools() -> Outcome:
    """Close the idle connections of urllib3, and so those of every session of requests; gives their number.

    Sessions stay usable and connect again; a response that is being read keeps its connection.
    """
    return each(_POOL_MANAGERS.instances(), _clear_pools)


def _clear_pools(manager: Any) -> int:
    pools = manager.pools
    with pools.lock:
        queues = [pool.pool for pool in pools._container.values() if pool.pool is not None]
    idle = sum(getattr(kept, "sock", None) is not None for queue in queues for kept in list(queue.queue))
    manager.clear()
    return idle


def close_httpcore_connections() -> Outcome:
    """Close the idle connections of httpx and httpcore clients; gives their number.

    Clients stay open and connect again.
    """
    return each(_CONNECTION_POOLS.instances(), _close_idle)


def _close_idle(pool: Any) -> int:
    idle = [connection for connection in pool.connections if connection.is_idle() and not connection.is_closed()]
    for connection in idle:
        connection.close()
    return len(idle)


def close_aiohttp_connections() -> Outcome:
    """Close the idle connections of aiohttp sessions whose loop does not run now; gives their number.

    asyncio lets go of the sockets when that loop runs again; for one that is closed there is ``stranded_transports``.
    """
    return each(_CONNECTORS.instances(), _close_kept)


def _close_kept(connector: Any) -> int:
    loop = connector._loop
    if loop.is_running() or loop.is_closed():
        return 0
    idle = [protocol for kept in list(connector._conns.values()) for protocol, *_ in kept]
    connector._conns.clear()
    for protocol in idle:
        protocol.close()
    return len(idle)


def close_stranded_transports() -> Outcome:
    """Close the sockets of asyncio transports whose loop is closed: they can never be used again."""
    return each(_TRANSPORTS.instances(), _close_stranded)


def _close_stranded(transport: Any) -> int:
    sock = transport._sock
    if sock is None or not transport._loop.is_closed() or sock.fileno() < 0:
        return 0
    sock.close()
    return 1


def close_dead_sockets() -> Outcome:
    """Close sockets that were hung up on in both directions, with nothing left to read and no loop that watches."""
    poll = getattr(loaded("select"), "poll", None)
    if poll is None:
        return Outcome(note="this system has no poll()")
    watched = _watched_descriptors()

    def close(sock: socket.socket) -> int:
        number = sock.fileno()
        if type(sock) is not socket.socket or number < 0 or number in watched or not _is_dead(sock, number, poll()):
            return 0
        sock.close()
        return 1

    return each(_SOCKETS.instances(), close)


def _watched_descriptors() -> set[int]:
    watched: set[int] = set()
    for selector in _SELECTORS.instances():
        watched.update(selector._fd_to_key)
    return watched


def _is_dead(sock: socket.socket, number: int, poll: Any) -> bool:
    if sock.type != socket.SOCK_STREAM:
        return False
    poll.register(number, 0)  # hang-ups and errors are told without asking
    if not any(events & _HUNG_UP for _, events in poll.poll(0)):
        return False
    try:
        return not sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except ConnectionError:
        return True
    except OSError:  # never was connected: that reports a hang-up, too
        return False


_HUNG_UP = getattr(loaded("select"), "POLLHUP", 0)
