"""Suites made up from a seed in which every innocent test looks like a leak: it retains in each run, up to a bound.

None of these shapes, and no bound, is in the labelled corpus: they are not what the detection was built with. The
bounds are drawn between 8 and 4,096, small ones as often as large ones (their logarithm is uniform). In every second
suite each test takes a while, so that it cannot be repeated as often.
"""

from __future__ import annotations

import math
import random
from pathlib import Path
from string import Template

LEAST, MOST = 8, 4096
_HEAD = """\
import collections, ctypes, heapq, itertools, time, types

import pytest

libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.restype, libc.free.argtypes = None, [ctypes.c_void_p]
numbers = itertools.count()


class Thing:
    def __init__(self):
        self.parts = [next(numbers)]


@pytest.fixture(autouse=True)
def it_takes_a_while():
    time.sleep($seconds)
"""
#: Templates of innocent tests: ``$name`` and ``$bound`` are filled in.
INNOCENT = {
    "modulus keys": """\
table_$name = {}
turn_$name = itertools.count()

def test_$name():
    table_$name[next(turn_$name) % $bound] = Thing()
""",
    "slots of a ring": """\
ring_$name = []
turn_$name = itertools.count()

def test_$name():
    at = next(turn_$name) % $bound
    ring_$name[at:at + 1] = [Thing()]
""",
    "two generations": """\
class Generations_$name:
    young, old = {}, {}

def test_$name():
    g = Generations_$name
    g.young[next(numbers)] = Thing()
    if len(g.young) > $bound:
        g.old, g.young = g.young, {}
""",
    "heap of the best": """\
best_$name = []

def test_$name():
    entry = (next(numbers), Thing())
    (heapq.heappush if len(best_$name) < $bound else heapq.heappushpop)(best_$name, entry)
""",
    "oldest out": """\
class Recent_$name(collections.OrderedDict):
    room = $bound

    def __setitem__(self, key, value):
        super().__setitem__(key, value)
        while len(self) > self.room:
            self.popitem(last=False)

recent_$name = Recent_$name()

def test_$name():
    recent_$name[next(numbers)] = Thing()
""",
    "attributes of a namespace": """\
space_$name = types.SimpleNamespace()
turn_$name = itertools.count()

def test_$name():
    setattr(space_$name, f"slot_{next(turn_$name) % $bound}", Thing())
""",
    "linked list with a length": """\
class Chain_$name:
    head, length = None, 0

    @classmethod
    def push(cls, thing):
        thing.next, cls.head = cls.head, thing
        cls.length += 1
        if cls.length == $bound:
            cls.head, cls.length = None, 0

def test_$name():
    Chain_$name.push(Thing())
""",
    "buckets": """\
buckets_$name = collections.defaultdict(dict)
turn_$name = itertools.count()

def test_$name():
    number = next(turn_$name) % $bound
    buckets_$name[number % 7][number // 7] = Thing()
""",
    "slots of C memory": """\
slots_$name = {}
turn_$name = itertools.count()

def test_$name():
    at = next(turn_$name) % $bound
    libc.free(slots_$name.pop(at, None))
    slots_$name[at] = libc.malloc(2000)
""",
    "text that starts again": """\
class Log_$name:
    text = ""

def test_$name():
    Log_$name.text = (Log_$name.text + "a line of the log, " * 30)[-570 * $bound:]
""",
}
#: Templates of leaks.
LEAKING = {
    "keys that never repeat": """\
table_$name = {}

def test_$name():
    table_$name[next(numbers)] = Thing()
""",
    "a chain without an end": """\
class Chain_$name:
    head = None

def test_$name():
    thing = Thing()
    thing.next, Chain_$name.head = Chain_$name.head, thing
""",
    "a fresh attribute": """\
space_$name = types.SimpleNamespace()

def test_$name():
    setattr(space_$name, f"slot_{next(numbers)}", Thing())
""",
    "C memory": """\
def test_$name():
    assert libc.malloc(2000)
""",
    "a callback": """\
calls_$name = []

def test_$name():
    thing = Thing()
    calls_$name.append(lambda: thing)
""",
}
_TESTS = 14
_SLOW_S = 0.05
_LEAKING_SHARE = 0.5


def is_slow(seed: int) -> bool:
    """Whether the tests of this suite take a while each."""
    return seed % 2 == 0


def write_suite(folder: Path, seed: int) -> tuple[dict[str, str], dict[str, tuple[str, int]]]:
    """One file of tests in an empty folder: those that leak with their shape, the others with shape and bound."""
    (folder / "pytest.ini").write_text("[pytest]\n")
    chance = random.Random(seed)  # noqa: S311 - the same suite for the same seed
    leaking: dict[str, str] = {}
    innocent: dict[str, tuple[str, int]] = {}
    text = [Template(_HEAD).substitute(seconds=_SLOW_S if is_slow(seed) else 0)]
    for number in range(_TESTS):
        name = f"shape_{number}"
        bound = round(math.exp(chance.uniform(math.log(LEAST), math.log(MOST))))
        if chance.random() < _LEAKING_SHARE:
            shape = chance.choice(sorted(LEAKING))
            leaking[f"test_{name}"] = shape
            body = LEAKING[shape]
        else:
            shape = chance.choice(sorted(INNOCENT))
            innocent[f"test_{name}"] = (shape, bound)
            body = INNOCENT[shape]
        text.append(Template(body).substitute(name=name, bound=bound))
    (folder / "test_shapes.py").write_text("\n\n".join(text))
    return leaking, innocent
