"""The desk: who comes, who hears of it."""

from __future__ import annotations

import collections
import functools
import logging
import threading
import weakref

log = logging.getLogger("hotel.desk")


class Guest:
    def __init__(self, name: str) -> None:
        self.name = name
        self.bags = [name]


class Bell:
    """Rings whoever has subscribed."""

    def __init__(self) -> None:
        self._listeners = []
        self._by_topic = collections.defaultdict(set)

    def subscribe(self, listener) -> None:
        self._listeners.append(listener)  # leak: subscribe

    def on(self, topic: str, listener) -> None:
        self._by_topic[topic].add(listener)  # leak: topic


bell = Bell()


class Porter:
    def __init__(self) -> None:
        self.carried = []

    def carry(self, guest: Guest) -> None:
        self.carried.append(guest.name)


def porter_on_duty() -> Porter:
    porter = Porter()  # leak: porter
    bell.subscribe(porter.carry)
    return porter


def whisper(guest: Guest) -> None:
    bell.on("whisper", lambda: guest.name)  # leak: closure


_CALLBACKS = {}


def call_back(guest: Guest) -> int:
    _CALLBACKS[id(guest), len(_CALLBACKS)] = functools.partial(print, guest)  # leak: partial
    return len(_CALLBACKS)


class Register:
    _everyone = []

    def __init__(self) -> None:
        self.open = {}
        self.history = collections.deque()
        self.notes = weakref.WeakKeyDictionary()

    @classmethod
    def sign(cls, name: str) -> Guest:
        guest = Guest(name)  # leak: class-list
        cls._everyone.append(guest)
        return guest

    def check_in(self, room: int, name: str) -> Guest:
        self.open.setdefault(room, []).append(Guest(name))  # leak: nested
        return self.open[room][-1]

    def check_out(self, name: str) -> None:
        self.history.append({"name": name, "paid": [name]})  # leak: deque

    def note(self, guest: Guest, text: str) -> None:
        self.notes[guest] = {"about": guest, "text": text}  # leak: weak-key


REGISTER = Register()


class Corridor:
    """A chain of guests, one behind the other."""

    def __init__(self) -> None:
        self.last = None


CORRIDOR = Corridor()


class Place:
    __slots__ = ("before", "guest")

    def __init__(self, guest, before) -> None:
        self.guest = guest
        self.before = before


def queue_up(name: str) -> None:
    CORRIDOR.last = Place(name, CORRIDOR.last)  # leak: chain


_local = threading.local()


def remember_here(name: str) -> None:
    if not hasattr(_local, "seen"):
        _local.seen = []
    _local.seen.append(Guest(name))  # leak: thread-local


_watched = Guest("house")


def on_closing(guest: Guest) -> None:
    weakref.finalize(_watched, guest.bags.clear)  # leak: finalize


_FADING = []


def fading(guest: Guest) -> None:
    _FADING.append(weakref.ref(guest, lambda _: guest_gone([guest.name])))  # leak: weakref-callback


def guest_gone(names) -> None:
    names.clear()
