"""The native stack, as memray tells it, and everything that may keep it from telling."""

from __future__ import annotations

import os
import sys
from types import ModuleType, SimpleNamespace

import pytest

from pytest_memguard.diagnosis.native import native_stack

LOST = [
    ("lose", "/src/pairs.c", 20),
    ("leak_malloc", "", 0),
    ("cfunction_vectorcall_NOARGS", "methodobject.c", 486),
    ("test_it", "test_keys.py", 5),
]


class Memray(ModuleType):
    """What is used of memray: a tracker that may refuse, and a reader of what it was told to have seen."""

    def __init__(self):
        super().__init__("memray")
        self.records = []
        self.refuses = False
        self.unreadable = False
        self.files = []

    def Tracker(self, file, *, native_traces):  # noqa: N802 - is called so there
        assert native_traces
        if self.refuses:
            raise RuntimeError("No more than one Tracker instance can be active at the same time")
        self.files.append(file)
        return open(file, "wb")

    def FileReader(self, file):  # noqa: N802 - is called so there
        assert os.path.exists(file)
        if self.unreadable:
            raise OSError("not a memray file")
        return self

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        return None

    def get_leaked_allocation_records(self, *, merge_threads):
        assert merge_threads
        return iter(self.records)

    def add(self, size, frames):
        self.records.append(
            SimpleNamespace(size=size, n_allocations=1, hybrid_stack_trace=lambda max_stacks: frames[:max_stacks])
        )


@pytest.fixture
def memray(monkeypatch):
    fake = Memray()
    monkeypatch.setitem(sys.modules, "memray", fake)
    return fake


@pytest.fixture
def runs():
    return []


def stack_of(runs, per_run=1008):
    return native_stack(lambda: runs.append(1), per_run)


def test_the_frames_of_c_code_down_to_where_python_calls_it(memray, runs):
    memray.add(1000, LOST)
    memray.add(64_000, [("other", "", 0)])
    assert stack_of(runs) == "lose (pairs.c:20) < leak_malloc"
    assert runs == [1]
    assert not any(map(os.path.exists, (*memray.files, *map(os.path.dirname, memray.files))))


def test_two_that_may_be_it_are_none(memray, runs):
    memray.add(1000, LOST)
    memray.add(1010, [("other", "", 0)])
    assert stack_of(runs) is None


@pytest.mark.parametrize("why", ["nothing of that size", "only Python", "refused", "unreadable"])
def test_no_answer_is_better_than_a_wrong_one(memray, runs, why):
    memray.add(1000 if why != "nothing of that size" else 9000, LOST if why != "only Python" else LOST[3:])
    memray.refuses, memray.unreadable = why == "refused", why == "unreadable"
    assert stack_of(runs) is None
    assert not any(map(os.path.exists, memray.files))


def test_without_memray_nothing_is_repeated(monkeypatch, runs):
    monkeypatch.setitem(sys.modules, "memray", None)
    assert stack_of(runs) is None
    assert runs == []


def test_a_profiler_is_left_alone(memray, runs):
    def profiler(_frame, _event, _arg):
        return None

    sys.setprofile(profiler)
    try:
        assert stack_of(runs) is None
    finally:
        sys.setprofile(None)
    assert runs == []


def test_what_the_test_raises_is_passed_on_and_nothing_stays(memray):
    def fails():
        raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        native_stack(fails, 1008)
    assert not any(map(os.path.exists, memray.files))
