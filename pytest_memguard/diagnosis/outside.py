"""Holders that the garbage collector cannot see: locals of running threads, ``atexit``, signal handlers, C code."""

from __future__ import annotations

import gc
import signal
import sys
import threading

from pytest_memguard.diagnosis import frames
from pytest_memguard.diagnosis.held import Held
from pytest_memguard.diagnosis.owners import Owners
from pytest_memguard.diagnosis.roots import Root, RootKind
from pytest_memguard.diagnosis.search import Hit, Node, Outcome

_MOST_TOPS = 4


def hits(outcome: Outcome, owners: Owners, *, exits_grew: bool) -> list[Hit]:
    """What holds the objects that a search ended at without meeting a root; empty where that cannot be told."""
    by_address = {id(node.obj): node for node in outcome.visited}
    hit = _thread(by_address, owners) or _signal(by_address)
    if hit is not None:
        return [hit]
    if not outcome.exhausted or outcome.barred:
        return []
    tops = [node for node in outcome.visited if not node.referred][:_MOST_TOPS]
    held = [node for node in tops if _references_from_outside(node) > 0]
    if not held:
        return []
    top = min(held, key=lambda node: node.cost)
    if exits_grew:
        return [_hit("atexit", "atexit", top, module="atexit")]
    return [_hit("outside", "(held outside Python)", top)]


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


def _references_from_outside(node: Node) -> int:
    """References that neither the collector nor we account for; 0 also for what something else refers to after all."""
    referrers = gc.get_referrers(node.obj)
    ours = sum(1 for referrer in referrers if issubclass(type(referrer), Held))
    if len(referrers) > ours:
        return 0
    # One more for the argument of getrefcount itself.
    return sys.getrefcount(node.obj) - ours - 1
