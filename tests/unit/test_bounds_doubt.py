"""What the code that adds says of an end: signs of one that no rule proves, and leaks that have none."""

from __future__ import annotations

import importlib.util
import sys
import textwrap

import pytest

from pytest_memguard.bounds import bound_on_path, read_code

DOUBTFUL = {
    "slots of a ring": """
        C = []
        def grow(x):
            at = x % 300
            C[at:at + 1] = [object()]
        """,
    "a key of a helper that counts round": """
        C = {}
        def slot(x):
            return x % 300
        def grow(x):
            C[slot(x)] = object()
        """,
    "a key by a mask": """
        C = {}
        def grow(x):
            key = x & 255
            C.setdefault(key, object())
        """,
    "a key of a cycle": """
        import itertools
        C, names = {}, itertools.cycle(range(300))
        def grow(x):
            C[next(names)] = object()
        """,
    "a heap of the best": """
        import heapq
        C = []
        def grow(x):
            (heapq.heappush if len(C) < 300 else heapq.heappushpop)(C, x)
        """,
    "taken and put": """
        C = {}
        def grow(x):
            C.pop(x - 300, None)
            C[x] = object()
        """,
    "begun anew": """
        C, count = [], 0
        def grow(x):
            global C, count
            count += 1
            if count > 300:
                C, count = [], 0
            C.append(object())
        """,
    "the last part": """
        C = [0]
        def grow(x):
            global C
            C = (C + [object()])[-300 - x + x:]
        """,
}
ENDLESS = {
    "appended": """
        C = []
        def grow(x):
            C.append(object())
        """,
    "taken by somebody who is not called": """
        C = []
        def grow(x):
            C.append(object())
        def forget(x):
            C.remove(x)
        def clear():
            C.clear()
        """,
    "made when it is needed": """
        C = None
        def grow(x):
            global C
            if C is None:
                C = []
            C.append(object())
        """,
    "looked at by another name": """
        C = []
        def grow(x):
            C.append(object())
        def look():
            seen = C
            seen = seen[-3:]
            seen = []
            return seen
        """,
    "a text with a percent sign, of little": """
        C = []
        def grow(x):
            C.append("%s of %d" % (x, x % 3))
            if len(C) == 1:
                return
        """,
    "a fresh key": """
        import uuid
        C = {}
        def grow(x):
            key = uuid.uuid4().hex
            C[key] = object()
        """,
}
OPEN = {
    "any key": """
        C = {}
        def grow(x):
            C[x] = object()
        """,
    "a text for a key": """
        C = {}
        def grow(x):
            C["slot %d" % x] = object()
        """,
    "by nobody who can be read, and looked at": """
        C = []
        exec("def grow(x): C.append(object())")
        def look():
            seen = C
            return seen[0]
        """,
    "by nobody who can be read": """
        C = []
        exec("def grow(x): C.append(object())")
        """,
}


@pytest.fixture
def imported(tmp_path, monkeypatch):
    """A module of that source, which has grown for a while."""

    def make(source):
        path = tmp_path / "doubted_under_test.py"
        path.write_text(textwrap.dedent(source), encoding="utf-8")
        spec = importlib.util.spec_from_file_location(path.stem, path)
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, path.stem, module)
        spec.loader.exec_module(module)
        for number in range(20):
            module.grow(number)
        return module

    return make


def says(module, **more):
    last = list(module.C.values() if isinstance(module.C, dict) else module.C)[-1]
    return read_code([module, module.C, last], module.C, "doubted_under_test.C[*]", **more)


@pytest.mark.parametrize("name", DOUBTFUL)
def test_what_may_end_is_doubtful(imported, name):
    module = imported(DOUBTFUL[name])
    reading = says(module)

    assert reading.says == "doubtful"
    assert "grow (doubted_under_test.py:" in reading.sign


@pytest.mark.parametrize("name", ENDLESS)
def test_what_only_adds_is_endless(imported, name):
    assert says(imported(ENDLESS[name])).says == "endless"


@pytest.mark.parametrize("name", OPEN)
def test_where_the_code_says_nothing_it_is_open(imported, name):
    assert says(imported(OPEN[name])).says == "open"


def test_objects_that_were_replaced_are_found_by_their_names(imported):
    module = imported(DOUBTFUL["the last part"])
    stale = [module, list(module.C), module.C[-1]]

    assert read_code(stale, stale[1]).says == "open"
    assert read_code(stale, stale[1], "doubted_under_test.C[*]").says == "doubtful"
    assert read_code((), None, "no_such_module.C").says == "open"


def test_only_the_function_that_adds_counts_where_it_is_known(imported):
    source = """
        C = []
        def grow(x):
            C.append(object())
        def borrow(x):
            C.append(x)
            C.pop()
        """
    module = imported(source)

    assert says(module).says == "doubtful"
    assert says(module, at={("doubted_under_test.py", 4)}).says == "endless"
    assert says(module, at={("elsewhere.py", 4)}).says == "doubtful"


def test_an_attribute_of_that_name_of_another_class_is_another(imported):
    source = """
        class Other:
            text = ""
        class Log:
            text = ""
        def grow(x):
            Log.text = Log.text + "a line"
        def other(x):
            Other.text = (Other.text + "a line")[-300:]
        """
    imported(source)

    assert read_code((), None, "doubted_under_test.Log.text").says == "endless"
    assert read_code((), None, "doubted_under_test.Other.text").says == "doubtful"


def test_a_proven_bound_needs_no_doubt(imported):
    module = imported("C = []\ndef grow(x):\n    C.append(x)\n    if len(C) > 300:\n        C.pop(0)\n")

    assert bound_on_path([module, module.C, module.C[-1]], module.C).limit == 300
