"""Bounds that people write by hand: recognised in the code of the owner; and leaks that look a little like them."""

from __future__ import annotations

import importlib.util
import sys
import textwrap
from types import ModuleType

import pytest

from pytest_memguard.bounds import Bound, bound_on_path


@pytest.fixture
def imported(tmp_path, monkeypatch):
    """Write a module, import it under a name of its own, and forget it afterwards."""

    def make(source: str, name: str = "bounded_under_test") -> ModuleType:
        path = tmp_path / f"{name}.py"
        path.write_text(textwrap.dedent(source), encoding="utf-8")
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    return make


def look(module: ModuleType, chain: str, *, add: int = 20) -> Bound | None:
    """Let the module grow ``add`` times, then ask for the bound of the last but one object of ``chain``."""
    for number in range(add):
        module.grow(number)
    links = eval(chain, {"m": module, "vars": vars, "list": list, "type": type})  # noqa: S307 - the chains above
    return bound_on_path(links, links[-2])


GLOBAL = "[m, m.C, m.C[-1]]"
DICT = "[m, m.C, list(m.C.values())[-1]]"
OWNED = "[m, m.owner, m.owner._items, list(m.owner._items)[-1]]"
OWNED_WITH_DICT = "[m, vars(m), m.owner, vars(m.owner), m.owner._items, list(m.owner._items)[-1]]"

