"""Run one test again, whole protocol, unlogged, and leave no trace of it in pytest.

This is the only module that knows pytest's private state. What it touches: ``runtestprotocol``, an item's
``__dict__`` and ``_repr_failure_py``, ``FixtureDef._finalizers``, and through its siblings an item's ``_request``, the
implementations of a hook caller, ``TempPathFactory._basetemp`` and the settings of a property.
pytest-rerunfailures relies on the same names; ``tests/integration/test_detection.py`` fails where one of them changes.
"""

from __future__ import annotations

import contextlib
import inspect
import random
import sys
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pluggy
import pytest
from _pytest.outcomes import OutcomeException
from _pytest.runner import runtestprotocol

from pytest_memguard.model import Origin
from pytest_memguard.repeat import fixtures
from pytest_memguard.repeat.alarm import Alarm, RepetitionTimeoutError
from pytest_memguard.repeat.capture import StillCapture
from pytest_memguard.repeat.given import repeatable
from pytest_memguard.repeat.item import ItemState, without_leftovers
from pytest_memguard.repeat.phases import PhaseHooks
from pytest_memguard.repeat.quiet import quiet
from pytest_memguard.repeat.temporary import TempRoot
from pytest_memguard.repeat.tools import unrecorded
from pytest_memguard.subjects import Cycle, FixtureUse, Subject


class Outcome(NamedTuple):
    """How a repetition ended: ``passed``, and the reason if it did not."""

    passed: bool
    reason: str | None


_PASSED = Outcome(passed=True, reason=None)
_INSTALLED = frozenset({"site-packages", "dist-packages", "_pytest"})


