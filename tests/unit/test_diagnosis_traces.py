"""Where an object was made is found on every Python: 3.11 by itself does not find it for most instances."""

from __future__ import annotations

import sys
import tracemalloc

import pytest

from pytest_memguard.diagnosis import stack_of, tracing


class Plain:
    pass


class Slotted:
    __slots__ = ("value",)


class Mapping(dict):
    pass


class Touchy(type):
    def __getattribute__(cls, name):
        raise AssertionError(name)


class Refusing(metaclass=Touchy):
    pass


MAKERS = {
    "an instance": Plain,
    "one with slots": Slotted,
    "a dict of its own class": Mapping,
    "an exception": Exception,
    "one whose class refuses everything": Refusing,
}


@pytest.mark.parametrize("name", MAKERS)
def test_the_line_that_made_it(name):
    make = MAKERS[name]
    with tracing(5):
        line = sys._getframe().f_lineno + 1
        found = make()
        stack = stack_of(found)

    assert stack[0] == (__file__, line)


def test_what_nobody_saw():
    found = Plain()
    assert stack_of(found) is None
    with tracing(5):
        assert stack_of(found) is None
        assert stack_of(None) is None
    assert not tracemalloc.is_tracing()
