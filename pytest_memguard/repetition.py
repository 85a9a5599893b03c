"""Hooks that are needed only while tests are repeated: they run the tests, and let the flight recorder know."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

from pytest_memguard.guard import Guard

if TYPE_CHECKING:
    from pytest_memguard.repeat import Repeater
    from pytest_memguard.vigil import Vigil

__all__ = ["RepetitionHooks"]


class RepetitionHooks:
    """Registered for pass 2 only."""

    def __init__(self, repeater: Repeater, guard: Guard, vigil: Vigil | None) -> None:
        self._repeater = repeater
        self._vigil = vigil
        self._recorder = guard.recorder
        self._clock = guard.clock
        self._read = guard.reader("rss") or _unknown
        self._rss = self._read()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        """Take the place of pytest's own runner."""
        if not self._repeater.active:
            return None
        self._recorder.begins(item.nodeid, -1 if self._rss is None else self._rss, self._clock(), pass_number=2)
        if self._vigil is not None:
            self._vigil.begins(item.nodeid)
        try:
            return self._repeater.protocol(item, nextitem)
        finally:
            if self._vigil is not None:
                self._vigil.ended()
            rss = self._rss = self._read()
            self._recorder.ends(-1 if rss is None else rss, -1, "", self._clock())

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Generator[None, object, object]:
        """Tell the fixtures above function scope from the test's own."""
        if fixturedef.scope == "function":
            return (yield)
        with self._repeater.fixture_setup(fixturedef):
            return (yield)


def _unknown() -> None:
    return None