class Repeater:
    """Repeats items of one session; a context manager around the whole of pass 2."""

    def __init__(self, session: pytest.Session) -> None:
        self.active = False
        self.fixture_setups = 0
        self._session = session
        self._config = session.config
        self._runner: Callable[..., Any] = self._config.pluginmanager.hook.pytest_runtest_protocol
        self._forget: Callable[[], object] = list
        self._unrecord: Callable[[], object] = list
        self._finalizers = [definition._finalizers for definition in self._find_higher_scoped()]
        self._lengths = array("q", [-1]) * len(self._finalizers)
        self._temp = TempRoot(self._config)
        self._alarm = Alarm()
        self._capture = StillCapture(self._config)
        self.shown = self._capture.lifted
        self._outcome = _PASSED
        self._exit = contextlib.ExitStack()

    def __enter__(self) -> Repeater:
        with contextlib.ExitStack() as stack:
            stack.callback(random.setstate, random.getstate())
            stack.enter_context(without_leftovers(self._session.items))
            self._forget = stack.enter_context(quiet(self._config))
            self._unrecord = stack.enter_context(unrecorded(self._config, self._session._fixturemanager))
            stack.enter_context(self._temp)
            stack.enter_context(self._capture)
            stack.callback(self._alarm.close)
            stack.callback(self._teardown_all)
            self._exit = stack.pop_all()
        self.drop_spent_finalizers()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._exit.close()

    def drop_spent_finalizers(self) -> None:
        """A fixture leaves a finalizer behind on each fixture above function scope that it used; drop those done."""
        for position, finalizers in enumerate(self._finalizers):
            if len(finalizers) != self._lengths[position]:
                finalizers[:] = [finalizer for finalizer in finalizers if not _is_spent(finalizer)]
                self._lengths[position] = len(finalizers)

    def _find_higher_scoped(self) -> list[Any]:
        """Every fixture definition above function scope: a runner may request one that no item names."""
        manager = self._session._fixturemanager
        found: dict[int, Any] = {}
        # One table by argument name up to pytest 9.1, two (by node and by node id) from 9.2 on.
        roots = [value for name, value in vars(manager).items() if name.startswith("_arg2")]
        roots.extend(info.name2fixturedefs for info in map(_fixture_info, self._session.items) if info is not None)
        for definition in _leaves(roots):
            if getattr(definition, "scope", "function") != "function" and hasattr(definition, "_finalizers"):
                found[id(definition)] = definition
        return list(found.values())

    def run(self, item: pytest.Item, *, keep: Any, patience_s: float = 60.0) -> Outcome:
        """One repetition. ``keep`` is the node whose fixtures stay set up afterwards (None: tear down everything).

        Never raises what the test raises; KeyboardInterrupt and the like pass through after restoring. A repetition
        that takes longer than ``patience_s`` is stopped.
        """
        state = ItemState(item)
        self.active = True
        try:
            state.fresh()
            self._alarm.arm(patience_s)
            with repeatable(item):
                self._runner(item=item, nextitem=keep)
            outcome = self._outcome
        except (RepetitionTimeoutError, pytest.exit.Exception) as stopped:
            outcome = Outcome(passed=False, reason=str(stopped) or "the repetition called pytest.exit")
            self._release(keep)
        finally:
            self._alarm.disarm()
            self.active = False
            self._outcome = _PASSED
            state.restore()
            self.drop_spent_finalizers()
            self._temp.clean()
            self._forget()
            self._unrecord()
            self._capture.forget()
        if not outcome.passed:
            _let_go_of_the_error()
        return outcome

    def protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        """The innermost ``pytest_runtest_protocol`` of a repetition, in place of pytest's own."""
        self._outcome = _judge(runtestprotocol(item, log=False, nextitem=nextitem))
        return True

    @contextlib.contextmanager
    def fixture_setup(self, definition: Any) -> Iterator[None]:
        """Around the setup of a fixture above function scope: counts it, and keeps what it makes."""
        self.fixture_setups += 1
        with self._temp.of_fixture(definition):
            yield

    def prepare(self, item: pytest.Item) -> None:
        """Bring the item's own storage into the form that every repetition leaves it in.

        A dictionary that pass 1 filled key by key is larger than its copy: without this the first repetition would
        free a block, and a leak of one block would not show.
        """
        ItemState(item).restore()

    def enter(self, keep: Any) -> None:
        """Tear down what ``keep`` does not descend from, and put ``keep`` and its ancestors on pytest's stack.

        Otherwise the first repetition in a module or class would seem to retain their entries.
        """
        self._guarded(lambda: self._release(keep))
        if keep is not None:
            with contextlib.suppress(Exception, OutcomeException):
                self._session._setupstate.setup(keep)

    def set_up_fixtures(self, item: pytest.Item, *, patience_s: float = 60.0) -> None:
        """Set up the fixtures above function scope that the item names, after ``enter``; it is not run.

        Where that fails nothing of the item's parent is set up any more than before, and a repetition may do it.
        """
        if not (self.lacks_fixtures(item) and hasattr(item, "_initrequest")):
            return
        state = ItemState(item)
        names = [definition.argname for definition in self.higher_scoped(item)]
        failed = True

        def attempt() -> None:
            nonlocal failed
            with contextlib.suppress(Exception, OutcomeException, RepetitionTimeoutError):
                self._alarm.arm(patience_s)
                fixtures.set_up(item, names)
                failed = False
            self._alarm.disarm()
            self._release(None if failed else item.parent)

        try:
            state.fresh()
            self._guarded(attempt)
        finally:
            state.restore()
            self._forget()
        if failed:
            _let_go_of_the_error()
            self.enter(item.parent)

    def lacks_fixtures(self, item: pytest.Item) -> bool:
        """Whether the next repetition would set up a fixture above function scope."""
        return any(definition.cached_result is None for definition in self.higher_scoped(item))

    def higher_scoped(self, item: pytest.Item) -> list[Any]:
        """The definitions of the fixtures above function scope that the item names, its own and pytest's."""
        info = _fixture_info(item)
        if info is None:
            return []
        definitions = (info.name2fixturedefs[name][-1] for name in info.names_closure if name in info.name2fixturedefs)
        return [d for d in definitions if d.scope != "function"]

    def fixture_of(self, item: pytest.Item, function: str) -> str | None:
        """The name of the item's fixture that *function* makes, if it is one."""
        info = _fixture_info(item)
        definitions = () if info is None else (found[-1] for found in info.name2fixturedefs.values())
        made = (d for d in definitions if _is_ours(d) and getattr(d.func, "__name__", None) == function)
        return next((_fixture_name(d) for d in made), None)

    @contextlib.contextmanager
    def watched(self, read: Callable[[], int]) -> Iterator[Mapping[Origin, int]]:
        """While entered, see in which phases and fixtures of repetitions *read* gives more than before."""
        hooks = PhaseHooks(read, _fixture_name)
        # pytest's own way tells all plugins, and remembers that it has, with the plugin, for ever.
        pluggy.PluginManager.register(self._config.pluginmanager, hooks)
        try:
            yield hooks.grown
        finally:
            self._config.pluginmanager.unregister(hooks)
            hooks.close()

    def cycles(self, subjects: Sequence[Subject], *, widest: bool) -> Iterator[Cycle]:
        """Which tests to run with their whole teardown so that every fixture above function scope has its turn.

        ``widest``: package and session scope (everything is torn down), otherwise class and module scope.
        """
        scopes = ("package", "session") if widest else ("class", "module")
        used = [(s, [d for d in self.higher_scoped(s.item) if _is_ours(d, s.item)]) for s in subjects]
        covered: set[int] = set()
        for subject, definitions in used:
            fresh = [d for d in definitions if d.scope in scopes and id(d) not in covered]
            if not fresh:
                continue
            covered.update(map(id, fresh))
            others = [d for d in definitions if d not in fresh]
            yield Cycle(
                subject=subject,
                keep=None if widest else _above(subject.item, module=any(d.scope == "module" for d in definitions)),
                names=tuple(_fixture_name(d) for d in fresh),
                fixtures=tuple(_use(d, used) for d in (*fresh, *others)),
            )

    def _release(self, keep: Any) -> None:
        """Tear down down to ``keep``; what fixtures raise there is the suite's, and was seen in its own run."""
        with contextlib.suppress(Exception, OutcomeException):
            self._session._setupstate.teardown_exact(keep)
        self._temp.clean()
        self.drop_spent_finalizers()

    def _teardown_all(self) -> None:
        self._guarded(lambda: self._release(None))

    def _guarded(self, action: Callable[[], None]) -> None:
        """Set up or tear down outside a repetition: what that prints is captured and dropped."""
        manager: Any = self._config.pluginmanager.getplugin("capturemanager")
        captures = manager is not None and manager.is_globally_capturing()
        self.active = True
        if captures:
            manager.resume_global_capture()
        try:
            action()
        finally:
            self.active = False
            if captures:
                manager.suspend_global_capture(in_=False)
                manager.read_global_capture()


