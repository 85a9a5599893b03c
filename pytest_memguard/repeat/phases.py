"""Which phase of a repetition, and which fixture in it, something grows in: it is read wherever one begins or ends."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Generator
from typing import Any

import pytest

from pytest_memguard.model import Origin, Phase

_CALL = Origin(phase="call")
#: Methods of a ``TestCase`` that pytest leaves to ``unittest``, within the call.
_METHODS: tuple[tuple[str, Phase], ...] = (
    ("setUp", "setup"),
    ("asyncSetUp", "setup"),
    ("tearDown", "teardown"),
    ("asyncTearDown", "teardown"),
    ("doCleanups", "teardown"),
)


class PhaseHooks:
    """A plugin for one repetition. ``grown`` has how much more ``read`` gave after each part of it than before."""

    def __init__(self, read: Callable[[], int], name_of: Callable[[Any], str]) -> None:
        self.grown: dict[Origin, int] = {}
        self._read = read
        self._name_of = name_of
        self._within: list[Origin] = []
        self._last = read()

    def close(self) -> None:
        """A fixture that stays set up refers to this for as long."""
        self._read = int

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self) -> Generator[None, object, object]:
        """The first phase."""
        return (yield from self._part(Origin(phase="setup")))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """The second phase; what a ``TestCase`` does before and after its test method is not of it."""
        case = getattr(sys.modules.get("unittest"), "TestCase", None)
        instance = getattr(item, "instance", None)
        if case is not None and isinstance(instance, case):
            self._take_apart(instance)
        return (yield from self._part(_CALL))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self) -> Generator[None, object, object]:
        """The last phase."""
        return (yield from self._part(Origin(phase="teardown")))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Generator[None, object, object]:
        """Fixtures that this one needs have been set up before."""
        result = yield from self._part(Origin(phase="setup", fixture=self._name_of(fixturedef)))
        fixturedef.addfinalizer(self._account)  # the last one added is the first to be called
        return result

    @pytest.hookimpl(tryfirst=True)
    def pytest_fixture_post_finalizer(self, fixturedef: Any) -> None:
        """The end of the teardown of a fixture; whatever needed it was torn down, and has ended, before."""
        self._account(Origin(phase="teardown", fixture=self._name_of(fixturedef)))

    def _part(self, origin: Origin) -> Generator[None, object, object]:
        self._enter(origin)
        try:
            return (yield)
        finally:
            self._leave()

    def _enter(self, origin: Origin) -> None:
        self._account(self._within[-1] if self._within else Origin(phase="setup"))
        self._within.append(origin)

    def _leave(self) -> None:
        self._account(self._within.pop())

    def _account(self, origin: Origin | None = None) -> None:
        """What has grown since the last reading has grown there; or else in what is going on, whatever that is."""
        if origin is None:
            origin = self._within[-1] if self._within else Origin(phase="teardown")
        before, self._last = self._last, self._read()
        if self._last != before:
            self.grown[origin] = self.grown.get(origin, 0) + self._last - before

    def _take_apart(self, instance: object) -> None:
        """The instance is made for this repetition and goes with it."""
        for name, phase in _METHODS:
            method = getattr(instance, name, None)
            if callable(method):
                bracketed = self._bracketed_async if inspect.iscoroutinefunction(method) else self._bracketed
                setattr(instance, name, bracketed(method, Origin(phase=phase)))

    def _bracketed(self, method: Callable[[], object], origin: Origin) -> Callable[[], object]:
        @functools.wraps(method)
        def bracketed() -> object:
            self._enter(origin)
            try:
                return method()
            finally:
                self._leave()

        return bracketed

    def _bracketed_async(self, method: Callable[[], Any], origin: Origin) -> Callable[[], Any]:
        @functools.wraps(method)
        async def bracketed() -> object:
            self._enter(origin)
            try:
                return await method()
            finally:
                self._leave()

        return bracketed
