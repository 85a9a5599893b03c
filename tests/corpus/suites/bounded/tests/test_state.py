from __future__ import annotations

import random
import sys

import pytest
from limits import state


def test_client_is_a_singleton():
    assert state.client() is state.client()


def test_client_cache_is_replaced():
    state.client().cache = {f"page {n}": bytes(100) for n in range(100)}
    assert len(state.client().cache) == 100


@pytest.mark.parametrize("name", ["a", "b", "c"])
def test_lazy(name):
    assert state.lazy(name) is state.lazy(name)


def test_last_result():
    assert state.keep({"rows": list(range(1_000))})


def test_last_result_of_any_size():
    rows = random.randint(1, 5_000)
    assert len(state.keep([[n] for n in range(rows)])) == rows


def test_last_text_of_any_size():
    assert len(state.keep_text()) >= 10


def test_counter():
    assert state.count("visits") >= 1


def test_large_counter():
    state.COUNTERS["large"] = random.getrandbits(200)
    assert state.count("large") > 1


def test_resize():
    assert state.resize() == 64


def test_record_attributes():
    names = [f"column_{n}" for n in range(30)]
    record = state.Record(**dict.fromkeys(names, 1))
    assert all(hasattr(record, name) for name in names)


def test_interning_of_known_words():
    word = random.choice(["red", "green", "blue"])
    assert sys.intern("colour " + word) is sys.intern("colour " + word)


def test_interning_of_a_fresh_word(key):
    assert sys.intern(key) == key


def test_attribute_with_a_fresh_name(key):
    record = state.Record(**{f"field_{key}": 1})
    assert getattr(record, f"field_{key}") == 1


def test_class_made_in_the_test():
    class Local(state.Record):
        kind = "local"

    assert Local(name="x").name == "x"


def test_large_temporary_lists():
    assert sum(len(list(range(n))) for n in (10_000, 200_000, 5_000)) == 215_000


def test_large_temporary_text():
    text = "".join(random.choices("abcdef", k=100_000))
    assert len(text.upper().split("A")) > 1


def test_cycles_of_every_kind():
    loop = []
    loop.append(loop)
    table = {}
    table["self"] = table

    def function():
        return function

    assert loop[0] is loop
    assert table["self"] is table
    assert function() is function


def test_a_hundred_thousand_objects_in_one_cycle():
    head = node = [None]
    for _ in range(100_000):
        node[0] = [None]
        node = node[0]
    node[0] = head
    assert head[0] is not None
