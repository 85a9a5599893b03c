"""More places where things stay: registries of the interpreter and of the standard library, and less usual holders."""

from __future__ import annotations

import collections
import contextlib
import copyreg
import dataclasses
import enum
import heapq
import itertools
import logging
import queue
import signal
import sqlite3
import sys
import types
import warnings

_numbers = itertools.count()


@dataclasses.dataclass(slots=True)
class Ticket:
    number: int
    text: str


@dataclasses.dataclass(order=True)
class Job:
    rank: int
    name: str = dataclasses.field(compare=False)


Line = collections.namedtuple("Line", "room text")

INBOX: queue.Queue = queue.Queue()
AGENDA: list[Job] = []
LAYERS = collections.ChainMap({}, {})
COUNTS: collections.Counter = collections.Counter()
BY_FLOOR: dict[int, dict[str, list]] = {}
VIEWS: list = []
PRINTED: list[Line] = []
BOOK = types.SimpleNamespace(lines=[])
EMPTY: list = []
_sentinel = object()
PAIRS = []


def post(text: str) -> None:
    INBOX.put(Ticket(next(_numbers), text))  # leak: queue


def plan(name: str) -> None:
    heapq.heappush(AGENDA, Job(next(_numbers), name))  # leak: heap


def layer(name: str) -> None:
    LAYERS[f"{name}-{next(_numbers)}"] = [name]  # leak: chain-map


def count(name: str) -> None:
    COUNTS[f"{name}-{next(_numbers):09}"] += 1  # leak: counter


def floor(number: int, name: str) -> None:
    BY_FLOOR.setdefault(number, {}).setdefault(name, []).append({"at": [name]})  # leak: nested-dicts


def view(size: int) -> None:
    VIEWS.append(memoryview(bytearray(size)))  # leak: memoryview


def print_line(room: int, text: str) -> None:
    PRINTED.append(Line(room, [text]))  # leak: namedtuple


def note(text: str) -> None:
    BOOK.lines += [text + str(next(_numbers))]  # leak: namespace


def nothing() -> None:
    EMPTY.append(_sentinel)
    PAIRS.append(({}, _sentinel))  # leak: pairs


def bed_kind(name: str) -> type:
    kind = enum.Enum(name, ["SINGLE", "DOUBLE"])  # leak: enum
    copyreg.pickle(kind, str)
    return kind


def silence(text: str) -> None:
    warnings.filterwarnings("ignore", message=f"{text}{next(_numbers)}")  # leak: warnings-filter


class Finder:
    def find_spec(self, name, path=None, target=None):
        return None


def find_here() -> None:
    sys.meta_path.append(Finder())  # leak: meta-path


class Base:
    _kinds: dict[str, type] = {}

    def __init_subclass__(cls, **kwargs) -> None:
        super().__init_subclass__(**kwargs)
        Base._kinds[f"{cls.__name__}{next(_numbers)}"] = cls


def kind_of_room(name: str) -> type:
    return type(name, (Base,), {})  # leak: subclass


class Database:
    def __init__(self) -> None:
        self.connection = sqlite3.connect(":memory:")

    def teach(self, name: str) -> None:
        ticket = Ticket(next(_numbers), name)  # leak: sqlite-function
        self.connection.create_function(f"f{ticket.number}", 1, lambda value: (ticket, value)[1])


DATABASE = Database()


@contextlib.contextmanager
def opened(room: int):
    VIEWS.append({"open": [room]})  # leak: context-manager-enter
    yield room


@contextlib.contextmanager
def closing(room: int):
    yield room
    PAIRS.append({"closed": [room]})  # leak: context-manager-exit


class Tree:
    def __init__(self, parent=None) -> None:
        self.parent = parent
        self.children = []
        if parent is not None:
            parent.children.append(self)


ROOT = Tree()


def grow() -> Tree:
    return Tree(Tree(ROOT))  # leak: tree


class Meta(type):
    made = []

    def __call__(cls, *args, **kwargs):
        obj = super().__call__(*args, **kwargs)  # leak: metaclass
        Meta.made.append(obj)
        return obj


class Lamp(metaclass=Meta):
    pass


def remember(fn):
    calls = []

    def wrapper(*args):
        calls.append(args)  # leak: decorator
        return fn(*args)

    return wrapper


@remember
def switch(lamp: list) -> int:
    return len(lamp)


class Cached:
    def __init__(self) -> None:
        self._rows = {}

    def __getattr__(self, name: str):
        if name.startswith("row_"):
            value = self._rows[name] = [name]  # leak: getattr
            return value
        raise AttributeError(name)


CACHED = Cached()


def with_context(text: str) -> None:
    try:
        try:
            int(text)
        except ValueError as first:
            raise RuntimeError(text) from first  # leak: cause
    except RuntimeError as error:
        PAIRS.append(error)


def level(name: str) -> None:
    logging.addLevelName(10_000 + next(_numbers), f"{name}{next(_numbers)}")  # leak: level-name


def unpaired(coroutine) -> None:
    VIEWS.append(coroutine)


async def greet(name: str) -> str:
    return name
