"""A census of the lengths of living containers: what grows in steps shows in no block count, but here at once.

A ``bytearray``, a ``StringIO``, a list of objects that exist anyway or a dict of small integers allocates only when its
buffer is full, so single rounds show a zero now and then and clear it. Its length grows in every run.
"""

from __future__ import annotations

import gc
import io
import operator
import queue
import sys
import types
import weakref
from array import array
from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator
from importlib.machinery import ModuleSpec
from itertools import compress, filterfalse
from typing import Any

from pytest_memguard.values import dataclass

#: Packages whose containers are no business of a suite: their modules, and what their instances hold.
OWN_PACKAGES = ("_pytest", "pytest", "pluggy", "pytest_memguard", "xdist", "execnet")
MOST_OBJECTS = 2_000_000  #: beyond that a census would take half a second and 30 MB, so there is none

#: In a larger heap only what the collector tracks is counted: finding the rest would take half a second, too.
MOST_HOLDERS = 200_000

_SIZED: tuple[type, ...] = (list, dict, set, deque, bytearray, array)
#: Not sized, but they tell: a stream that is only written to stands at its end. ``getbuffer`` and ``seek`` would be
#: exact and would disturb another thread that is writing.
_TELLING: tuple[tuple[type, str], ...] = ((io.BytesIO, "tell"), (io.StringIO, "tell"), (queue.SimpleQueue, "qsize"))
_TEXT = frozenset({str, bytes})
_LOCAL_PLACE = ("_thread", "_localdummy")
#: Most objects of a heap, and never the only holder of a buffer or of a dict that the collector does not track.
_NO_HOLDERS = frozenset(
    {
        types.FunctionType,
        types.BuiltinFunctionType,
        types.WrapperDescriptorType,
        types.MethodDescriptorType,
        types.ClassMethodDescriptorType,
        types.GetSetDescriptorType,
        types.MemberDescriptorType,
        types.FrameType,
        property,
        weakref.ref,
        set,
        frozenset,
        ModuleSpec,
    }
)
_mro = type.__dict__["__mro__"].__get__
_class_dict = type.__dict__["__dict__"].__get__
_module = type.__dict__["__module__"].__get__
_class_name = type.__dict__["__name__"].__get__
_module_dict = vars(types.ModuleType)["__dict__"].__get__


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Grown:
    """One container that is longer than before: entries, bytes or characters. Holds it strongly: use it and drop it.

    A string is no container: with a ``name``, what grew is the text under that name in ``container``, the namespace of
    a module. Neither comparing nor printing a result asks the container, whose ``__eq__`` and ``__repr__`` may be
    somebody's code.
    """

    container: object
    before: int
    after: int
    name: str = ""

    @property
    def grown(self) -> int:
        """Entries, bytes or characters more than before."""
        return self.after - self.before


