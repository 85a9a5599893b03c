"""An event bus, a signal and their subscribers."""

from __future__ import annotations

import weakref
from collections import defaultdict
from collections.abc import Callable
from typing import Any

Handler = Callable[..., Any]


class EventBus:
    def __init__(self) -> None:
        self._handlers: defaultdict[str, list[Handler]] = defaultdict(list)

    def subscribe(self, topic: str, handler: Handler) -> Callable[[], None]:
        self._handlers[topic].append(handler)  # leak: subscription
        return lambda: self._handlers[topic].remove(handler)

    def publish(self, topic: str, payload: Any) -> int:
        handlers = list(self._handlers[topic])
        for handler in handlers:
            handler(payload)
        return len(handlers)


class WeakBus:
    """Forgets a subscriber together with its owner."""

    def __init__(self) -> None:
        self._methods: list[weakref.WeakMethod[Any]] = []

    def subscribe(self, handler: Handler) -> None:
        self._methods = [method for method in self._methods if method() is not None]
        self._methods.append(weakref.WeakMethod(handler))

    def publish(self, payload: Any) -> None:
        for method in self._methods:
            handler = method()
            if handler is not None:
                handler(payload)


class Signal:
    def __init__(self) -> None:
        self.receivers: list[Handler] = []

    def connect(self, receiver: Handler) -> Handler:
        self.receivers.append(receiver)  # leak: receivers
        return receiver

    def disconnect(self, receiver: Handler) -> None:
        self.receivers.remove(receiver)

    def send(self, **values: Any) -> None:
        for receiver in self.receivers:
            receiver(**values)


class Mailer:
    def __init__(self) -> None:
        self.sent: list[Any] = []

    def on_order(self, payload: Any) -> None:
        self.sent.append(payload)


bus = EventBus()
weak_bus = WeakBus()
order_placed = Signal()
stock_changed = Signal()
