"""The phases of a diagnosis one by one: counting survivors, tracing allocations, searching, comparing lengths."""

from __future__ import annotations

import gc
import sys
import tracemalloc
from array import array

import pytest

from pytest_memguard.diagnosis import Paths, Scenario
from pytest_memguard.diagnosis.edges import edge
from pytest_memguard.diagnosis.held import Held
from pytest_memguard.diagnosis.lengths import Lengths, contents
from pytest_memguard.diagnosis.owners import Owners
from pytest_memguard.diagnosis.roots import Roots
from pytest_memguard.diagnosis.search import Search
from pytest_memguard.diagnosis.sites import trace
from pytest_memguard.diagnosis.source import Sources
from pytest_memguard.diagnosis.survivors import Born, count_types, observe
from tests.unit.diagnosis_lab import laboratory, settle

HERE = __name__


@pytest.fixture
def lab(tmp_path):
    with laboratory(tmp_path) as lab:
        yield lab


@pytest.fixture
def owners(tmp_path):
    return Owners(Paths(str(tmp_path)))


class Order:
    pass


class Note:
    pass


KEPT = []
SLOT = {}


@pytest.fixture(autouse=True)
def empty():
    yield
    KEPT.clear()
    SLOT.clear()


def never():
    return False


def always():
    return True


def survivors_of(repeat, owners, rounds=3, hurry=never):
    return observe(Scenario(repeat=repeat, settle=settle), rounds, owners, hurry)


def test_survivors_are_counted_per_run(owners):
    seen = survivors_of(lambda: KEPT.extend(Order() for _ in range(5)), owners)
    assert seen.per_run == {f"{HERE}.Order": 5}
    assert seen.steady
    assert [type(held.obj) for held in seen.heads[0]] == [Order] * 4
    assert all(seen.born.has(held.obj) and seen.born.surely(held.obj) for held in seen.heads[0])


def test_what_is_replaced_does_not_count(owners):
    def repeat():
        SLOT["last"] = Note()
        SLOT["before"] = [Order(), Order()]
        KEPT.append(Order())

    seen = survivors_of(repeat, owners)
    assert seen.per_run == {f"{HERE}.Order": 1}


def test_heads_are_retained_and_not_merely_new(owners):
    def repeat():
        SLOT["last"] = KEPT[-1] if KEPT else None
        KEPT.append(Order())
        SLOT["newest"] = KEPT[-1]

    seen = survivors_of(repeat, owners)
    assert [held.obj for held in seen.heads[0]] == [KEPT[0]]


def test_nothing_of_ours_is_counted(owners):
    assert survivors_of(lambda: None, owners).per_run == {}


def test_garbage_does_not_survive(owners):
    def repeat():
        order = Order()
        order.self = order

    assert survivors_of(repeat, owners).per_run == {}


def test_numbers_that_differ_from_run_to_run_are_the_least(owners):
    amounts = iter([3, 1, 4])
    seen = survivors_of(lambda: KEPT.extend(Order() for _ in range(next(amounts))), owners)
    assert seen.per_run == {f"{HERE}.Order": 1}
    assert not seen.steady


def test_two_rounds_do_in_a_hurry(owners):
    runs = []
    seen = survivors_of(lambda: (runs.append(None), KEPT.append(Order())), owners, rounds=5, hurry=always)
    assert len(runs) == 2
    assert seen.per_run == {f"{HERE}.Order": 1}


def test_the_users_types_come_first_and_the_rarest_of_them(lab):
    app = lab.module(
        "app",
        """
        import types

        class Line:
            def __init__(self):
                self.tags = []

        class Order:
            def __init__(self):
                self.lines = [Line(), Line()]
                self.pair = (self, self.lines)
                self.context = types.SimpleNamespace()

        KEPT = []

        def test():
            KEPT.append(Order())
        """,
    )
    seen = survivors_of(app.test, Owners(lab.paths))
    assert [growth.type for growth in seen.types][:3] == ["shop.app.Order", "shop.app.Line", "types.SimpleNamespace"]
    assert "tuple" in [growth.type for growth in seen.types][-2:]
    assert {type(held.obj) for held in seen.heads[0]} == {app.Order, app.Line}


def test_types_of_the_test_machinery_come_last(owners):
    cls = type("Thing", (), {"__module__": "pytest_something"})
    seen = survivors_of(lambda: KEPT.append((cls(), {"a": []})), owners)
    assert [growth.type for growth in seen.types] == ["dict", "list", "tuple", "pytest_something.Thing"]
    assert [type(held.obj).__name__ for held in seen.heads[0]] == ["Thing"] * 1


def test_sizes_are_those_of_the_objects_per_run(owners):
    seen = survivors_of(lambda: KEPT.extend([[None] * 1000, [None] * 3000]), owners)
    (growth,) = seen.types
    assert growth.type == "list"
    assert growth.count == 2
    assert 4000 * 8 <= growth.bytes <= 4000 * 8 + 2 * 100