BOUNDED: dict[str, tuple[str, int | None, str]] = {
    "pop from the front": (
        GLOBAL,
        500,
        """
        C = []
        def grow(x):
            C.append(object())
            if len(C) > 500:
                C.pop(0)
        """,
    ),
    "a named limit": (
        GLOBAL,
        64,
        """
        C = []
        LIMIT = 64
        def grow(x):
            C.append(object())
            while len(C) > LIMIT:
                del C[0]
        """,
    ),
    "limit on the left": (
        GLOBAL,
        64,
        """
        C = []
        def grow(x):
            C.append(object())
            if 64 < len(C):
                C.pop(0)
        """,
    ),
    "emptied when full": (
        DICT,
        100,
        """
        C = {}
        def grow(x):
            if len(C) >= 100:
                C.clear()
            C[x] = object()
        """,
    ),
    "oldest key of a dict": (
        DICT,
        50,
        """
        C = {}
        MAX = 50
        def grow(x):
            C[x] = object()
            if len(C) > MAX:
                del C[next(iter(C))]
        """,
    ),
    "OrderedDict as an LRU": (
        DICT,
        128,
        """
        from collections import OrderedDict
        C = OrderedDict()
        def grow(x):
            C[x] = object()
            C.move_to_end(x)
            while len(C) > 128:
                C.popitem(last=False)
        """,
    ),
    "negative slice deleted": (
        GLOBAL,
        200,
        """
        C = []
        KEEP = 200
        def grow(x):
            C.append(object())
            del C[:-KEEP]
        """,
    ),
    "slice assigned": (
        GLOBAL,
        100,
        """
        C = []
        def grow(x):
            C.append(object())
            C[:] = C[-100:]
        """,
    ),
    "slice rebinds the global": (
        GLOBAL,
        100,
        """
        C = []
        def grow(x):
            global C
            C = C + [object()]
            C = C[-100:]
        """,
    ),
    "tuple sliced in one go": (
        GLOBAL,
        30,
        """
        C = ()
        def grow(x):
            global C
            C = (C + (object(),))[-30:]
        """,
    ),
    "excess computed first": (
        GLOBAL,
        40,
        """
        C = []
        def grow(x):
            C.append(object())
            excess = len(C) - 40
            if excess > 0:
                del C[:excess]
        """,
    ),
    "as many keys as there are too many": (
        DICT,
        40,
        """
        C = {}
        MOST = 40
        def grow(x):
            C[x] = object()
            for key in list(C)[:len(C) - MOST]:
                del C[key]
        """,
    ),
    "the newest first": (
        "[m, m.C, m.C[0]]",
        40,
        """
        C = []
        def grow(x):
            C.insert(0, object())
            del C[40:]
        """,
    ),
    "the newest first, by assignment": (
        "[m, m.C, m.C[0]]",
        40,
        """
        C = []
        def grow(x):
            global C
            C = [object(), *C][:40]
        """,
    ),
    "excess deleted at once": (
        GLOBAL,
        40,
        """
        C = []
        def grow(x):
            C.append(object())
            del C[:max(0, len(C) - 40)]
        """,
    ),
    "one pop for each too many": (
        GLOBAL,
        40,
        """
        C = []
        def grow(x):
            C.append(object())
            for _ in range(len(C) - 40):
                C.pop(0)
        """,
    ),
    "two watermarks": (
        GLOBAL,
        1000,
        """
        C = []
        def grow(x):
            C.append(object())
            if len(C) > 1000:
                del C[:-500]
        """,
    ),
    "size kept in a variable": (
        GLOBAL,
        60,
        """
        C = []
        def grow(x):
            size = len(C)
            if size >= 60:
                C.pop()
            C.append(object())
        """,
    ),
    "a pool admits": (
        GLOBAL,
        80,
        """
        C = []
        def grow(x):
            if len(C) < 80:
                C.append(object())
        """,
    ),
    "a pool admits, negated": (
        GLOBAL,
        80,
        """
        C = []
        def grow(x):
            if not len(C) >= 80:
                C.append(object())
            else:
                print("full")
        """,
    ),
    "full means refuse": (
        GLOBAL,
        70,
        """
        C = []
        def grow(x):
            if x is None or len(C) >= 70:
                raise OverflowError
            C.append(object())
        """,
    ),
    "trimmed by a function that the adder calls": (
        GLOBAL,
        90,
        """
        C = []
        def trim():
            if len(C) > 90:
                C.pop(0)
        def grow(x):
            C.append(object())
            trim()
        """,
    ),
    "added by a private function, trimmed by its only caller": (
        GLOBAL,
        90,
        """
        C = []
        def _put(x):
            C.append(x)
        def grow(x):
            _put(object())
            if len(C) > 90:
                C.pop(0)
        """,
    ),
    "a second function removes": (
        GLOBAL,
        90,
        """
        C = []
        def evict():
            C.pop(0)
        def grow(x):
            if len(C) >= 90:
                evict()
            C.append(object())
        """,
    ),
    "a function says that it is full": (
        GLOBAL,
        90,
        """
        C = []
        def full():
            return len(C) >= 90
        def grow(x):
            if full():
                C.pop(0)
            C.append(object())
        """,
    ),
    "ring by modulo": (
        DICT,
        256,
        """
        C = {}
        def grow(x):
            C[x % 256] = object()
        """,
    ),
    "heap of the best": (
        GLOBAL,
        32,
        """
        import heapq
        C = []
        def grow(x):
            heapq.heappush(C, x)
            if len(C) > 32:
                heapq.heappop(C)
        """,
    ),
    "a set": (
        "[m, m.C, 3]",
        99,
        """
        C = set()
        def grow(x):
            C.add(x)
            if len(C) > 99:
                C.pop()
        """,
    ),
    "a deque without maxlen": (
        GLOBAL,
        99,
        """
        from collections import deque
        C = deque()
        def grow(x):
            C.append(object())
            while len(C) > 99:
                C.popleft()
        """,
    ),
    "limit as an argument's default": (
        GLOBAL,
        33,
        """
        C = []
        def grow(x, keep=33):
            C.append(object())
            if len(C) > keep:
                C.pop(0)
        """,
    ),
    "limit computed": (
        GLOBAL,
        2048,
        """
        C = []
        def grow(x):
            C.append(object())
            if len(C) > 2 * 1024:
                C.pop(0)
        """,
    ),
    "instance attribute": (
        OWNED,
        25,
        """
        class Log:
            def __init__(self):
                self._items = []
                self.max_items = 25
            def add(self, x):
                self._items.append(x)
                if len(self._items) > self.max_items:
                    self._items.pop(0)
        owner = Log()
        def grow(x):
            owner.add(object())
        """,
    ),
    "instance attribute, path through the dicts": (
        OWNED_WITH_DICT,
        25,
        """
        class Log:
            size = 25
            def __init__(self):
                self._items = []
            def add(self, x):
                self._items.append(x)
                if len(self._items) > self.size:
                    self._items.pop(0)
        owner = Log()
        def grow(x):
            owner.add(object())
        """,
    ),
    "slots and a property": (
        OWNED,
        25,
        """
        class Log:
            __slots__ = ("_items", "_most")
            def __init__(self):
                self._items, self._most = [], 25
            @property
            def most(self):
                return self._most
            def add(self, x):
                self._items.append(x)
                if len(self._items) > self.most:
                    self._items.pop(0)
        owner = Log()
        def grow(x):
            owner.add(object())
        """,
    ),
    "class attribute": (
        "[m, m.Registry, m.Registry.recent, m.Registry.recent[-1]]",
        40,
        """
        class Registry:
            recent = []
            @classmethod
            def note(cls, x):
                cls.recent.append(x)
                del cls.recent[:-40]
        def grow(x):
            Registry.note(object())
        """,
    ),
    "private names": (
        "[m, m.owner, m.owner._Log__items, m.owner._Log__items[-1]]",
        44,
        """
        class Log:
            def __init__(self):
                self.__items = []
                self.__most = 44
            def add(self, x):
                self.__items.append(x)
                while len(self.__items) > self.__most:
                    self.__items.pop(0)
        owner = Log()
        def grow(x):
            owner.add(object())
        """,
    ),
    "local alias": (
        OWNED,
        45,
        """
        class Log:
            def __init__(self):
                self._items, self.most = [], 45
            def add(self, x):
                items, most = self._items, self.most
                items.append(x)
                if len(items) > most:
                    items.pop(0)
        owner = Log()
        def grow(x):
            owner.add(object())
        """,
    ),
    "evicting method": (
        OWNED,
        46,
        """
        class Log:
            def __init__(self):
                self._items = []
            def is_full(self):
                return len(self._items) >= 46
            def _evict(self):
                del self._items[0]
            def add(self, x):
                if self.is_full():
                    self._evict()
                self._items.append(x)
        owner = Log()
        def grow(x):
            owner.add(object())
        """,
    ),
    "a flag that is kept": (
        OWNED,
        47,
        """
        class Log:
            def __init__(self):
                self._items, self.full = [], False
            def add(self, x):
                if self.full:
                    self._items.pop(0)
                self._items.append(x)
                self.full = len(self._items) >= 47
        owner = Log()
        def grow(x):
            owner.add(object())
        """,
    ),
    "a counter instead of len": (
        OWNED,
        48,
        """
        class Log:
            def __init__(self):
                self._items, self._count, self._most = [], 0, 48
            def add(self, x):
                self._items.append(x)
                self._count += 1
                if self._count > self._most:
                    self._items.pop(0)
                    self._count -= 1
        owner = Log()
        def grow(x):
            owner.add(object())
        """,
    ),
    "bounded by weight": (
        OWNED,
        None,
        """
        class Log:
            def __init__(self):
                self._items, self.total, self.most = [], 0, 10_000
            def add(self, x):
                self._items.append(x)
                self.total += 100
                while self.total > self.most:
                    self._items.pop(0)
                    self.total -= 100
        owner = Log()
        def grow(x):
            owner.add(object())
        """,
    ),
    "dict subclass": (
        "[m, m.owner, list(m.owner.values())[-1]]",
        49,
        """
        class Cache(dict):
            def __init__(self, size):
                super().__init__()
                self.most = size
            def __setitem__(self, key, value):
                if len(self) >= self.most:
                    del self[next(iter(self))]
                super().__setitem__(key, value)
        owner = Cache(49)
        def grow(x):
            owner[x] = object()
        """,
    ),
    "mapping that counts by its len": (
        "[m, m.owner, m.owner._data, list(m.owner._data.values())[-1]]",
        75,
        """
        from collections.abc import MutableMapping
        class Cache(MutableMapping):
            def __init__(self):
                self._data, self.capacity = {}, 50
            def __getitem__(self, key):
                return self._data[key]
            def __iter__(self):
                return iter(self._data)
            def __len__(self):
                return len(self._data)
            def __delitem__(self, key):
                del self._data[key]
            def __setitem__(self, key, value):
                self._data[key] = value
                self._shrink()
            def _shrink(self):
                while len(self) > self.capacity + self.capacity * 0.5:
                    del self[next(iter(self))]
        owner = Cache()
        def grow(x):
            owner[x] = object()
        """,
    ),
    "inherited": (
        OWNED,
        51,
        """
        class Base:
            most = 500
            def __init__(self):
                self._items = []
            def add(self, x):
                self._items.append(x)
            def _trim(self):
                while len(self._items) > self.most:
                    self._items.pop(0)
        class Log(Base):
            most = 51
            def add(self, x):
                self._items.append(x)
                self._trim()
        owner = Log()
        def grow(x):
            owner.add(object())
        """,
    ),
    "moved to the end on a hit": (
        "[m, m.owner, m.owner._data, list(m.owner._data.values())[-1]]",
        52,
        """
        class Cache:
            def __init__(self):
                self._data = {}
            def get(self, key):
                found = self._data.pop(key)
                self._data[key] = found
                return found
            def put(self, key, value):
                self._data[key] = value
                if len(self._data) > 52:
                    self._data.pop(next(iter(self._data)))
        owner = Cache()
        def grow(x):
            owner.put(x, object())
        """,
    ),
    "a companion of the same size": (
        "[m, m.owner, m.owner._keys, m.owner._keys[-1]]",
        53,
        """
        class Cache:
            def __init__(self):
                self._data, self._keys = {}, []
            def put(self, key, value):
                self._data[key] = value
                self._keys.append(key)
                if len(self._data) > 53:
                    del self._data[self._keys.pop(0)]
        owner = Cache()
        def grow(x):
            owner.put((x, "key"), object())
        """,
    ),
    "one list for each key": (
        "[m, m.C, m.C['a'], m.C['a'][-1]]",
        54,
        """
        C = {}
        def grow(x):
            kept = C.setdefault("a", [])
            kept.append(object())
            if len(kept) > 54:
                kept.pop(0)
        """,
    ),
    "closure": (
        "[m, m.grow, m.grow.__closure__, m.grow.__closure__[0], m.grow.__closure__[0].cell_contents, 1]",
        55,
        """
        def make():
            kept = []
            def add(x):
                kept.append(object())
                if len(kept) > 55:
                    kept.pop(0)
            return add
        grow = make()
        """,
    ),
    "closure, limit outside": (
        "[m, m.grow, m.grow.__closure__, m.grow.__closure__[0], m.grow.__closure__[0].cell_contents, 1]",
        56,
        """
        def make(most):
            kept = {}
            def add(x):
                kept[x] = object()
                if len(kept) > most:
                    kept.popitem()
            return add
        grow = make(56)
        """,
    ),
    "mutable default": (
        "[m, m.grow, m.grow.__defaults__, m.grow.__defaults__[0], 1]",
        57,
        """
        def grow(x, _seen={}):
            if len(_seen) > 57:
                _seen.clear()
            _seen[x] = object()
        """,
    ),
    "state object trimmed by a function of the module": (
        "[m, m.state, m.state.recent, m.state.recent[-1]]",
        58,
        """
        class State:
            def __init__(self):
                self.recent = []
        state = State()
        def grow(x):
            state.recent.append(object())
            if len(state.recent) > 58:
                state.recent.pop(0)
        """,
    ),
    "a namesake in another class is somebody else's": (
        OWNED,
        59,
        """
        class Endless:
            def __init__(self):
                self._items = []
            def add(self, x):
                self._items.append(x)
        class Log:
            def __init__(self):
                self._items = []
            def add(self, x):
                self._items.append(x)
                if len(self._items) > 59:
                    self._items.pop(0)
        owner = Log()
        def grow(x):
            owner.add(object())
        """,
    ),
    "overrides the method that trims, and calls it": (
        "[m, m.owner, m.owner._data, list(m.owner._data.values())[-1]]",
        62,
        """
        class Sized:
            def __init__(self):
                self._data, self._most = {}, 62
            def __setitem__(self, key, value):
                self._data[key] = value
                if len(self._data) > self._most:
                    del self._data[next(iter(self._data))]
        class Timed(Sized):
            def __setitem__(self, key, value):
                for old in [k for k, (died, _) in self._data.items() if died < 0]:
                    del self._data[old]
                super().__setitem__(key, (1, value))
        owner = Timed()
        def grow(x):
            owner[x] = object()
        """,
    ),
    "counts beside the entries": (
        "[m, m.owner, m.owner.uses, 1]",
        63,
        """
        from collections import Counter
        class Other(dict):
            def __setitem__(self, key, value):
                super().__setitem__(key, value)
        class Rarest:
            def __init__(self):
                self.data, self.uses, self.most = {}, Counter(), 63
            def put(self, key, value):
                if key not in self.data and len(self.data) >= self.most:
                    rarest, _ = self.uses.most_common()[-1]
                    del self.data[rarest], self.uses[rarest]
                self.data[key] = value
                self.uses[key] += 1
        owner = Rarest()
        def grow(x):
            owner.put(x, object())
        """,
    ),
    "entries beside the counts": (
        "[m, m.owner, m.owner.data, list(m.owner.data.values())[-1]]",
        63,
        """
        class Other(dict):
            def __setitem__(self, key, value):
                super().__setitem__(key, value)
        class Cache:
            def __init__(self):
                self.data = {}
            def put(self, key, value):
                if len(self.data) >= 63:
                    self.data.clear()
                self.data[key] = value
        owner = Cache()
        def grow(x):
            owner.put(x, object())
        """,
    ),
    "async": (
        GLOBAL,
        61,
        """
        C = []
        async def put(x):
            C.append(x)
            if len(C) > 61:
                C.pop(0)
        def grow(x):
            try:
                put(object()).send(None)
            except StopIteration:
                pass
        """,
    ),
}