def _let_go_of_the_error() -> None:
    """For debuggers pytest keeps it until the next test is called: its traceback holds all that the test had."""
    for name in ("last_type", "last_value", "last_traceback", "last_exc"):
        vars(sys).pop(name, None)


def _fixture_info(item: pytest.Item) -> Any:
    return getattr(item, "_fixtureinfo", None)


def _is_ours(definition: Any, item: Any = None) -> bool:
    """Whether a fixture is worth a check: not those of pytest and installed plugins, whose leaks would never gate.

    The fixtures that pytest makes of ``setUpClass``, ``setup_module`` and the like are the suite's. It makes the first
    for every ``TestCase``, though most inherit a ``setUpClass`` that does nothing.
    """
    if definition.argname.startswith("_unittest_setUpClass"):
        return any(_is_written(getattr(item, "cls", None), name) for name in ("setUpClass", "tearDownClass"))
    if definition.argname.startswith(("_xunit_", "_unittest_")):
        return True
    function = inspect.unwrap(definition.func)
    file = getattr(getattr(function, "__code__", None), "co_filename", "")
    return _INSTALLED.isdisjoint(file.replace("\\", "/").split("/"))


def _is_written(cls: type | None, method: str) -> bool:
    """Whether a class has a method of its own or its bases', other than that of ``unittest.TestCase``."""
    function = getattr(getattr(cls, method, None), "__func__", None)
    return getattr(function, "__module__", None) != "unittest.case"


def _fixture_name(definition: Any) -> str:
    """The name as its author wrote it: ``setUpClass``, ``setup_module`` for the fixtures that pytest makes of them."""
    for generated, written in (("_unittest_setUpClass", "setUpClass"), ("_xunit_setup_", "setup_")):
        if definition.argname.startswith(generated):
            scope = definition.argname.removeprefix(generated).partition("_fixture")[0]
            return written + scope if written.endswith("_") else written
    return str(definition.argname)


def _use(definition: Any, used: Sequence[tuple[Subject, Sequence[Any]]]) -> FixtureUse:
    name = _fixture_name(definition)
    is_generated = name != definition.argname
    return FixtureUse(
        name=name,
        function=name if is_generated else getattr(definition.func, "__name__", name),
        users=tuple(subject for subject, definitions in used if definition in definitions),
    )


def _above(item: pytest.Item, *, module: bool) -> Any:
    """The node above the item's module or class: tearing down to it ends the fixtures of that scope."""
    node = item.getparent(pytest.Module if module else pytest.Class) or item.getparent(pytest.Module)
    return item.session if node is None else node.parent


def _is_spent(finalizer: Any) -> bool:
    """Whether it would finish a fixture that is finished: ``partial(fixturedef.finish, request=...)``."""
    definition = getattr(getattr(finalizer, "func", None), "__self__", None)
    return definition is not None and getattr(definition, "cached_result", finalizer) is None


def _leaves(containers: Iterable[Any]) -> Iterator[Any]:
    for container in containers:
        if isinstance(container, Mapping):
            yield from _leaves(container.values())
        elif isinstance(container, (list, tuple)):
            yield from _leaves(container)
        else:
            yield container


def _judge(reports: list[pytest.TestReport]) -> Outcome:
    for report in reports:
        if not report.passed or hasattr(report, "wasxfail"):
            return Outcome(passed=False, reason=_reason(report))
    return _PASSED


def _reason(report: pytest.TestReport) -> str:
    word = "was skipped" if report.skipped else "failed"
    crash = getattr(report.longrepr, "reprcrash", None)
    message = getattr(crash, "message", None)
    if message is None and isinstance(report.longrepr, tuple):
        message = str(report.longrepr[-1])
    first_line = str(message).splitlines()[0][:200] if message else ""
    return f"the repetition {word} in {report.when}" + (f": {first_line}" if first_line else "")
