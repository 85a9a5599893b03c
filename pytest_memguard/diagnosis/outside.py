"""Holders that the garbage collector cannot see: locals of running threads, ``atexit``, signal handlers, C code."""

from __future__ import annotations

import gc
import signal
import sys
import threading
from collections.abc import Collection
from dataclasses import replace

from pytest_memguard.diagnosis import anatomy, frames
from pytest_memguard.diagnosis.held import Held
from pytest_memguard.diagnosis.owners import Owners
from pytest_memguard.diagnosis.roots import Root, RootKind
from pytest_memguard.diagnosis.search import Hit, Node, Outcome

_MOST_TOPS = 4
_MOST_LOOKS = 12
#: Module and name of a function that CPython's standard library registers, and where it does.
_KNOWN_ENTRIES = (
    ("encodings", "search_function", "codecs.register"),
    ("logging", "_after_at_fork_child_reinit_locks", "os.register_at_fork"),
    ("logging", "_acquireLock", "os.register_at_fork"),
    ("logging", "_releaseLock", "os.register_at_fork"),
    ("logging", "_prepareFork", "os.register_at_fork"),  # the names of these two since 3.13
    ("logging", "_afterFork", "os.register_at_fork"),
)


def hits(outcome: Outcome, owners: Owners, *, exits_grew: bool) -> list[Hit]:
    """What holds the objects that a search ended at without meeting a root; empty where that cannot be told."""
    by_address = {id(node.obj): node for node in outcome.visited}
    hit = _thread(by_address, owners) or _signal(by_address)
    if hit is not None:
        return [hit]
    if not outcome.exhausted or outcome.barred:
        return []
    held = _held_from_outside(outcome)
    if not held:
        return []
    top = min(held, key=lambda node: node.cost)
    hit = _of_interpreter(top)
    if hit is None and exits_grew:
        hit = _hit("atexit", "atexit", top, module="atexit")
    if hit is None:
        hit = replace(_hit("outside", "(held outside Python)", top), surplus=held[top])
    return [hit]


def _held_from_outside(outcome: Outcome) -> dict[Node, int]:
    """Where the search ended at what is referenced all the same, and how often; past containers of memguard's only."""
    ours = {id(node.obj) for node in outcome.visited if node.ours and _is_plain(node.obj)}
    pending = [node for node in outcome.visited if not node.referred or id(node.obj) in ours][:_MOST_TOPS]
    held: dict[Node, int] = {}
    for node in pending:
        count = 0 if id(node.obj) in ours else _references_from_outside(node, ours)
        if count > 0:
            held[node] = count
        elif count == 0 and _is_plain(node.obj) and node.child is not None and len(pending) < _MOST_LOOKS:
            ours.add(id(node.obj))
            pending.append(node.child)
    return held


def _is_plain(obj: object) -> bool:
    """Whether it is a container such as memguard makes; anything else that it refers to is somebody's."""
    return type(obj) is list or type(obj) is tuple or type(obj) is dict


def _of_interpreter(top: Node) -> Hit | None:
    """Two lists of the interpreter's own that Python code adds to; they are known by what else they contain."""
    entries = top.obj if type(top.obj) is list else ()
    for module, function, name in _KNOWN_ENTRIES:
        known = (anatomy.module_namespace(sys.modules.get(module)) or {}).get(function)
        if known is not None and any(entry is known for entry in entries):
            return _hit("state", name, top, module=name.partition(".")[0])
    return None


def _hit(kind: RootKind, name: str, node: Node, *, module: str = "") -> Hit:
    return Hit(root=Root(kind=kind, name=name, module=module), chain=node.chain(), cost=node.cost)


def _thread(by_address: dict[int, Node], owners: Owners) -> Hit | None:
    found = frames.thread_local(by_address, owners)
    if found is None:
        return None
    thread, function, module, variable, node = found
    return _hit("thread", f"thread {thread!r} frame {function} local {variable}", node, module=module)


def _signal(by_address: dict[int, Node]) -> Hit | None:
    if threading.current_thread() is not threading.main_thread():
        return None
    for number in sorted(signal.valid_signals()):
        node = by_address.get(id(signal.getsignal(number)))
        if node is not None:
            return _hit("state", f"handler of {signal.Signals(number).name}", node, module="signal")
    return None


def _references_from_outside(node: Node, ours: Collection[int]) -> int:
    """References that neither the collector nor we account for; -1 where something else refers to it after all."""
    referrers = gc.get_referrers(node.obj)
    known = sum(1 for referrer in referrers if issubclass(type(referrer), Held) or id(referrer) in ours)
    if len(referrers) > known:
        return -1
    # One more for the argument of getrefcount itself.
    return sys.getrefcount(node.obj) - known - 1
