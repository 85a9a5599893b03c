"""Objects that were to be gone: what counts as gone, who keeps the others."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from pytest_memguard.gone import Remaining, Watched, remaining, still_there

ROOT = str(Path(__file__).resolve().parent.parent.parent)
KEPT: dict[str, object] = {}


class Session:
    pass


class Slotted:
    __slots__ = ("value",)


@pytest.mark.parametrize("value", [1, "text", b"", [], {}, (), None, Slotted()], ids=lambda value: type(value).__name__)
def test_what_cannot_be_weakly_referenced_is_refused(value):
    with pytest.raises(TypeError, match=rf"cannot watch an object of type .*{type(value).__name__}"):
        Watched(value)


def test_what_is_gone_and_what_is_a_cycle_is_not_there():
    cycle = Session()
    cycle.own = cycle
    watched = [Watched(Session()), Watched(cycle)]
    del cycle

    assert still_there(watched, threads=lambda: 1) == []


def test_other_threads_are_waited_for():
    KEPT["late"] = Session()
    watched = Watched(KEPT["late"])
    pauses = []

    def sleep(seconds):
        pauses.append(seconds)
        if len(pauses) == 2:
            KEPT.clear()

    assert still_there([watched], sleep=sleep, threads=lambda: 2) == []
    assert len(pauses) == 2


def test_without_other_threads_nobody_waits():
    KEPT["kept"] = Session()
    watched = Watched(KEPT["kept"])
    try:
        assert still_there([watched], sleep=lambda _: pytest.fail("waited"), threads=lambda: 1) == [watched]
    finally:
        KEPT.clear()


def test_who_keeps_it():
    KEPT["kept"] = Session()
    watched = Watched(KEPT["kept"])
    try:
        (found,) = remaining([watched], rootdir=ROOT)
    finally:
        KEPT.clear()

    assert found.type == f"{__name__}.Session"
    assert found.retainer is not None
    assert found.retainer.root == f"{__name__}.KEPT"
    assert found.retainer.steps[0] == f"{__name__}.KEPT (dict)"


def test_what_is_gone_meanwhile_is_left_out():
    watched = Watched(Session())
    gc.collect()

    assert remaining([watched], rootdir=ROOT) == []


def test_a_search_that_is_late_still_says_what_is_there():
    KEPT["kept"] = Session()
    watched = Watched(KEPT["kept"])
    ticks = iter(range(0, 100_000, 100))
    try:
        found = remaining([watched], rootdir=ROOT, clock=lambda: next(ticks))
    finally:
        KEPT.clear()

    assert [each.type for each in found] == [f"{__name__}.Session"]
    assert all(isinstance(each, Remaining) for each in found)