def test_a_suspended_function_of_the_users_tells_more_than_foreign_objects(lab):
    app = lab.module(
        "app",
        """
        import logging

        OPEN = []

        def lines(handler):
            yield handler

        def test():
            generator = lines(logging.Handler())
            next(generator)
            OPEN.append(generator)
        """,
    )
    seen = survivors_of(app.test, Owners(lab.paths))
    assert [growth.type for growth in seen.types][:2] == ["generator", "logging.Handler"]
    assert lab.diagnose(app.test).diagnosis.retainers[0].path == "shop.app.OPEN[*]"


def test_types_of_one_name_are_one():
    objects = [type("Local", (), {})() for _ in range(3)]
    assert count_types(objects) == {f"{HERE}.Local": 3}


def test_a_search_gives_every_path_of_the_least_cost(owners):
    order = Order()
    KEPT.append(order)
    SLOT["orders"] = [order]
    held = Held(order)
    del order
    outcome = Search(Roots(owners), Born.none(), never).run([held])
    assert [hit.root.name for hit in outcome.hits] == [HERE]
    assert outcome.hits[0].chain[0].obj is KEPT


def test_a_root_is_a_root_of_each_head_that_it_refers_to(owners):
    KEPT.append(Order())
    outcome = Search(Roots(owners), Born.none(), never).run([Held(KEPT), Held(SLOT)])
    assert {id(hit.chain[0].obj) for hit in outcome.hits if hit.root.name == HERE} == {id(KEPT), id(SLOT)}


def test_a_search_is_exhausted_where_nothing_refers_to_the_object(owners):
    outcome = Search(Roots(owners), Born.none(), never).run([Held(Order())])
    assert outcome.exhausted
    assert outcome.hits == []
    assert len(outcome.visited) == 1


def test_a_search_stops_when_time_is_up(owners):
    SLOT["a"] = [[[Order()]]]
    held = Held(SLOT["a"][0][0][0])
    outcome = Search(Roots(owners), Born.none(), always).run([held])
    assert not outcome.exhausted
    assert outcome.hits == []


def test_weak_references_do_not_retain(owners):
    import weakref

    order = Order()
    SLOT["weak"] = weakref.ref(order)
    held = Held(order)
    del order
    assert Search(Roots(owners), Born.none(), never).run([held]).exhausted


def test_objects_that_no_step_can_be_named_for():
    text, covered = edge([iter([]), []], 0)
    assert (text, covered) == (".<internal>", 1)


def test_lengths_find_what_grew_by_a_multiple(owners):
    SLOT["log"], SLOT["text"], SLOT["odd"] = [], {}, []
    lengths = Lengths(owners)
    SLOT["log"].extend(range(6))
    SLOT["text"].update((str(n), n) for n in range(3))
    SLOT["odd"].append(1)
    grown = {id(each.held.obj): each.per_run for each in lengths.grown(3)}
    lengths.forget()
    assert grown[id(SLOT["log"])] == 2
    assert grown[id(SLOT["text"])] == 1
    assert id(SLOT["odd"]) not in grown


@pytest.mark.parametrize(
    ("container", "expected"),
    [
        ([None] * 5 + [b"x" * 100] * 6, [("bytes", 2)]),
        ({n + 1000: "abc" for n in range(6)}, [("int", 2), ("str", 2)]),
        ({"key": None}, [("str", 2)]),
        (bytearray(10), []),
    ],
)
def test_contents_are_the_newest_entries(container, expected):
    found = [(growth.type, growth.count) for growth in contents(container, 2, 3)]
    assert sorted(found) == expected


def trace_of(lab, repeat, rounds=3, **options):
    return trace(Scenario(repeat=repeat, settle=settle), rounds, lab.paths, Sources(), never, **options)


def test_a_site_is_the_innermost_line_of_the_users(lab):
    app = lab.module(
        "app",
        """
        import copy

        KEPT = []

        class Order:
            pass

        def make():
            return copy.deepcopy([[[Order()]]])  # <-

        def test():
            order = make()
            KEPT.append(order)
        """,
    )
    traced = trace_of(lab, app.test)
    site = traced.sites[0]
    assert (site.file, site.line, site.function) == ("shop/app.py", lab.marked_line("app"), "make")
    assert site.source == "return copy.deepcopy([[[Order()]]])  # <-"
    assert site.count >= 4
    assert traced.repetitions == 4


def test_bytes_and_counts_are_per_run_and_lines_are_merged(lab):
    app = lab.module(
        "app",
        """
        KEPT = []

        def test():
            for _ in range(7):
                KEPT.append(bytes(1000))  # <-
        """,
    )
    (site,) = trace_of(lab, app.test).sites
    assert site.count == 7
    assert 7 * 1033 <= site.bytes <= 7 * 1033 + 500


