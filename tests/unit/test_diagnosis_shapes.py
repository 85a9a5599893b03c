"""Leaks of many shapes: the type, the path, its root and the line, each exactly."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.unit.diagnosis_lab import laboratory


@pytest.fixture
def lab(tmp_path):
    with laboratory(tmp_path) as lab:
        yield lab


@dataclass(frozen=True)
class Shape:
    """``type`` is the retained one, ``path`` starts with ``root``; the line with ``# <-`` allocates it."""

    name: str
    source: str
    type: str
    path: str
    root: str
    first_step: str
    suspect: int = 0
    count: int = 1
    component: str = "shop.app"


SHAPES = [
    Shape(
        name="objects in a list",
        source="""
            _ORDERS = []

            class Order:
                pass

            def test():
                for _ in range(10):
                    _ORDERS.append(Order())  # <-
        """,
        type="shop.app.Order",
        count=10,
        path="shop.app._ORDERS[*]",
        root="shop.app._ORDERS",
        first_step="shop.app._ORDERS (list)",
    ),
    Shape(
        name="entries of a dict under fresh keys",
        source="""
            CACHE = {}

            class Order:
                pass

            def test():
                CACHE[f"order-{len(CACHE)}"] = Order()  # <-
        """,
        type="shop.app.Order",
        path="shop.app.CACHE[*]",
        root="shop.app.CACHE",
        first_step="shop.app.CACHE (dict)",
    ),
    Shape(
        name="subscription of a bound method",
        source="""
            class Bus:
                def __init__(self):
                    self.handlers = []

            class Widget:
                def on_event(self):
                    pass

            BUS = Bus()

            def test():
                BUS.handlers.append(Widget().on_event)  # <-
        """,
        type="shop.app.Widget",
        path="shop.app.BUS.handlers[*].__self__",
        root="shop.app.BUS",
        first_step="shop.app.BUS (shop.app.Bus)",
        suspect=1,
    ),
    Shape(
        name="object in a closure in a list of hooks",
        source="""
            HOOKS = []

            class Order:
                pass

            def make(order):
                def hook():
                    return order
                return hook

            def test():
                order = Order()  # <-
                HOOKS.append(make(order))
        """,
        type="shop.app.Order",
        path="shop.app.HOOKS[*].<locals>.order",
        root="shop.app.HOOKS",
        first_step="shop.app.HOOKS (list)",
    ),
    Shape(
        name="a closure over nothing but builtins",
        source="""
            HOOKS = []

            def make(order):
                def hook():  # <-
                    return order
                return hook

            def test():
                HOOKS.append(make(["tea"]))
        """,
        type="function",
        path="shop.app.HOOKS[*]",
        root="shop.app.HOOKS",
        first_step="shop.app.HOOKS (list)",
    ),
    Shape(
        name="default of an argument",
        source="""
            HOOKS = []

            class Order:
                pass

            def test():
                order = Order()  # <-
                HOOKS.append(lambda order=order: order)
        """,
        type="shop.app.Order",
        path="shop.app.HOOKS[*](default of order)",
        root="shop.app.HOOKS",
        first_step="shop.app.HOOKS (list)",
    ),
    Shape(
        name="unbounded lru_cache on a method",
        source="""
            import functools

            class Service:
                @functools.lru_cache(maxsize=None)
                def compute(self):
                    return 1

            def test():
                Service().compute()  # <-
        """,
        type="shop.app.Service",
        path="cache of shop.app.Service.compute[*]",
        root="cache of shop.app.Service.compute",
        first_step="cache of shop.app.Service.compute (lru_cache)",
    ),
    Shape(
        name="bounded lru_cache on a method",
        source="""
            import functools

            class Service:
                @functools.lru_cache(maxsize=1000)
                def compute(self):
                    return 1

            def test():
                Service().compute()  # <-
        """,
        type="shop.app.Service",
        path="cache of shop.app.Service.compute[*]",
        root="cache of shop.app.Service.compute",
        first_step="cache of shop.app.Service.compute (lru_cache)",
    ),
    Shape(
        name="lru_cache on a function",
        source="""
            import functools
            import itertools

            NUMBERS = itertools.count()

            class Quote:
                pass

            @functools.lru_cache(maxsize=1000)
            def quote(number):
                return Quote()  # <-

            def test():
                quote(next(NUMBERS))
        """,
        type="shop.app.Quote",
        path="cache of shop.app.quote[*]",
        root="cache of shop.app.quote",
        first_step="cache of shop.app.quote (lru_cache)",
    ),
    Shape(
        name="logging handlers",
        source="""
            import logging

            def test():
                logging.getLogger("diagnosis.shapes").addHandler(logging.Handler())  # <-
        """,
        type="logging.Handler",
        path="logging.Logger.manager.loggerDict['diagnosis.shapes'].handlers[*]",
        root="logging.Logger.manager",
        first_step="logging.Logger.manager (logging.Manager)",
        suspect=3,
        component="logging",
    ),
    Shape(
        name="a stored exception keeps the locals of the frames it passed",
        source="""
            ERRORS = []

            class Cart:
                pass

            def checkout():
                cart = Cart()  # <-
                raise ValueError("no")

            def test():
                try:
                    checkout()
                except ValueError as error:
                    ERRORS.append(error)
        """,
        type="shop.app.Cart",
        path="shop.app.ERRORS[*].__traceback__.checkout.<locals>.cart",
        root="shop.app.ERRORS",
        first_step="shop.app.ERRORS (list)",
    ),
    Shape(
        name="bytes in a list",
        source="""
            BLOBS = []

            def test():
                BLOBS.append(bytes(1000))  # <-
        """,
        type="bytes",
        path="shop.app.BLOBS[*]",
        root="shop.app.BLOBS",
        first_step="shop.app.BLOBS (list)",
    ),
    Shape(
        name="strings as keys of a dict that gc does not track",
        source="""
            SEEN = {}

            def test():
                SEEN[f"customer-{len(SEEN)}"] = None  # <-
        """,
        type="str",
        path="shop.app.SEEN[*]",
        root="shop.app.SEEN",
        first_step="shop.app.SEEN (dict)",
    ),
    Shape(
        name="numbers in a set",
        source="""
            import itertools

            NUMBERS = itertools.count(1000)
            SEEN = set()

            def test():
                SEEN.add(next(NUMBERS))  # <-
        """,
        type="int",
        path="shop.app.SEEN[*]",
        root="shop.app.SEEN",
        first_step="shop.app.SEEN (set)",
    ),
    Shape(
        name="floats in an attribute of a slotted instance",
        source="""
            class Stats:
                __slots__ = ("latencies",)

                def __init__(self):
                    self.latencies = []

            STATS = Stats()

            def test():
                STATS.latencies.append(float(len(STATS.latencies)) + 0.5)  # <-
        """,
        type="float",
        path="shop.app.STATS.latencies[*]",
        root="shop.app.STATS",
        first_step="shop.app.STATS (shop.app.Stats)",
        suspect=1,
    ),
    Shape(
        name="a deque of slotted instances",
        source="""
            import collections

            QUEUE = collections.deque()

            class Job:
                __slots__ = ("payload",)

            def test():
                QUEUE.append(Job())  # <-
        """,
        type="shop.app.Job",
        path="shop.app.QUEUE[*]",
        root="shop.app.QUEUE",
        first_step="shop.app.QUEUE (collections.deque)",
    ),
    Shape(
        name="suspended generators",
        source="""
            ROWS = []

            class Row:
                pass

            def rows():
                row = Row()  # <-
                yield row

            def test():
                generator = rows()
                next(generator)
                ROWS.append(generator)
        """,
        type="shop.app.Row",
        path="shop.app.ROWS[*].<locals>.row",
        root="shop.app.ROWS",
        first_step="shop.app.ROWS (list)",
    ),
    Shape(
        name="a context variable",
        source="""
            import contextvars

            class Request:
                pass

            CURRENT = contextvars.ContextVar("shop_requests")

            def test():
                if CURRENT.get(None) is None:
                    CURRENT.set([])
                CURRENT.get().append(Request())  # <-
        """,
        type="shop.app.Request",
        path="context variable 'shop_requests'[*]",
        root="context variable 'shop_requests'",
        first_step="context variable 'shop_requests' (list)",
    ),
    Shape(
        name="a thread local",
        source="""
            import threading

            class Request:
                pass

            LOCAL = threading.local()

            def test():
                if not hasattr(LOCAL, "requests"):
                    LOCAL.requests = []
                LOCAL.requests.append(Request())  # <-
        """,
        type="shop.app.Request",
        path="shop.app.LOCAL.requests[*]",
        root="shop.app.LOCAL",
        first_step="shop.app.LOCAL (_thread._local)",
        suspect=1,
    ),
    Shape(
        name="a class attribute",
        source="""
            class Order:
                instances = []

                def __init__(self):
                    Order.instances.append(self)

            def test():
                Order()  # <-
        """,
        type="shop.app.Order",
        path="shop.app.Order.instances[*]",
        root="shop.app.Order.instances",
        first_step="shop.app.Order.instances (list)",
    ),
    Shape(
        name="the callbacks of weak references",
        source="""
            import weakref

            class Node:
                pass

            class Context:
                pass

            ROOT = Node()
            REFERENCES = []

            def test():
                context = Context()  # <-
                REFERENCES.append(weakref.ref(ROOT, lambda _, context=context: None))
        """,
        type="shop.app.Context",
        path="shop.app.REFERENCES[*].__callback__(default of context)",
        root="shop.app.REFERENCES",
        first_step="shop.app.REFERENCES (list)",
    ),
    Shape(
        name="arguments of partial objects",
        source="""
            import functools

            CALLBACKS = []

            class Order:
                pass

            def test():
                CALLBACKS.append(functools.partial(print, order=Order()))  # <-
        """,
        type="shop.app.Order",
        path="shop.app.CALLBACKS[*].keywords['order']",
        root="shop.app.CALLBACKS",
        first_step="shop.app.CALLBACKS (list)",
    ),
    Shape(
        name="a cluster of cycles of which one member is registered",
        source="""
            REGISTRY = {}

            class Node:
                def __init__(self):
                    self.peers = []

            def test():
                nodes = [Node() for _ in range(300)]
                for node in nodes:
                    node.peers.extend(nodes[:20])  # <-
                    nodes[0].peers.append(node)
                REGISTRY[len(REGISTRY)] = nodes[200]
        """,
        type="shop.app.Node",
        count=300,
        path="shop.app.REGISTRY[*]",
        root="shop.app.REGISTRY",
        first_step="shop.app.REGISTRY (dict)",
    ),
    Shape(
        name="a list linked through its newest node",
        source="""
            HEAD = None

            class Node:
                def __init__(self, before):
                    self.before = before

            def test():
                global HEAD
                HEAD = Node(HEAD)  # <-
        """,
        type="shop.app.Node",
        path="shop.app.HEAD.before",
        root="shop.app.HEAD",
        first_step="shop.app.HEAD (shop.app.Node)",
    ),
    Shape(
        name="a replaced object that is retained elsewhere as well",
        source="""
            LAST = None
            ORDERS = {}

            class Order:
                pass

            def test():
                global LAST
                LAST = Order()  # <-
                ORDERS.setdefault("all", []).append(LAST)
        """,
        type="shop.app.Order",
        path="shop.app.ORDERS['all'][*]",
        root="shop.app.ORDERS",
        first_step="shop.app.ORDERS (dict)",
        suspect=1,
    ),
    Shape(
        name="finalizers of something that lives on",
        source="""
            import weakref

            class Service:
                pass

            class Session:
                pass

            SERVICE = Service()

            def nothing(session):
                pass

            def test():
                weakref.finalize(SERVICE, nothing, Session()).atexit = False  # <-
        """,
        type="shop.app.Session",
        path="weakref.finalize._registry[*].args[*]",
        root="weakref.finalize._registry",
        first_step="weakref.finalize._registry (dict)",
        component="weakref",
    ),
    Shape(
        name="a subclass of list with attributes",
        source="""
            class Journal(list):
                pass

            class Entry:
                pass

            JOURNAL = Journal()
            JOURNAL.owner = "shop"

            def test():
                JOURNAL.append(Entry())  # <-
        """,
        type="shop.app.Entry",
        path="shop.app.JOURNAL[*]",
        root="shop.app.JOURNAL",
        first_step="shop.app.JOURNAL (shop.app.Journal)",
    ),
    Shape(
        name="lists in a defaultdict in a slot",
        source="""
            import collections

            class App:
                __slots__ = ("subscribers",)

                def __init__(self):
                    self.subscribers = collections.defaultdict(list)

            class Event:
                pass

            APP = App()

            def test():
                APP.subscribers["click"].append(Event())  # <-
        """,
        type="shop.app.Event",
        path="shop.app.APP.subscribers['click'][*]",
        root="shop.app.APP",
        first_step="shop.app.APP (shop.app.App)",
        suspect=2,
    ),
    Shape(
        name="implementations of a generic function",
        source="""
            import functools

            @functools.singledispatch
            def render(value):
                return ""

            def test():
                class Local:  # <-
                    pass
                render.register(Local, lambda value: "local")
        """,
        type="type",
        path="shop.app.render.registry[*]",
        root="shop.app.render",
        first_step="shop.app.render (function shop.app.render)",
        suspect=1,
    ),
    Shape(
        name="iterators over something else",
        source="""
            OPEN = []

            def numbers():
                yield from [1, 2, 3]  # <-

            def test():
                generator = numbers()
                next(generator)
                OPEN.append(generator)
        """,
        type="generator",
        path="shop.app.OPEN[*]",
        root="shop.app.OPEN",
        first_step="shop.app.OPEN (list)",
    ),
    Shape(
        name="classes in a registry",
        source="""
            MODELS = {}

            class Base:
                def __init_subclass__(cls):
                    MODELS[len(MODELS)] = cls

            def test():
                class Model(Base):  # <-
                    pass
        """,
        type="type",
        path="shop.app.MODELS[*]",
        root="shop.app.MODELS",
        first_step="shop.app.MODELS (dict)",
    ),
]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_shape(lab, shape):
    app = lab.module("app", shape.source)

    diagnosis = lab.diagnose(app.test).diagnosis

    (retainer,) = diagnosis.retainers
    assert (retainer.path, retainer.root, retainer.type) == (shape.path, shape.root, shape.type)
    assert retainer.steps[0] == shape.first_step
    assert retainer.suspect == shape.suspect
    assert (diagnosis.types[0].type, diagnosis.types[0].count) == (shape.type, shape.count)
    assert diagnosis.types[0].bytes > 0
    assert ("shop/app.py", lab.marked_line("app")) in {(site.file, site.line) for site in diagnosis.sites}
    assert diagnosis.component == shape.component
    assert diagnosis.notes == ()
    assert len(diagnosis.signature) == 12


