from __future__ import annotations

from svc import observers
from svc.observers import Node


def test_watched_node():
    observers.watch(Node("a"))


def test_annotated_node():
    node = Node("b")
    observers.annotate(node, "important")


def test_nickname_of_a_node():
    assert observers.nickname(Node("carol")) == "c"


def test_node_by_name_lives_while_it_is_used():
    first = observers.node("d")
    assert observers.node("d") is first


def test_tree_of_nodes():
    root = Node("root")
    children = [Node(f"child {n}") for n in range(300)]
    for child in children:
        child.parent = root
    root.children = children
    assert children[0].parent is root
