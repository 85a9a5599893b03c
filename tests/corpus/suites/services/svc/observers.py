"""Weak references that are not weak enough, and some that are."""

from __future__ import annotations

import weakref
from typing import Any


class Node:
    def __init__(self, name: str) -> None:
        self.name = name
        self.parent: Node | None = None


_WATCHED: list[weakref.ref[Node]] = []
_NOTES: weakref.WeakKeyDictionary[Node, dict[str, Any]] = weakref.WeakKeyDictionary()
_NAMES: weakref.WeakKeyDictionary[Node, str] = weakref.WeakKeyDictionary()
_NODES: weakref.WeakValueDictionary[str, Node] = weakref.WeakValueDictionary()


def watch(node: Node) -> None:
    _WATCHED.append(weakref.ref(node, lambda ref: None))  # leak: weakref-callbacks


def annotate(node: Node, note: str) -> None:
    _NOTES[node] = {"node": node, "note": note}  # leak: weak-key-value-holds-key


def nickname(node: Node) -> str:
    return _NAMES.setdefault(node, node.name[:1])


def node(name: str) -> Node:
    found = _NODES.get(name)
    if found is None:
        found = _NODES[name] = Node(name)
    return found