class ContainerCensus:
    """Lengths of all containers that are alive at :meth:`take`, measured again at will.

    Counted are ``list``, ``dict``, ``set``, ``deque``, ``bytearray``, ``array``, ``BytesIO``, ``StringIO`` and
    ``SimpleQueue`` with all their subclasses, by the slots of these types: no ``__len__``, ``__eq__``, ``__hash__`` or
    ``__repr__`` of a test's own runs. Dicts of plain values and bytearrays are unknown to the collector and are found
    as referents (a bytearray in a tuple of plain values, such as the defaults of a function, is not). Left out: what
    modules of ``own`` packages and their instances hold, and the inside of running frames. A ``str`` or ``bytes`` that
    gets longer is a new object each time, so texts are compared by name, and only as globals of modules: one counts as
    grown when it begins or ends with what it was.

    Frozen objects (``gc.freeze``) are invisible to ``gc.get_objects``: call :meth:`take` unfrozen and after a full
    collection (garbage would be kept). Measuring works in either state.

    The containers are held strongly, for there is no other way: ``list`` and ``dict`` cannot be referred to weakly,
    and ids alone would need a new scan at each measurement (10 times its cost, and blind on a frozen heap) and would
    take a new container for a dead one with its id. The price: a container that dies in between stays, with what is
    in it, until :meth:`release`. So a census lives in pass 2 only, between two settled points, and before the
    baseline of the blocks is read; its own memory (8 + 8 bytes a container) does not change while it lives.
    """

    def __init__(
        self,
        objects: Callable[[], list[object]] = gc.get_objects,
        *,
        own: Iterable[str] = OWN_PACKAGES,
        most_objects: int = MOST_OBJECTS,
    ) -> None:
        self._objects = objects
        self._own = frozenset(own)
        self._most_objects = most_objects
        self._plain: list[Any] = []
        self._odd: list[tuple[Callable[[Any], int], Any]] = []
        self._before = self._odd_before = array("q")
        self._texts: list[tuple[dict[str, Any], str]] = []
        self._texts_before: list[Any] = []
        self._ours: list[object] = []
        self._skipped: set[int] | None = None

    def __enter__(self) -> ContainerCensus:
        self.take()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.release()

    def take(self) -> int:
        """Find all containers and remember their lengths; how many there are, 0 where the heap is too large."""
        self.release()
        objects = self._objects()
        if len(objects) > self._most_objects:
            return 0
        types_of = list(map(type, objects))
        kinds = set(types_of)
        plain, odd = _measures(kinds)
        own = {kind for kind in kinds if self._is_own(_module_name(kind))} | {ContainerCensus, types.ModuleType}
        self._plain = list(_select(objects, types_of, plain))
        special = list(_select(objects, types_of, own | odd.keys()))
        self._odd = [(odd[type(o)], o) for o in special if type(o) in odd]
        self._ours = [o for o in special if type(o) in own]
        modules = [_module_dict(o) for o in special if type(o) is types.ModuleType]
        self._texts = [text for names in modules if not self._is_own(names.get("__name__")) for text in _texts(names)]
        # Nor modules: asking _asyncio for its C state frees that twice (python/cpython#122695, fixed in 3.12.6).
        holders = {kind for kind in kinds - _NO_HOLDERS if not issubclass(kind, types.ModuleType)}
        if len(objects) <= MOST_HOLDERS:
            self._plain += _untracked(_select(objects, types_of, holders))
        self.mark()
        return len(self._plain) + len(self._odd) + len(self._texts)

    def mark(self) -> None:
        """Make the present lengths the ones to compare with."""
        self._before = array("q", [*map(len, self._plain)])
        self._odd_before = array("q", [measure(o) for measure, o in self._odd])
        self._texts_before = [names.get(name) for names, name in self._texts]

    def grown(self, minimum: int = 1, *, most_times: int | None = None) -> list[Grown]:
        """The containers that are at least ``minimum`` longer than at the last mark, those that grew most first.

        After ``n`` repetitions in which each adds something, ``minimum`` is ``n``. One group is a suspicion: a cache
        may fill (ask :func:`pytest_memguard.bounds.bound_on_path`), so mark and repeat. ``most_times``: without those
        that grew by more than so many times their length.
        """
        # ``list()`` would leave a block in the free list of lists, this takes one from it.
        now = array("q", [*map(len, self._plain)])
        # Mostly nothing has changed, and comparing two arrays costs next to nothing.
        longer = compress(range(len(now)), map(operator.gt, now, self._before)) if now != self._before else ()
        found = [Grown(container=self._plain[i], before=self._before[i], after=now[i]) for i in longer]
        for (measure, container), before in zip(self._odd, self._odd_before, strict=True):
            found.append(Grown(container=container, before=before, after=measure(container)))
        found += self._longer_texts()
        found = [longer for longer in found if longer.grown >= max(1, minimum)]
        if most_times is not None:
            found = [longer for longer in found if longer.grown <= longer.before * most_times]
        if not found:
            return []
        if self._skipped is None:
            self._skipped = self._held_by_own(self._ours) | _memories()
        theirs = (g for g in found if id(g.container) not in self._skipped)
        theirs = (g for g in theirs if not any(map(self._is_no_entry, map(type, _newest(g.container)))))
        return sorted(theirs, key=lambda g: -g.grown)

    def release(self) -> None:
        """Let go of everything."""
        self._plain, self._odd = [], []
        self._before = self._odd_before = array("q")
        self._texts, self._texts_before = [], []
        self._ours, self._skipped = [], None

    def _longer_texts(self) -> Iterator[Grown]:
        for (names, name), before in zip(self._texts, self._texts_before, strict=True):
            after: Any = names.get(name)
            same = type(after) is type(before) and type(after) in _TEXT
            if same and after is not before and (after.startswith(before) or after.endswith(before)):
                yield Grown(container=names, name=name, before=len(before), after=len(after))

    def _held_by_own(self, own: list[object]) -> set[int]:
        """Ids of the namespaces of own modules, the attributes of own instances, and of what these hold directly.

        Ids stay true for as long as they are asked for: the census keeps every container alive that it may report.
        """
        modules = [_module_dict(o) for o in own if type(o) is types.ModuleType]
        held: list[object] = [names for names in modules if self._is_own(names.get("__name__"))]
        held += gc.get_referents(*[o for o in own if type(o) is not types.ModuleType])
        held += gc.get_referents(*[o for o in held if type(o) is dict])
        return set(map(id, held))

    def _is_no_entry(self, kind: type) -> bool:
        """Whether an entry of that type retains nothing of the suite's.

        Weak references (the subclasses of a type, the registry of an ABC, a weak mapping) retain nothing but
        themselves, and that is a block of its own; modules are imported once; then what pytest puts somewhere, and the
        places of thread-locals.
        """
        module = _module_name(kind)
        return (
            issubclass(kind, (weakref.ref, types.ModuleType))
            or (module, _class_name(kind)) == _LOCAL_PLACE
            or self._is_own(module)
        )

    def _is_own(self, module: object) -> bool:
        return type(module) is str and module.partition(".")[0] in self._own