def test_steps_name_every_object_on_the_way(lab):
    app = lab.module(
        "app",
        """
        BUS = None

        class Bus:
            def __init__(self):
                self.handlers = {}

        class Widget:
            def on_event(self):
                pass

        BUS = Bus()

        def test():
            BUS.handlers.setdefault("click", []).append(Widget().on_event)
        """,
    )

    (retainer,) = lab.diagnose(app.test).diagnosis.retainers

    assert retainer.steps == (
        "shop.app.BUS (shop.app.Bus)",
        ".handlers dict",
        "['click'] list",
        "[*] method",
        ".__self__ shop.app.Widget",
    )
    assert retainer.suspect == 2


def test_a_name_is_given_as_the_module_that_defines_it_has_it(lab):
    lab.module(
        "orders",
        """
        ORDERS = []

        class Order:
            pass
        """,
    )
    app = lab.module(
        "app",
        """
        from shop.orders import ORDERS, Order

        def test():
            ORDERS.append(Order())
        """,
    )

    (retainer,) = lab.diagnose(app.test).diagnosis.retainers

    assert retainer.root == "shop.orders.ORDERS"


def test_a_test_module_is_named_only_where_nothing_else_has_it(lab):
    app = lab.module(
        "test_app",
        """
        KEPT = []

        class Order:
            pass

        def test():
            KEPT.append(Order())
        """,
    )
    evidence = lab.diagnose(app.test)
    assert evidence.diagnosis.retainers[0].root == "shop.test_app.KEPT"
    assert evidence.owner == "user"

    other = lab.module("zz_application", "")
    other.ORDERS = app.KEPT

    evidence = lab.diagnose(app.test)
    assert evidence.diagnosis.retainers[0].root == "shop.zz_application.ORDERS"


def test_a_weak_keyed_value_that_holds_its_own_key_is_pointed_out(lab):
    app = lab.module(
        "app",
        """
        import weakref

        STREAMS = weakref.WeakKeyDictionary()

        class Stream:
            pass

        class Wrapper:
            def __init__(self, stream):
                self.stream = stream

        def test():
            stream = Stream()
            STREAMS[stream] = Wrapper(stream)
        """,
    )

    diagnosis = lab.diagnose(app.test).diagnosis

    assert diagnosis.retainers[0].path == "shop.app.STREAMS[*]"
    assert diagnosis.retainers[0].type == "shop.app.Wrapper"
    assert diagnosis.notes == ("an entry of the weak-keyed mapping never goes away: its value refers to its key",)


@pytest.fixture(scope="module")
def baskets():
    return {"all": []}


class Basket:
    pass


def test_the_value_of_a_wider_fixture_is_a_root(lab, baskets):
    evidence = lab.diagnose(lambda: baskets["all"].append(Basket()))

    (retainer,) = evidence.diagnosis.retainers
    assert retainer.path == "fixture 'baskets'['all'][*]"
    assert retainer.root == "fixture 'baskets'"
    assert retainer.type == f"{__name__}.Basket"
