"""Lets one part of the shop hear of what another part does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any


class EventBus:
    """Topics, and who listens to them."""

    def __init__(self) -> None:
        self._listeners: defaultdict[str, list[Callable[..., None]]] = defaultdict(list)

    def subscribe(self, topic: str, listener: Callable[..., None]) -> None:
        """From now on, call ``listener`` for each event of the topic."""
        self._listeners[topic].append(listener)

    def unsubscribe(self, topic: str, listener: Callable[..., None]) -> None:
        """No more calls; ``ValueError`` if there is no such subscription."""
        self._listeners[topic].remove(listener)

    def publish(self, topic: str, **event: Any) -> None:
        """Tell everybody who listens, in the order in which they came."""
        for listener in tuple(self._listeners[topic]):
            listener(**event)


bus = EventBus()
