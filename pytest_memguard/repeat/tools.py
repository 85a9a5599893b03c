"""Keep repetitions out of what other plugins record, and undo what libraries remember of each run for good.

What is touched here is private to them, and left alone where it is not as expected: pytest-cov would begin to measure
again after it has reported, pytest-benchmark and pytest-memray measure again, syrupy count again, Allure write results,
pytest-bdd define its fixtures once more; Django's test client leaves a finalizer behind in every request, and its
connection to SQLite up to 200 cursors. gevent closes a descriptor when its loop runs the next time.
"""

from __future__ import annotations

import contextlib
import copy
import gc
import sys
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

# What syrupy's session collects while tests run.
_SNAPSHOTS = ("_assertions", "_extensions", "_locations_discovered", "_queued_snapshot_writes")
# Plugins that measure or report what they see of a test, by the packages that they are of.
_RECORDERS = ("allure_pytest", "pytest_cov", "pytest_memray")
_CURSORS_BETWEEN_SWEEPS = 200
_HOOKS = (
    "pytest_runtest_protocol",
    "pytest_runtest_setup",
    "pytest_runtest_call",
    "pytest_runtest_teardown",
    "pytest_runtest_makereport",
    "pytest_pyfunc_call",
    "pytest_fixture_setup",
    "pytest_fixture_post_finalizer",
)


@contextlib.contextmanager
def unrecorded(config: pytest.Config, manager: Any) -> Iterator[Callable[[], None]]:
    """While entered, repetitions are recorded nowhere; yields what is to be called after each of them.

    ``manager`` is the session's fixture manager.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(_no_coverage())
        stack.enter_context(_unseen(config))
        stack.enter_context(_no_steps())
        stack.enter_context(_no_benchmarks(config))
        forget = (
            stack.enter_context(_no_snapshots(config)),
            stack.enter_context(_no_more_fixtures(manager)),
            _Finalizers().forget,
            _drop_dead_cursors,
            _let_greenlets_run,
        )

        def forget_all() -> None:
            for action in forget:
                action()

        yield forget_all


@contextlib.contextmanager
def _no_coverage() -> Iterator[None]:
    """Lines that only a repetition runs are not covered, and each thread costs a tracer that is never given back."""
    measuring: Any = getattr(sys.modules.get("coverage"), "Coverage", None)
    current: Any = getattr(measuring, "current", _nothing)()
    if not getattr(current, "_started", False):  # stopped by pytest-cov, but not in a worker, nor by ``coverage run``
        yield
        return
    current.stop()
    try:
        yield
    finally:
        current.start()


@contextlib.contextmanager
def _unseen(config: pytest.Config) -> Iterator[None]:
    """Recording plugins do not see repetitions; pytest-cov would resume after a test that is marked ``no_cover``."""
    with contextlib.ExitStack() as stack:
        for name in _HOOKS:
            implementations = getattr(config.hook, name)._hookimpls
            before = list(implementations)
            kept = [each for each in before if _package(each.plugin) not in _RECORDERS]
            if len(kept) != len(before):
                stack.callback(_restore, implementations, before)
                implementations[:] = kept
        yield


def _package(plugin: Any) -> str:
    """The package that a plugin is of, be it a module or an object."""
    name = getattr(plugin, "__name__", None)
    return str(name if isinstance(name, str) else type(plugin).__module__).partition(".")[0]


@contextlib.contextmanager
def _no_steps() -> Iterator[None]:
    """Allure's steps and attachments go nowhere."""
    manager: Any = getattr(sys.modules.get("allure_commons"), "plugin_manager", None)
    plugins = [] if manager is None else manager.list_name_plugin()
    for _, plugin in plugins:
        if plugin is not None:
            manager.unregister(plugin)
    try:
        yield
    finally:
        for name, plugin in plugins:
            if plugin is not None:
                manager.register(plugin, name)


def _restore(implementations: list[Any], before: list[Any]) -> None:
    """Those that were registered meanwhile have gone again."""
    implementations[:] = before


@contextlib.contextmanager
def _no_benchmarks(config: pytest.Config) -> Iterator[None]:
    """With ``--benchmark-disable`` the fixture calls the function once and notes nothing."""
    session: Any = getattr(config, "_benchmarksession", None)
    if not hasattr(session, "disabled"):
        yield
        return
    before, session.disabled = session.disabled, True
    try:
        yield
    finally:
        session.disabled = before


