"""Receivers of signals (blinker, Django), handlers of loggers, callbacks at exit."""

from __future__ import annotations

import atexit
import logging
import weakref
from collections.abc import Callable, Hashable, Iterable
from functools import partial
from typing import Any

from pytest_memguard.cleanup.registry import Outcome, Strategy
from pytest_memguard.cleanup.strategies.living import Sought, each

__all__ = ["strategies"]

_BLINKER, _DJANGO = "blinker.base", "django.dispatch.dispatcher"
_BLINKER_SIGNALS = Sought((_BLINKER, "Signal"), level="moderate")
_DJANGO_SIGNALS = Sought((_DJANGO, "Signal"), level="moderate")


def strategies() -> tuple[Strategy, ...]:
    """Moderate: what is dead. Aggressive: receivers connected twice, closed handlers. Emergency: a look at exit."""
    return (
        _strategy("blinker_bookkeeping", prune_blinker, "moderate", needs=_BLINKER),
        _strategy("django_dead_receivers", drop_dead_django_receivers, "moderate", needs=_DJANGO),
        _strategy("blinker_duplicates", drop_blinker_duplicates, "aggressive", needs=_BLINKER),
        _strategy("django_duplicates", drop_django_duplicates, "aggressive", needs=_DJANGO),
        _strategy("closed_handlers", detach_closed_handlers, "aggressive"),
        _strategy("exit_callbacks", ExitCallbacks(), "emergency"),
    )


def _strategy(name: str, run: Callable[[], object], level: Any, needs: str | None = None) -> Strategy:
    return Strategy(name=name, run=run, level=level, category="events", needs=needs)


def prune_blinker() -> Outcome:
    """Forget what signals remember of senders and receivers that have none of the other; by blinker's own function."""
    return each(_BLINKER_SIGNALS.instances(), _prune)


def _prune(signal: Any) -> int:
    before = len(signal._by_sender) + len(signal._by_receiver)
    signal._cleanup_bookkeeping()
    return before - len(signal._by_sender) - len(signal._by_receiver)


def drop_dead_django_receivers() -> Outcome:
    """Forget receivers that were collected; Django itself does so when the signal is used again."""
    return each(_DJANGO_SIGNALS.instances(), partial(_locked, _drop_dead))


def _drop_dead(signal: Any) -> int:
    before = len(signal.receivers)
    signal._clear_dead_receivers()
    return before - len(signal.receivers)


def drop_blinker_duplicates() -> Outcome:
    """Disconnect receivers that do exactly what an earlier one does, for the same sender: it runs once instead."""
    return each(_BLINKER_SIGNALS.instances(), _disconnect_repetitions)


def _disconnect_repetitions(signal: Any) -> int:
    dropped = 0
    seen: set[Hashable] = set()
    for key, held in list(signal.receivers.items()):
        senders = frozenset(signal._by_receiver.get(key, ()))
        identity = _identity(held)
        if identity is None:
            continue
        if (identity, senders) in seen:
            for sender in senders:
                signal._disconnect(key, sender)
            dropped += 1
        seen.add((identity, senders))
    return dropped


def drop_django_duplicates() -> Outcome:
    """The same for Django's signals; a ``dispatch_uid`` makes receivers different."""
    return each(_DJANGO_SIGNALS.instances(), partial(_locked, _drop_repetitions))


def _locked(clean: Callable[[Any], int], signal: Any) -> int:
    """What *clean* gives, or 0 while another thread uses the signal."""
    if not signal.lock.acquire(blocking=False):
        return 0
    try:
        return clean(signal)
    finally:
        signal.lock.release()


def _drop_repetitions(signal: Any) -> int:
    kept = list(_without_repetitions(signal.receivers))
    dropped = len(signal.receivers) - len(kept)
    if dropped:
        signal.receivers = kept
        signal.sender_receivers_cache.clear()
    return dropped


def _without_repetitions(entries: Iterable[Any]) -> Iterable[Any]:
    """Entries are tuples: (key of receiver, key of sender), receiver or reference to it, and more in newer versions."""
    seen: set[Hashable] = set()
    for entry in entries:
        (by, sender), held = entry[0], entry[1]
        identity = None if isinstance(by, str) else _identity(held)
        if identity is None or (identity, sender) not in seen:
            yield entry
        if identity is not None:
            seen.add((identity, sender))


def _identity(held: Any) -> Hashable | None:
    """Equal for two functions that cannot be told apart by what they do; None for what is no plain function."""
    receiver = held() if isinstance(held, weakref.ref) else held
    if type(receiver) is not _FUNCTION:
        return None
    cells = []
    for cell in receiver.__closure__ or ():
        try:
            cells.append(id(cell.cell_contents))
        except ValueError:  # not filled yet
            return None
    defaults = (*(receiver.__defaults__ or ()), *(receiver.__kwdefaults__ or {}).values())
    return receiver.__code__, id(receiver.__globals__), tuple(cells), tuple(map(id, defaults))


_FUNCTION = type(_identity)


def detach_closed_handlers() -> Outcome:
    """Take handlers off their loggers whose stream is closed: every record that reaches them is lost.

    A handler that was closed itself may still work: it writes to a stream that is open, or opens its file again.
    """
    return each([logging.root, *logging.root.manager.loggerDict.values()], _detach)


def _detach(logger: Any) -> int:
    closed = [handler for handler in getattr(logger, "handlers", ()) if _is_closed(handler)]
    for handler in closed:
        logger.removeHandler(handler)
    return len(closed)


def _is_closed(handler: Any) -> bool:
    if type(handler).__module__.startswith("_pytest."):
        return False
    stream = getattr(handler, "stream", None)
    if stream is None:  # of a file: opened again, but not to lose what has been written
        return bool(getattr(handler, "_closed", False)) and getattr(handler, "mode", None) == "w"
    return getattr(stream, "closed", False) is True


class ExitCallbacks:
    """Says how many callbacks at exit were registered since the start; they are left alone, for they will be needed."""

    __slots__ = ("_at_start",)

    def __init__(self) -> None:
        self._at_start = _callbacks()

    def __call__(self) -> Outcome:
        """A note, where there are any."""
        more = _callbacks() - self._at_start
        return Outcome(entries=0, note=f"{more} more callbacks at exit than at the start" if more > 0 else None)


def _callbacks() -> int:
    count = getattr(atexit, "_ncallbacks", None)
    return int(count()) if count is not None else 0