LEAKS: dict[str, tuple[str, str]] = {
    "nothing but append": (
        GLOBAL,
        """
        C = []
        def grow(x):
            C.append(object())
        """,
    ),
    "a forgotten unsubscribe": (
        OWNED,
        """
        class Bus:
            def __init__(self):
                self._items = []
            def subscribe(self, x):
                self._items.append(x)
            def unsubscribe(self, x):
                self._items.remove(x)
        owner = Bus()
        def grow(x):
            owner.subscribe(object())
        """,
    ),
    "only asks whether it is empty": (
        GLOBAL,
        """
        C = []
        def take():
            if len(C) == 0:
                return None
            return C.pop()
        def drain():
            while len(C) > 0:
                C.pop()
        def grow(x):
            C.append(object())
        """,
    ),
    "the adder asks whether it is empty": (
        GLOBAL,
        """
        C = []
        def grow(x):
            if len(C) > 0 and x is None:
                C.pop()
            C.append(object())
        """,
    ),
    "a trim that nobody calls": (
        GLOBAL,
        """
        C = []
        def trim():
            if len(C) > 500:
                C.pop(0)
        def grow(x):
            C.append(object())
        """,
    ),
    "only one of two adders trims": (
        GLOBAL,
        """
        C = []
        def careful(x):
            C.append(x)
            if len(C) > 500:
                C.pop(0)
        def grow(x):
            C.append(object())
        """,
    ),
    "full only logs": (
        GLOBAL,
        """
        import logging
        log = logging.getLogger(__name__)
        C = []
        def grow(x):
            if len(C) > 500:
                log.warning("too many")
            C.append(object())
        """,
    ),
    "full removes elsewhere": (
        GLOBAL,
        """
        C, other = [], []
        def grow(x):
            other.append(x)
            if len(C) > 500:
                other.pop()
            C.append(object())
        """,
    ),
    "another container is compared": (
        GLOBAL,
        """
        C, other = [], []
        def grow(x):
            if len(other) > 500:
                C.pop()
            C.append(object())
        """,
    ),
    "raises after it has added": (
        GLOBAL,
        """
        C = []
        def grow(x):
            C.append(object())
            if len(C) > 500:
                raise OverflowError
        """,
    ),
    "a page is not a trim": (
        OWNED,
        """
        class Feed:
            limit = 500
            def __init__(self):
                self._items = []
            def add(self, x):
                self._items.append(x)
            def page(self):
                return self._items[-self.limit:]
        owner = Feed()
        def grow(x):
            owner.add(object())
        """,
    ),
    "an attribute called limit is not enough": (
        OWNED,
        """
        class Feed:
            def __init__(self):
                self._items, self.max_items = [], 500
            def add(self, x):
                self._items.append(x)
        owner = Feed()
        def grow(x):
            owner.add(object())
        """,
    ),
    "past its limit": (
        OWNED,
        """
        class Log:
            most = 10
            def __init__(self):
                self._items = []
            def add(self, x):
                self._items.append(x)
                if len(self._items) > self.most and x is None:
                    self._items.pop(0)
        owner = Log()
        def grow(x):
            owner.add(object())
        """,
    ),
    "unlimited by default": (
        OWNED,
        """
        class Log:
            def __init__(self, most=None):
                self._items, self.most = [], most
            def add(self, x):
                self._items.append(x)
                if self.most is not None and len(self._items) > self.most:
                    self._items.pop(0)
        owner = Log()
        def grow(x):
            owner.add(object())
        """,
    ),
    "sys.maxsize is no limit": (
        GLOBAL,
        """
        import sys
        C = []
        def grow(x):
            C.append(object())
            if len(C) > sys.maxsize:
                C.pop(0)
        """,
    ),
    "refreshed, but keyed by something fresh": (
        DICT,
        """
        C = {}
        def grow(x):
            C.pop(x, None)
            C[x] = object()
        """,
    ),
    "a local of the same name is trimmed": (
        GLOBAL,
        """
        C = []
        def other(C):
            if len(C) > 500:
                C.pop()
        def local():
            C = []
            C.append(1)
            if len(C) > 500:
                C.pop()
        def grow(x):
            C.append(object())
        """,
    ),
    "a namesake in another class is trimmed": (
        OWNED,
        """
        class Bounded:
            def __init__(self):
                self._items = []
            def add(self, x):
                self._items.append(x)
                if len(self._items) > 500:
                    self._items.pop(0)
        class Endless:
            def __init__(self):
                self._items = []
            def add(self, x):
                self._items.append(x)
        owner = Endless()
        def grow(x):
            owner.add(object())
        """,
    ),
    "overrides the method that trimmed": (
        OWNED,
        """
        class Bounded:
            def __init__(self):
                self._items = []
            def add(self, x):
                self._items.append(x)
                if len(self._items) > 500:
                    self._items.pop(0)
        class Endless(Bounded):
            def add(self, x):
                self._items.append(x)
        owner = Endless()
        def grow(x):
            owner.add(object())
        """,
    ),
    "only close() empties": (
        OWNED,
        """
        class Session:
            def __init__(self):
                self._items = []
            def add(self, x):
                self._items.append(x)
            def close(self):
                if len(self._items) > 2:
                    print("many")
                self._items.clear()
        owner = Session()
        def grow(x):
            owner.add(object())
        """,
    ),
    "close() trims, the adder does not": (
        OWNED,
        """
        class Session:
            def __init__(self):
                self._items = []
            def add(self, x):
                self._items.append(x)
            def close(self):
                if len(self._items) > 500:
                    self._items.clear()
        owner = Session()
        def grow(x):
            owner.add(object())
        """,
    ),
    "a method of something else that trims": (
        OWNED,
        """
        class Session:
            def __init__(self):
                self._items, self.log = [], set()
            def add(self, x):
                self._items.append(x)
                self.log.discard(x)
            def discard(self):
                if len(self._items) > 500:
                    self._items.clear()
        owner = Session()
        def grow(x):
            owner.add(object())
        """,
    ),
    "expires by age only": (
        GLOBAL,
        """
        C = []
        def grow(x):
            while C and C[0][0] < x - 10_000:
                C.pop(0)
            C.append((x, object()))
        """,
    ),
    "the outer dict is bounded, its list is not": (
        "[m, m.C, m.C['a'], m.C['a'][-1]]",
        """
        C = {}
        def grow(x):
            if len(C) > 100:
                C.clear()
            C.setdefault("a", []).append(object())
        """,
    ),
    "counts of fresh keys": (
        "[m, m.C, 1]",
        """
        from collections import Counter
        C = Counter()
        def reset():
            if len(C) > 500:
                C.clear()
        def grow(x):
            C[x] += 1
        """,
    ),
    "a list of rows, paged by a number that is looked at": (
        GLOBAL,
        """
        C = []
        def page(number, size=50):
            if number * size > len(C):
                return []
            rows = C[number * size:]
            if len(rows) > size:
                rows.pop()
            return rows
        def grow(x):
            C.append(object())
        """,
    ),
    "a parser takes a head off its buffer": (
        GLOBAL,
        """
        C = []
        def grow(x):
            C.append(object())
            if x == -1:
                del C[:500]
        """,
    ),
    "a head that is cut off by assignment": (
        GLOBAL,
        """
        C = []
        def grow(x):
            global C
            C = C + [object()]
            if x == -1:
                C = C[500:]
        """,
    ),
    "where to look next is not what is too much": (
        GLOBAL,
        """
        C = []
        def grow(x):
            C.append(object())
            position = max(0, len(C) - 500)
            if x == -1:
                del C[:1]
            return position
        """,
    ),
    "an angle is not a weight": (
        OWNED,
        """
        class Log:
            def __init__(self):
                self._items, self.angle = [], 100
            def add(self, x):
                while self.angle > 360:
                    self.angle -= 360
                self._items.append(x)
        owner = Log()
        def grow(x):
            owner.add(object())
        """,
    ),
    "a text made with percent": (
        DICT,
        """
        C = {}
        LEVEL = 500
        def grow(x):
            C["%d" % LEVEL] = object()
            C["%d/%d" % (x, LEVEL)] = object()
            C[f"{x}%s" % LEVEL] = object()
        """,
    ),
    "unbounded closure": (
        "[m, m.grow, m.grow.__closure__, m.grow.__closure__[0], m.grow.__closure__[0].cell_contents, 1]",
        """
        def make():
            kept = []
            def add(x):
                kept.append(object())
            return add
        def another():
            kept = []
            if len(kept) > 500:
                kept.pop()
        grow = make()
        """,
    ),
    "dict subclass without a guard": (
        "[m, m.owner, list(m.owner.values())[-1]]",
        """
        class Cache(dict):
            maxsize = 500
            def __setitem__(self, key, value):
                super().__setitem__(key, value)
            def __len__(self):
                raise RuntimeError("nobody may ask")
        owner = Cache()
        def grow(x):
            owner[x] = object()
        """,
    ),
}