@contextlib.contextmanager
def _no_snapshots(config: pytest.Config) -> Iterator[Callable[[], None]]:
    """Other containers for syrupy's session, emptied after each repetition."""
    session: Any = getattr(config, "_syrupy", None)
    saved = {name: vars(session)[name] for name in _SNAPSHOTS if name in vars(session)} if session is not None else {}
    others = {name: copy.copy(container) for name, container in saved.items()}

    def forget() -> None:
        for container in others.values():
            container.clear()

    forget()
    if session is not None:
        vars(session).update(others)
    try:
        yield forget
    finally:
        if session is not None:
            vars(session).update(saved)


@contextlib.contextmanager
def _no_more_fixtures(manager: Any) -> Iterator[Callable[[], None]]:
    """Fixtures that are registered while a test runs are taken out of pytest's tables again."""
    register = getattr(manager, "_register_fixture", None)
    if register is None or "_register_fixture" in vars(manager):
        yield _nothing
        return
    names: list[str] = []
    known: dict[str, set[int]] = {}

    def noting(*args: Any, **kwargs: Any) -> None:
        name = kwargs.get("name")
        if isinstance(name, str):
            names.append(name)
            if name not in known:
                known[name] = {id(definition) for found in _definitions(manager, name) for definition in found}
        register(*args, **kwargs)

    def forget() -> None:
        for name in names:
            for found in _definitions(manager, name):
                found[:] = [definition for definition in found if id(definition) in known[name]]
        names.clear()

    manager._register_fixture = noting
    try:
        yield forget
    finally:
        del manager._register_fixture


def _definitions(manager: Any, name: str) -> Iterator[list[Any]]:
    """The lists of definitions of this name: one up to pytest 9.0, by node and by node id after it."""
    for table, by_name in vars(manager).items():
        found = by_name.get(name, ()) if table.startswith("_arg2") and isinstance(by_name, dict) else ()
        if isinstance(found, list):
            yield found
        elif isinstance(found, dict):
            yield from found.values()


def _nothing() -> None:
    """Where there is nothing to undo."""


class _Finalizers:
    """Signals of Django: whoever connects a receiver anew leaves one more finalizer that does the same.

    Its test client does so in every request, with a function that lives for ever.
    """

    __slots__ = ("_length", "_registry", "_saved")

    def __init__(self) -> None:
        registry: Any = getattr(weakref.finalize, "_registry", None)
        self._registry = registry if type(registry) is dict else {}
        self._saved = set(map(id, self._registry))
        self._length = len(self._registry)

    def forget(self) -> None:
        """Take out what the last repetition has added."""
        dispatcher = sys.modules.get("django.dispatch.dispatcher")
        if dispatcher is None or len(self._registry) == self._length:
            return
        signal = getattr(dispatcher, "Signal", None)
        for finalizer, info in list(self._registry.items()):
            owner = getattr(getattr(info, "func", None), "__self__", None)
            if isinstance(owner, signal or ()) and id(finalizer) not in self._saved:
                finalizer.detach()
        self._length = len(self._registry)


def _drop_dead_cursors() -> None:
    """Make the connections of Django to SQLite sweep their lists of cursors, which they do at every 201st."""
    connections = getattr(sys.modules.get("django.db"), "connections", None)
    kind = getattr(sys.modules.get("sqlite3"), "Connection", None)
    if connections is None or kind is None or not connections.settings:
        return
    for alias in connections:
        wrapper = getattr(connections._connections, alias, None)
        connection = getattr(wrapper, "connection", None)
        if isinstance(connection, kind):
            with contextlib.suppress(Exception):  # closed, or another thread's
                _sweep(kind, connection)


def _sweep(kind: Any, connection: Any) -> None:
    kind.cursor(connection)
    lists = [each for each in gc.get_referents(connection) if type(each) is list and each]
    if not lists:
        return
    cursors = max(lists, key=len)
    for _ in range(_CURSORS_BETWEEN_SWEEPS):
        before = len(cursors)
        kind.cursor(connection)
        if len(cursors) <= before:
            return


def _let_greenlets_run() -> None:
    """One turn of gevent's loop, where it has one here: nothing else may come to wait for it before the next test."""
    hub: Any = getattr(sys.modules.get("gevent._hub_local"), "get_hub_if_exists", _nothing)()
    sleep = getattr(sys.modules.get("gevent"), "sleep", None)
    if hub is not None and sleep is not None:
        with contextlib.suppress(Exception):  # what a greenlet of the suite raises in its turn
            sleep(0)
