"""Set up the fixtures above function scope that a test names without running it: a test may take as long as a suite."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import pytest

__all__ = ["set_up"]


def set_up(item: pytest.Item, names: Sequence[str]) -> None:
    """What pytest's own setup of *item* does, but for these fixtures only; raises what they raise.

    The node above the item has to be on pytest's stack, and the item itself is there afterwards; its state is the
    caller's to put back. What the fixtures warn of was seen in their own run.
    """
    pytest_item: Any = item

    def of_these() -> None:
        for name in names:
            pytest_item._request.getfixturevalue(name)

    pytest_item._initrequest()
    vars(item).update(setup=of_these, teardown=_nothing)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest_item.session._setupstate.setup(item)


def _nothing() -> None:
    """There is no test to tear down."""