@pytest.mark.parametrize("shape", BOUNDED)
def test_bounded_shapes_are_recognised(imported, shape):
    chain, limit, source = BOUNDED[shape]

    bound = look(imported(source), chain)

    assert bound is not None
    assert bound.limit == limit
    assert bound.length == 20
    assert bound.proven


@pytest.mark.parametrize("shape", LEAKS)
def test_leaky_shapes_are_not(imported, shape):
    chain, source = LEAKS[shape]

    assert look(imported(source), chain) is None


def test_a_container_past_the_limit_is_not_bounded_by_it(imported):
    _chain, _limit, source = BOUNDED["pop from the front"]
    module = imported(source)
    module.C.extend(object() for _ in range(501))

    assert bound_on_path([module, module.C, module.C[-1]], module.C) is None


def test_full_to_the_limit_is_still_bounded(imported):
    _chain, _limit, source = BOUNDED["pop from the front"]

    bound = look(imported(source), GLOBAL, add=700)

    assert bound is not None
    assert (bound.limit, bound.length, bound.room) == (500, 500, 0)


def test_the_reason_names_function_and_line(imported):
    _chain, _limit, source = BOUNDED["pop from the front"]

    bound = look(imported(source), GLOBAL)

    assert bound is not None
    assert bound.reason == "bounded in the code: grow (bounded_under_test.py:5) trims it, 20 of 500 entries"
    assert bound.room == 480


