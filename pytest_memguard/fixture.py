"""The ``memguard`` fixture: memory as the body of a test can ask for it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, overload

from pytest_memguard.components.component import Component
from pytest_memguard.components.scope import Scope
from pytest_memguard.model import Checkpoint
from pytest_memguard.units import UnitError, format_bytes, parse_size

if TYPE_CHECKING:
    from pytest_memguard.calls import Making, PendingCheck
    from pytest_memguard.gone import Watched
    from pytest_memguard.watch import Level

_LONGEST_NAME = 200


class PeakExceededError(AssertionError):
    """The peak inside ``memguard.limit(..)`` was higher than allowed."""


class NotAwaitedError(AssertionError):
    """``memguard.assert_no_leak`` of a coroutine function inside a running event loop was not awaited."""


class Mark(Protocol):
    """Takes a named reading; ``keep``: it goes into the report."""

    def __call__(self, name: str, *, keep: bool) -> Checkpoint:
        """The reading."""


class MemguardFixture:
    """What a test gets as ``memguard``.

    ``lap`` takes a reading, ``mark`` one that has a name, ``gap`` forgets what came before it in this test; None while
    memguard is off. ``repeating``: this is a repetition of the test, made after the suite's own run. ``rootdir``: what
    lies below it is the user's own code. ``on_watch`` gets the list of the watched objects when there is a first one.
    """

    def __init__(
        self,
        *,
        lap: Callable[[], Level] | None,
        mark: Mark | None = None,
        gap: Callable[[], None] | None = None,
        repeating: bool = False,
        rootdir: str = "",
        on_watch: Callable[[list[Watched]], object] = len,
        components: Scope | None = None,
    ) -> None:
        self._lap = lap
        self._mark = mark
        self._gap = gap
        self._on_watch = on_watch
        self._watched: list[Watched] = []
        self._repeating = repeating
        self._rootdir = rootdir
        self._pending: list[PendingCheck] = []
        self._components = components or Scope(None, origin="memguard.component")

    @contextmanager
    def limit(self, size: str | int) -> Iterator[None]:
        """Fail the test if the peak inside exceeds the memory at its start by more than *size*.

        Raises ``PeakExceededError`` (an ``AssertionError``) at the end of the block, and ``UnitError`` (a
        ``ValueError``) at once where *size* cannot be read. Off, or where no exact peak can be read, it passes.
        """
        try:
            allowed = parse_size(size)
        except UnitError as exc:
            raise UnitError(f"memguard.limit({size!r}): {exc} is wanted", remedy=exc.remedy) from None
        if self._lap is None:
            yield
            return
        before = self._lap()
        yield
        after = self._lap()
        if before.rss is None or after.peak is None:
            return
        grown = after.peak - before.rss
        if grown > allowed:
            raise PeakExceededError(
                f"peak {format_bytes(grown, signed=True)} inside memguard.limit, {format_bytes(allowed)} allowed"
            )

    def checkpoint(self, name: str) -> Checkpoint:
        """Memory now, under a name: it is returned, and listed with the test in the JSON report and by ``-v``.

        The report has the first hundred of a test. Off, every value is None. Raises ``TypeError`` and ``ValueError``
        where *name* is no text, or empty.
        """
        if not isinstance(name, str):
            raise TypeError(f"memguard.checkpoint({name!r}): a name is wanted")
        named = name.strip()[:_LONGEST_NAME]
        if not named:
            raise ValueError(f"memguard.checkpoint({name!r}): a name is wanted")
        return Checkpoint(name=named) if self._mark is None else self._mark(named, keep=not self._repeating)

    @overload
    def assert_no_leak(
        self,
        function: Callable[..., Coroutine[Any, Any, object]],
        /,
        *args: Any,
        runs: int | None = None,
        tolerance: str | int = 0,
        **kwargs: Any,
    ) -> Awaitable[None]: ...

    @overload
    def assert_no_leak(
        self,
        function: Callable[..., object],
        /,
        *args: Any,
        runs: int | None = None,
        tolerance: str | int = 0,
        **kwargs: Any,
    ) -> None: ...

    def assert_no_leak(
        self,
        function: Callable[..., object],
        /,
        *args: Any,
        runs: int | None = None,
        tolerance: str | int = 0,
        **kwargs: Any,
    ) -> Awaitable[None] | None:
        """Call *function* with *args* and *kwargs* again and again, and fail the test if each call leaves something.

        Found are 16 bytes of native memory a call, Python objects, references that are never given back, descriptors
        and threads. *runs*: calls in a batch (None: 200, fewer of what is slow); a function that leaks nothing is
        called about 600 times, one that seems to many more times, in batches that double. *tolerance*: bytes a call
        that may stay.

        A coroutine function is run to its end on an event loop of its own; inside a running loop write
        ``await memguard.assert_no_leak(..)``, and that loop makes the calls. A test that forgets to await it fails.

        Works with memguard off as well. In the repetitions of pass 2, where the test is measured as a whole, the
        function is called once, and not at all where a tolerance accepts what it leaves.

        Raises ``LeakError`` (an ``AssertionError``), ``UnmeasurableError`` where native memory cannot be read, and
        ``ValueError`` for a wrong *runs* or *tolerance*. What the function raises is passed on.
        """
        __tracebackhide__ = True
        calls = self._loaded("pytest_memguard.calls")
        if not callable(function):
            raise TypeError(f"memguard.assert_no_leak({function!r}): a function is wanted, and what to call it with")
        accepted, size = calls.accepted(tolerance), calls.batch_size(runs)
        call = partial(function, *args, **kwargs)
        name = calls.function_name(function)
        awaited = calls.is_awaited(function)
        check = (
            self._single if self._repeating else self._check(function, call, name=name, runs=size, tolerance=accepted)
        )
        pending: PendingCheck = calls.PendingCheck(None, call, name=name)
        if self._repeating and accepted:
            return pending if awaited else None
        if not awaited:
            check(calls.Calls(call))
            return None
        pending = calls.start(check, call, name=name)
        self._pending.append(pending)
        return pending

    def watch(self, obj: object) -> None:
        """Fail the test if *obj* is still there when the test and the teardown of its fixtures are over.

        The test then gets an error besides, which shows who keeps the object. Only a weak reference is kept here;
        raises ``TypeError`` for what cannot be weakly referenced (``int``, ``str``, ``list``, ``dict``, ..). No verdict
        on a test that fails, whose traceback keeps its objects, nor on one that is skipped or expected to fail. Works
        with memguard off as well; repetitions of pass 2 do not look again.
        """
        watched: Watched = self._loaded("pytest_memguard.gone").Watched(obj)
        if self._repeating:
            return
        self._watched.append(watched)
        if len(self._watched) == 1:
            self._on_watch(self._watched)

    def component(self, name: str, **described: Any) -> Component:
        """The component of that name; with more than a name, a new one that lasts until the test has ended.

        What describes it is as for the hook ``pytest_memguard_components``: ``track``, ``limits``, ``measure``,
        ``cleanup``, ``shutdown``, ``restart``, ``essential``. Its ``usage()`` has entries and bytes now, ``trim()``
        brings it down to its limits. Off, it can be used in the same way, and nothing is reported.

        Raises ``MemguardError`` on an unknown name, on one that is taken, and on a value that makes no sense.
        """
        return self._components.component(name, **described)

    def close(self) -> None:
        """The test is over. Raises ``NotAwaitedError`` where it did not await what has to be awaited."""
        for pending in self._pending:
            if not pending.is_done:
                self._pending.clear()
                raise NotAwaitedError(
                    f"assert_no_leak of {pending.name} was not awaited: inside a running event loop write "
                    "`await memguard.assert_no_leak(..)`"
                )

    def _loaded(self, module: str) -> Any:
        """A module that only some tests need, because it loads half of the package: which no test has retained."""
        known = module in sys.modules
        loaded = importlib.import_module(module)
        if self._gap is not None and not known:
            self._gap()
        return loaded

    @staticmethod
    def _single(making: Making) -> None:
        making.one()

    def _check(
        self, function: Callable[..., object], call: partial[object], *, name: str, runs: int | None, tolerance: int
    ) -> Callable[[Making], None]:
        calls = self._loaded("pytest_memguard.calls")

        def check(making: Making) -> None:
            __tracebackhide__ = True
            leak = calls.find_leak(
                making,
                name=name,
                arguments=calls.named_arguments(function, call),
                runs=runs,
                tolerance=tolerance,
                rootdir=self._rootdir,
            )
            if leak is not None:
                raise calls.LeakError(leak)

        return check