def test_the_line_that_makes_what_is_retained_comes_first(lab):
    app = lab.module(
        "app",
        """
        KEPT = []

        class Order:
            def __init__(self, text):
                self.text = text

        def test():
            texts = [str(number) * 100 for number in range(50)]
            order = Order(texts)  # <-
            KEPT.append(order)
        """,
    )
    by_bytes = trace_of(lab, app.test).sites
    assert by_bytes[0].function == "test"
    assert by_bytes[0].line < lab.marked_line("app")

    first = trace_of(lab, app.test, head="shop.app.Order").sites[0]
    assert first.line == lab.marked_line("app")
    assert first.bytes < by_bytes[0].bytes


def test_lines_of_the_users_come_before_others_that_allocate_more(lab):
    (lab.folder / "site-packages").mkdir()
    (lab.folder / "site-packages" / "biglib.py").write_text(
        "KEPT = []\ndef keep():\n    KEPT.append(bytes(5000))\n", encoding="utf-8"
    )
    sys.path.insert(0, str(lab.folder / "site-packages"))
    try:
        import biglib

        app = lab.module("app", "KEPT = []\ndef test():\n    KEPT.append(bytes(1000))  # <-\n")

        def repeat():
            app.test()
            biglib.keep()

        sites = trace_of(lab, repeat).sites
    finally:
        sys.path.remove(str(lab.folder / "site-packages"))
        del sys.modules["biglib"]

    assert [(site.file, site.line) for site in sites] == [("shop/app.py", 3), ("biglib:biglib.py", 3)]


def test_what_is_replaced_is_no_site(lab):
    app = lab.module(
        "app",
        """
        KEPT = {}

        def test():
            KEPT["last"] = bytes(1000)
        """,
    )
    assert trace_of(lab, app.test).sites == ()


def test_deep_calls_need_more_frames(lab):
    (lab.folder / "site-packages").mkdir()
    (lab.folder / "site-packages" / "deeplib.py").write_text(
        "def down(n):\n    return down(n - 1) if n else bytes(5000)\n", encoding="utf-8"
    )
    sys.path.insert(0, str(lab.folder / "site-packages"))
    try:
        app = lab.module(
            "app",
            """
            import deeplib

            KEPT = []

            def test():
                KEPT.append(deeplib.down(20))  # <-
            """,
        )
        shallow = trace_of(lab, app.test)
        deep = trace_of(lab, app.test, frames=64)
        whole = lab.diagnose(app.test).diagnosis
    finally:
        sys.path.remove(str(lab.folder / "site-packages"))
        del sys.modules["deeplib"]

    assert shallow.deep
    assert shallow.sites[0].file == "deeplib:deeplib.py"
    assert not deep.deep
    assert (deep.sites[0].file, deep.sites[0].line) == ("shop/app.py", lab.marked_line("app"))
    assert whole.sites[0].file == "shop/app.py"
    assert whole.retainers[0].path == "shop.app.KEPT[*]"


def test_what_the_test_machinery_allocates_on_its_own_has_no_site(lab):
    folder = lab.folder / "site-packages" / "pytest_something"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("KEPT = []\ndef keep():\n    KEPT.append(bytes(5000))\n", encoding="utf-8")
    (folder.parent / "somelib.py").write_text("def call(keep):\n    keep()\n", encoding="utf-8")
    sys.path.insert(0, str(folder.parent))
    try:
        import pytest_something
        import somelib

        def by_library():
            somelib.call(pytest_something.keep)

        assert trace_of(lab, by_library).sites == ()
        app = lab.module("app", "def test(call, keep):\n    call(keep)\n")
        (site,) = trace_of(lab, lambda: app.test(somelib.call, pytest_something.keep)).sites
    finally:
        sys.path.remove(str(folder.parent))
        del sys.modules["pytest_something"], sys.modules["somelib"]

    assert (site.file, site.line) == ("shop/app.py", 2)


def test_a_users_tracing_that_has_too_much_is_left_alone(lab, monkeypatch):
    app = lab.module("app", "KEPT = []\ndef test():\n    KEPT.append([])\n")
    monkeypatch.setattr(tracemalloc, "get_tracemalloc_memory", lambda: 1 << 30)
    tracemalloc.start()
    try:
        diagnosis = lab.diagnose(app.test).diagnosis
    finally:
        tracemalloc.stop()
    # The line that makes the container longer is found without.
    assert [(site.line, site.count) for site in diagnosis.sites] == [(3, 0)]
    assert diagnosis.retainers[0].path == "shop.app.KEPT[*]"
    assert diagnosis.notes == ()


def test_what_is_born_in_large_numbers_is_still_told_exactly():
    objects = [Order() for _ in range(3)]
    addresses = array("Q", range(8, 8 * 400_000, 8))
    addresses.append(id(objects[0]))
    born = Born(addresses)
    assert born.has(objects[0])
    assert not born.surely(objects[0])
    assert born.addresses() is None


def test_the_heap_is_thawed_after_each_phase(lab, owners):
    app = lab.module("app", "KEPT = []\ndef test():\n    KEPT.append([])\n")
    survivors_of(app.test, owners)
    assert gc.get_freeze_count() == 0
    trace_of(lab, app.test)
    assert gc.get_freeze_count() == 0