def test_another_module_that_adds_without_the_guard_makes_it_a_leak(imported):
    _chain, _limit, source = BOUNDED["pop from the front"]
    module = imported(source)
    imported("from bounded_under_test import C as history\ndef add(x):\n    history.append(x)\n", "careless_under_test")

    assert look(module, GLOBAL) is None


def test_another_module_that_adds_through_the_module_makes_it_a_leak(imported):
    _chain, _limit, source = BOUNDED["pop from the front"]
    module = imported(source)
    imported("import bounded_under_test as b\ndef add(x):\n    b.C.append(x)\n", "careless_under_test")

    assert look(module, GLOBAL) is None


def test_the_guard_may_stand_in_another_module(imported):
    store = imported("C = []\n", "store_under_test")
    module = imported(
        """
        from store_under_test import C
        def grow(x):
            C.append(object())
            if len(C) > 66:
                C.pop(0)
        """
    )
    for number in range(20):
        module.grow(number)

    bound = bound_on_path([store, store.C, store.C[-1]], store.C)

    assert bound is not None
    assert bound.limit == 66


def test_without_source_nothing_is_claimed(imported):
    _chain, _limit, source = BOUNDED["pop from the front"]
    module = imported(source)
    for number in range(20):
        module.grow(number)

    assert bound_on_path([module, module.C, module.C[-1]], module.C, read=lambda path: None) is None