def _module_name(kind: type) -> object:
    """``kind.__module__`` from the slot; a class that lost it, or that the collector has taken apart, has none."""
    try:
        return _module(kind)
    except AttributeError:
        return None


def _select(objects: list[object], types_of: list[type], chosen: Container[type]) -> Iterator[object]:
    """The objects of the chosen types. No closure may do this: its cell is in ``objects`` and would hold it."""
    return compress(objects, map(chosen.__contains__, types_of))


def _measures(kinds: Iterable[type]) -> tuple[set[type], dict[type, Callable[[Any], int]]]:
    """The types for which ``len`` runs C code only, and for the other containers what measures them."""
    plain: set[type] = {dict, bytearray}  # even where the collector tracks none of them
    odd: dict[type, Callable[[Any], int]] = {}
    for kind in kinds:
        bases = _mro(kind) or ()  # a class that the collector has taken apart has none
        base = next((b for b in _SIZED if b in bases), None)
        if base is not None:
            length = next(_class_dict(b)["__len__"] for b in bases if "__len__" in _class_dict(b))
            if type(length) is types.WrapperDescriptorType:
                plain.add(kind)
            else:
                odd[kind] = _class_dict(base)["__len__"]
        else:
            tells = next(((b, name) for b, name in _TELLING if b in bases), None)
            if tells is not None:
                odd[kind] = _teller(_class_dict(tells[0])[tells[1]])
    return plain, odd


def _teller(method: Callable[[Any], int]) -> Callable[[Any], int]:
    def tell(stream: Any) -> int:
        try:
            return method(stream)
        except ValueError:  # closed, or made by __new__ alone: it holds nothing
            return 0

    return tell


def _newest(container: object) -> tuple[object, ...]:
    """The newest entry, key and value of a dict; any entry of a set, which keeps no order."""
    try:
        if isinstance(container, dict):
            return next(reversed(dict.items(container)), ())
        if isinstance(container, list):
            return tuple(list.__getitem__(container, slice(-1, None)))
        if isinstance(container, set):
            return (next(set.__iter__(container), None),)
    except RuntimeError:  # another thread is at it
        pass
    return ()


def _memories() -> set[int]:
    """Ids of what the interpreter's own modules remember about code that was looked at."""
    remembered = (("linecache", "cache"), ("inspect", "modulesbyfile"), ("inspect", "_filesbymodname"))
    return {id(getattr(sys.modules.get(module), name, None)) for module, name in remembered}


def _texts(names: dict[str, Any]) -> list[tuple[dict[str, Any], str]]:
    return [
        (names, name)
        for name, value in list(names.items())
        if type(value) in _TEXT and type(name) is str and not name.startswith("__")
    ]


def _untracked(holders: Iterable[object]) -> list[object]:
    """Bytearrays, and dicts of nothing but plain values: the collector leaves those out, their holders lead to them."""
    # All of it in C: a heap may hold a million dicts of plain values.
    held = _once(list(filterfalse(gc.is_tracked, _of_types({bytearray, dict}, gc.get_referents(*holders)))))
    inside = gc.get_referents(*_of_types({dict}, held))
    return _once([*held, *_of_types({bytearray}, inside)])


def _once(objects: list[object]) -> list[object]:
    return list(dict(zip(map(id, objects), objects, strict=True)).values())


def _of_types(chosen: set[type], objects: list[object]) -> Iterator[object]:
    return compress(objects, map(chosen.__contains__, map(type, objects)))
