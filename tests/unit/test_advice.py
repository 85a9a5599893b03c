"""Each shape of leak gets the cure of its own rule, and what is not recognised gets none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_memguard.advice import RULES, advise, shape
from pytest_memguard.model import AllocationSite, Diagnosis, Retainer, TypeGrowth
from tests.unit.reported import LEAK

OUTSIDE = "(held outside Python)"


def leak(*steps, path=None, root=None, types=(), source="", notes=(), **finding):
    """A finding whose path has these steps, such as ``"shop.BUS (list)", "[*] method", ".__self__ shop.Mailer"``."""
    retainers = ()
    if steps:
        first = steps[0].rpartition(" (")[0] or steps[0]
        text = path or first + "".join(step.partition(" ")[0] for step in steps[1:])
        last = steps[-1]
        kept = last.partition(" ")[2] if len(steps) > 1 else last.rpartition("(")[2].rstrip(")")
        retainers = (Retainer(path=text, root=root or first, type=kept, steps=steps, suspect=0),)
    site = AllocationSite(file="shop/a.py", line=1, function="f", bytes=1, count=1, source=source)
    diagnosis = Diagnosis(
        types=tuple(TypeGrowth(type=name, count=1, bytes=1) for name in types),
        sites=(site,) if source else (),
        retainers=retainers,
        notes=notes,
    )
    return replace(LEAK, diagnosis=diagnosis, **finding)


SHAPES = {
    "task": leak(kind="task"),
    "thread": leak(kind="thread", phase="setup", fixture="worker"),
    "process": leak(kind="process"),
    "timer": leak(kind="timer"),
    "socket": leak(kind="socket"),
    "fd": leak(kind="fd"),
    "tempfile": leak(kind="tempfile"),
    "garbage": leak(kind="garbage"),
    "native": leak(kind="native", source="lib.encode(image)"),
    "reference count": leak(
        OUTSIDE,
        "shop.Key",
        path=OUTSIDE,
        notes=("held outside Python: shop.Key has one reference more than the objects",),
    ),
    "container of C code": leak(OUTSIDE, "[*] list", notes=("held outside Python: C code refers to list",)),
    "cached method": leak("cache of shop.rates.Season.price (lru_cache)", "[*] shop.rates.Season"),
    "unbounded cache": leak("cache of shop.rates.quote (lru_cache)", "[*] shop.rates.Tariff"),
    "logging handler": leak("shop.log (logging.Logger)", ".handlers list", "[*] shop.Sink"),
    "logging filter": leak("shop.log (logging.Logger)", ".filters list", "[*] shop.Only"),
    "logger a call": leak("logging.Logger.manager (logging.Manager)", ".loggerDict dict", "[*] logging.Logger"),
    "atexit": leak("atexit", "[*] tuple", "[*] shop.Record"),
    "finalizer": leak("weakref.finalize._registry (dict)", "[*] weakref.finalize._Info"),
    "module": leak("sys.modules (dict)", "[*] module"),
    "context variable": leak("context variable 'trail' (tuple)", "[*] shop.Record"),
    "registered type": leak("shop.greet (function shop.greet)", ".registry mappingproxy", "[*] type"),
    "callback of the interpreter": leak("sys.meta_path (list)", "[*] shop.Finder"),
    "mock": leak("shop.gateway (unittest.mock.MagicMock)", "._mock_mock_calls list", "[*] shop.Record"),
    "stored exception": leak("shop.ERRORS (list)", "[*] ValueError", ".__traceback__.f.<locals>.record shop.Record"),
    "weak key": leak(
        "shop.NOTES (weakref.WeakKeyDictionary)",
        "[*] dict",
        "['about'] shop.Guest",
        notes=("an entry of the weak-keyed mapping never goes away: its value refers to its key",),
    ),
    "exit stack": leak("shop.stack (contextlib.ExitStack)", "._exit_callbacks collections.deque", "[*] tuple"),
    "default argument": leak(
        "shop.discount (function shop.discount)",
        "(default of used) list",
        "[*] shop.Tariff",
        path="shop.discount(default of used)[*]",
    ),
    "frame of a thread": leak("thread 'cook' frame cook local slips (list)", "[*] shop.Order"),
    "missing close": leak("shop.OPEN (list)", "[*] sqlite3.Connection"),
    "coroutine": leak("shop.LATER (list)", "[*] coroutine"),
    "suspended generator": leak("shop.WAITING (list)", "[*] generator"),
    "class a call": leak("shop.ROLES (list)", "[*] type"),
    "subscription": leak("shop.bell (shop.Bell)", "._listeners list", "[*] method", ".__self__ shop.Porter"),
    "callback": leak("shop.CALLS (set)", "[*] function shop.f.<locals>.<lambda>", ".<locals>.guest shop.Guest"),
    "fixture that accumulates": leak("fixture 'stock' (shop.Stock)", ".items list", "[*] shop.Room"),
    "fixture without teardown": leak("shop.OPENED (list)", "[*] shop.Room", phase="setup", fixture="room"),
    "teardown": leak("shop.CLOSED (list)", "[*] shop.Room", phase="teardown", fixture="room"),
    "text": leak("shop._text (str)"),
    "buffer": leak("shop.TAPE (shop.Tape)", ".raw bytearray"),
    "deque": leak("shop.HISTORY (collections.deque)", "[*] shop.Room"),
    "chain": leak("shop.CORRIDOR (shop.Corridor)", ".last shop.Place", ".before shop.Place"),
    "thread-local": leak("shop._local (_thread._local)", ".seen list", "[*] shop.Guest"),
    "mapping": leak("shop._BY_CODE (dict)", "[*] shop.Tariff"),
    "collection": leak("shop.LINES (list)", "[*] bytes"),
}


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_has_the_cure_of_its_rule(name):
    found = shape(SHAPES[name])
    assert found is not None
    assert found.name == name
    assert advise(SHAPES[name]) == found.cure


def test_each_rule_has_a_shape_here_and_a_name_of_its_own():
    names = [rule.name for rule in RULES]
    assert sorted(names) == sorted(SHAPES)


def test_a_cure_is_one_sentence_that_goes_on_where_a_label_ends():
    for rule in RULES:
        assert rule.cure[0].islower()
        assert not rule.cure.endswith(".")
        assert "\n" not in rule.cure


def test_what_is_not_recognised_gets_no_advice():
    assert advise(leak()) is None


@pytest.mark.parametrize(
    "source", ["bus.subscribe(mailer)", "signal.connect(receive, sender)", "emitter.add_listener(f)"]
)
def test_a_subscription_is_known_by_the_call_that_makes_it(source):
    found = shape(leak("shop.bus (shop.Bus)", "._all list", "[*] shop.Mailer", source=source))
    assert found is not None
    assert found.name == "subscription"


def test_a_list_in_a_closure_is_no_callback_that_is_kept():
    found = shape(leak("shop.switch (function shop.wrapper)", ".<locals>.calls list", "[*] tuple"))
    assert found is not None
    assert found.name == "collection"


def test_streams_in_memory_need_no_close():
    found = shape(leak("shop.KEPT (list)", "[*] _io.BytesIO"))
    assert found is not None
    assert found.name == "collection"
