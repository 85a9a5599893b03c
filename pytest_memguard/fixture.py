"""The ``memguard`` fixture: memory as the body of a test can ask for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, ParamSpec, overload

from pytest_memguard.units import UnitError, format_bytes, parse_size

if TYPE_CHECKING:
    from pytest_memguard.calls import Making, PendingCheck

P = ParamSpec("P")


class PeakExceededError(AssertionError):
    """The peak inside ``memguard.limit(..)`` was higher than allowed."""


class NotAwaitedError(AssertionError):
    """``memguard.assert_no_leak`` of a coroutine function inside a running event loop was not awaited."""


class Level(NamedTuple):
    """Resident bytes now, and the highest since the reading before; ``None`` where they cannot be read."""

    rss: int | None
    peak: int | None


class MemguardFixture:
    """What a test gets as ``memguard``.

    ``lap`` takes a reading, or is None while memguard is off. ``repeating``: this is a repetition of the test, made
    after the suite's own run. ``rootdir``: what lies below it is the user's own code.
    """

    def __init__(self, *, lap: Callable[[], Level] | None, repeating: bool = False, rootdir: str = "") -> None:
        self._lap = lap
        self._repeating = repeating
        self._rootdir = rootdir
        self._pending: list[PendingCheck] = []

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
        from pytest_memguard import calls  # noqa: PLC0415 - loads half of the package, which only this needs

        if not callable(function):
            raise TypeError(f"memguard.assert_no_leak({function!r}): a function is wanted, and what to call it with")
        accepted, size = calls.accepted(tolerance), calls.batch_size(runs)
        call = partial(function, *args, **kwargs)
        name = calls.function_name(function)
        awaited = calls.is_awaited(function)
        check = (
            self._single if self._repeating else self._check(function, call, name=name, runs=size, tolerance=accepted)
        )
        if self._repeating and accepted:
            return calls.PendingCheck(None, call, name=name) if awaited else None
        if not awaited:
            check(calls.Calls(call))
            return None
        pending = calls.start(check, call, name=name)
        self._pending.append(pending)
        return pending

    def close(self) -> None:
        """The test is over. Raises ``NotAwaitedError`` where it did not await what has to be awaited."""
        for pending in self._pending:
            if not pending.is_done:
                self._pending.clear()
                raise NotAwaitedError(
                    f"assert_no_leak of {pending.name} was not awaited: inside a running event loop write "
                    "`await memguard.assert_no_leak(..)`"
                )

    @staticmethod
    def _single(making: Making) -> None:
        making.one()

    def _check(
        self, function: Callable[..., object], call: partial[object], *, name: str, runs: int | None, tolerance: int
    ) -> Callable[[Making], None]:
        from pytest_memguard import calls  # noqa: PLC0415

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
