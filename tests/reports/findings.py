"""The leaks of ``examples/`` as findings, with the lines that the files have now, and two of other kinds."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

from pytest_memguard.model import AllocationSite, Diagnosis, Finding, Retainer, RoundSeries, TypeGrowth

ROOT = Path(__file__).resolve().parent.parent.parent


def site(path: str, source: str, function: str, *, size: int = 0, count: int = 0) -> AllocationSite:
    """The line of a file of this project that has that source."""
    lines = (ROOT / path).read_text("utf-8").splitlines()
    number = next(number for number, line in enumerate(lines, 1) if line.strip().startswith(source))
    return AllocationSite(
        file=path, line=number, function=function, bytes=size, count=count, source=lines[number - 1].strip()
    )


def orders(nodeid: str = "examples/tests/test_orders.py::test_checkout", *witnesses: str) -> Finding:
    """A list that every checkout makes longer."""
    return Finding(
        nodeid=nodeid,
        witnesses=(nodeid, *witnesses),
        kind="python",
        verdict="leak",
        gates=True,
        reason=None,
        severity="high",
        phase="call",
        fixture=None,
        bytes_per_run=388,
        blocks_per_run=7,
        count_per_run=4,
        rounds=(RoundSeries(metric="blocks", deltas=(7,) * 32),),
        confidence=0.99,
        diagnosis=Diagnosis(
            types=(
                TypeGrowth(type="shop.orders.Order", count=1, bytes=88),
                TypeGrowth(type="shop.cart.Line", count=2, bytes=96),
                TypeGrowth(type="tuple", count=1, bytes=56),
            ),
            sites=(
                site("examples/shop/orders.py", "order = Order(", "checkout", size=132, count=3),
                site("examples/shop/cart.py", "return tuple(Line(", "Cart.lines", size=152, count=3),
            ),
            retained_at=(site("examples/shop/orders.py", "_history.append(", "checkout"),),
            retainers=(
                Retainer(
                    path="shop.orders._history[*]",
                    root="shop.orders._history",
                    type="shop.orders.Order",
                    steps=("shop.orders._history (list)", "[*] shop.orders.Order"),
                    suspect=0,
                ),
            ),
            component="shop.orders",
            signature="750237fd43eb",
        ),
        advice="it gets longer with each call: remove what is done with, bound it (collections.deque(maxlen=..)), or "
        "make it part of an object that goes",
    )


def stock(nodeid: str = "examples/tests/test_stock.py::test_low_stock[2-False]") -> Finding:
    """A fixture that subscribes and never takes it back, with a long way to the root."""
    return replace(
        orders(),
        nodeid=nodeid,
        witnesses=(nodeid, "examples/tests/test_stock.py::test_low_stock[3-True]"),
        phase="setup",
        fixture="alert",
        bytes_per_run=160,
        blocks_per_run=3,
        rounds=(RoundSeries(metric="blocks", deltas=(3,) * 32),),
        diagnosis=Diagnosis(
            types=(
                TypeGrowth(type="shop.stock.LowStockAlert", count=1, bytes=80),
                TypeGrowth(type="method", count=1, bytes=64),
            ),
            sites=(
                site("examples/tests/test_stock.py", "return LowStockAlert(", "alert", size=96, count=2),
                site("examples/shop/stock.py", "events.subscribe(", "LowStockAlert.__init__", size=64, count=1),
            ),
            retained_at=(site("examples/shop/events.py", "self._listeners[topic].append(", "EventBus.subscribe"),),
            retainers=(
                Retainer(
                    path="shop.events.bus._listeners['stock.changed'][*].__self__",
                    root="shop.events.bus",
                    type="shop.stock.LowStockAlert",
                    steps=(
                        "shop.events.bus (shop.events.EventBus)",
                        "._listeners collections.defaultdict",
                        "['stock.changed'] list",
                        "[*] method",
                        ".__self__ shop.stock.LowStockAlert",
                    ),
                    suspect=2,
                ),
            ),
            component="shop.events",
            signature="53e31b5bc884",
        ),
        advice="take the subscription back (unsubscribe, disconnect, remove) when the subscriber goes, or hold "
        "subscribers by weakref.WeakMethod",
    )


def native(nodeid: str) -> Finding:
    """Memory of C code: no types, no path, a note."""
    noisy = random.Random(7)  # noqa: S311 - the same each time
    return replace(
        orders(),
        nodeid=nodeid,
        witnesses=(nodeid,),
        kind="native",
        bytes_per_run=4112,
        blocks_per_run=0,
        count_per_run=0,
        confidence=0.96,
        rounds=(RoundSeries(metric="heap", deltas=tuple(4096 + 16 * noisy.randrange(-40, 60) for _ in range(32))),),
        diagnosis=Diagnosis(
            sites=(
                AllocationSite(
                    file="imaging:codecs.py",
                    line=88,
                    function="decode",
                    bytes=4112,
                    count=1,
                    source="plane = _native.decode(data)",
                ),
            ),
            notes=("no Python object stays: the memory was allocated by a C extension (imaging._native)",),
            signature="beef01c0ffee",
        ),
        advice="free the plane where the image is closed: imaging._native.release()",
    )


def thread(nodeid: str) -> Finding:
    """A thread that a fixture leaves running."""
    return replace(
        orders(),
        nodeid=nodeid,
        witnesses=(nodeid,),
        kind="thread",
        phase="teardown",
        fixture="worker",
        bytes_per_run=0,
        blocks_per_run=0,
        count_per_run=1,
        rounds=(RoundSeries(metric="threads", deltas=(1, 1, 1, 1, 1, 1)),),
        resources=("poller-1 (daemon), target shop.jobs.poll",),
        diagnosis=Diagnosis(
            sites=(
                AllocationSite(
                    file="shop/jobs.py",
                    line=12,
                    function="start",
                    bytes=0,
                    count=1,
                    source="Thread(target=poll).start()",
                ),
            ),
            signature="77aa0012ff34",
        ),
        advice="join the thread, or stop it in the fixture's teardown",
    )
