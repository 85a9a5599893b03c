"""A program for a process of its own: diagnose some leaks in a large heap, and print CPU seconds and bytes of each.

    python memguard_bench_diagnosis.py OBJECTS

The repetitions cost next to nothing, so that the time is the diagnosis' own.
"""

from __future__ import annotations

import gc
import importlib
import json
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

APP = """
import ctypes, functools
MALLOC = ctypes.CDLL(None).malloc
MALLOC.restype = ctypes.c_void_p
KEPT = []
TABLE = {}
BUS = []
class Thing:
    def __init__(self): self.parts = [1]
    def hear(self): pass
    @functools.lru_cache(maxsize=None)
    def price(self): return 1
class Holder:
    def __init__(self): self.all = []
HOLDER = Holder()
TEXT = ""
def in_list(): KEPT.append(Thing())
def in_attribute(): HOLDER.all.append(Thing())
def numbers(): TABLE[f"key-{len(TABLE)}"] = len(TABLE) * 1.5
def method(): BUS.append(Thing().hear)
def cached(): Thing().price()
def closure():
    thing = Thing()
    BUS.append(lambda: thing)
def text():
    global TEXT
    TEXT += "line " * 20
def many(): KEPT.extend([Thing() for _ in range(1000)])
def cluster():
    things = [Thing() for _ in range(2000)]
    for one, other in zip(things, things[1:]):
        one.next, other.before = other, one
    HOLDER.all.append(things[0])
def malloc(): MALLOC(1000)
def without_decref(): ctypes.pythonapi.Py_IncRef(ctypes.py_object(Thing()))
"""


class Node:
    """What the large heap is made of."""

    __slots__ = ("data", "next")

    def __init__(self, following: Node | None, number: int) -> None:
        self.next = following
        self.data = [number]


def peak() -> int:
    """The most resident bytes since the last call of ``restart``."""
    return _status("VmHWM")


def _status(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise LookupError(name)


def restart() -> int:
    """Resident bytes now; the peak begins anew."""
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def measured(name: str, leak: Callable[[], object], folder: str, *, native: bool) -> dict[str, Any]:
    """One diagnosis."""
    from pytest_memguard.diagnosis import Gauge, Paths, Scenario, diagnose  # noqa: PLC0415
    from pytest_memguard.probes import open_probes  # noqa: PLC0415

    leak()
    leak()
    gc.collect()
    heap = None
    read = open_probes().reader("heap")
    if native and read is not None:
        heap = Gauge(read=lambda: read() or 0, per_run=1008, in_bytes=True, warm_up=8)
    before = restart()
    started = time.process_time()
    evidence = diagnose(
        Scenario(repeat=lambda: _call(leak), settle=settle),
        paths=Paths(folder),
        native=native,
        heap=heap,
        clock=time.perf_counter,
    )
    seconds = time.process_time() - started
    more = peak() - before
    found = evidence.diagnosis
    said = [retainer.path for retainer in found.retainers] or [f"{s.file}:{s.line}" for s in found.sites[:1]]
    return {"leak": name, "seconds": seconds, "bytes": more, "found": said[0] if said else None}


def _call(leak: Callable[[], object]) -> None:
    leak()


def settle() -> None:
    """What the confirmation does: with the heap frozen, a collection sees only what was born since."""
    gc.collect(2 if gc.get_freeze_count() else 0)


def main(objects: int) -> None:
    """Build the heap, import the application, diagnose each of its leaks."""
    last: Node | None = None
    for number in range(objects // 2):
        last = Node(last if number % 100 else None, number)
        HEAP.append(last)
    folder = tempfile.mkdtemp()
    (Path(folder) / "shop.py").write_text(APP)
    sys.path.insert(0, folder)
    shop = importlib.import_module("shop")
    log = logging.getLogger("shop")
    leaks: dict[str, Callable[[], object]] = {
        name: getattr(shop, name)
        for name in ("in_list", "in_attribute", "numbers", "method", "cached", "closure", "text", "many", "cluster")
    }
    leaks["handler"] = lambda: log.addHandler(logging.NullHandler())
    leaks["without_decref"] = shop.without_decref
    done = [measured(name, leak, folder, native=False) for name, leak in leaks.items()]
    done.append(measured("malloc", shop.malloc, folder, native=True))
    json.dump({"objects": len(gc.get_objects()), "leaks": done}, sys.stdout)
    sys.stdout.flush()
    os._exit(0)  # to take a million objects apart takes longer than all the rest


HEAP: list[Node] = []

if __name__ == "__main__":
    main(int(sys.argv[1]))