def test_more_code_than_a_look_is_worth(imported):
    _chain, _limit, source = BOUNDED["pop from the front"]
    module = imported(source)
    module.C.extend(range(20))
    text = textwrap.dedent(source)

    assert bound_on_path([module, module.C, 3], module.C, read=lambda path: text).limit == 500
    assert bound_on_path([module, module.C, 3], module.C, read=lambda path: text + "#" * 2_000_000) is None


def test_code_that_does_not_parse_is_no_code(imported):
    _chain, _limit, source = BOUNDED["pop from the front"]
    module = imported(source)
    module.C.extend(range(20))

    assert bound_on_path([module, module.C, 3], module.C, read=lambda path: "C = (") is None


def test_no_user_code_runs(imported):
    module = imported(
        """
        class Meta(type):
            @property
            def __mro__(cls):
                raise RuntimeError
        class Hostile(metaclass=Meta):
            def __init__(self):
                self._items = []
            def __getattribute__(self, name):
                if name in ("add", "_items"):
                    return object.__getattribute__(self, name)
                raise RuntimeError(name)
            def __eq__(self, other):
                raise RuntimeError
            __hash__ = None
            @property
            def __class__(self):
                raise RuntimeError
            @property
            def most(self):
                raise RuntimeError
            def add(self, x):
                self._items.append(x)
                if len(self._items) > self.most:
                    self._items.pop(0)
        owner = Hostile()
        held = owner._items
        def grow(x):
            held.append(object())
        """
    )
    for number in range(20):
        module.grow(number)

    assert bound_on_path([module, module.owner, module.held, module.held[-1]], module.held) is None
