from __future__ import annotations

import array
import sys
import traceback

import pytest

from pytest_memguard.probes import without_frames

READ = without_frames(sys.getallocatedblocks)
READINGS = array.array("q", [0, 0])  # a number that is kept would be a block


def at_depth(depth, action):
    return action() if depth == 0 else at_depth(depth - 1, action)


def looks_at_the_stack():
    sum(1 for _ in traceback.walk_stack(None))


def measured(action):
    """Blocks that *action* retains, read at different depths, in functions that nobody has looked at before."""
    READINGS[0] = READ()
    at_depth(5, action)
    READINGS[1] = at_depth(3, READ)
    return READINGS[1] - READINGS[0]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="frames are always objects before CPython 3.11")
@pytest.mark.parametrize("action", [looks_at_the_stack, int])
@pytest.mark.parametrize("depth", [0, 7, 30])
def test_a_look_at_the_stack_is_no_growth(action, depth):
    measured(action)

    assert at_depth(depth, lambda: measured(action)) == 0


def test_what_is_retained_is_counted():
    kept = [None] * 10

    def keeps():
        kept.insert(0, bytearray(100))
        kept.pop()

    measured(keeps)

    assert measured(keeps) == 2
