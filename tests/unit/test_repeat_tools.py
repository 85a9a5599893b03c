"""What other plugins and libraries do not see of repetitions, and what of theirs is undone after each."""

from __future__ import annotations

import gc
import sqlite3
import sys
import types
import weakref
from types import SimpleNamespace

import pluggy
import pytest

from pytest_memguard.repeat.tools import unrecorded

HOOKS = (
    "pytest_runtest_protocol",
    "pytest_runtest_setup",
    "pytest_runtest_call",
    "pytest_runtest_teardown",
    "pytest_runtest_makereport",
    "pytest_pyfunc_call",
    "pytest_fixture_setup",
    "pytest_fixture_post_finalizer",
)


class Recorder:
    """Of a plugin that reports each test; ``calls`` is what it saw."""

    __module__ = "allure_pytest.listener"

    def __init__(self):
        self.calls = []

    @pytest.hookimpl
    def pytest_runtest_call(self):
        self.calls.append("call")


class Thing:
    """Something of its own."""


class Manager:
    """Two tables of fixtures, as pytest has them from 9.2 on."""

    def __init__(self):
        self._arg2node2fixturedefs = {"till": {"module": ["the suite's own"]}}
        self._arg2nodeid2fixturedefs = {}

    def _register_fixture(self, *, name, node):
        self._arg2node2fixturedefs.setdefault(name, {}).setdefault(node, []).insert(0, f"{name} made by {node}")


@pytest.fixture
def config():
    """Of a session in which nothing is installed."""
    plugins = pluggy.PluginManager("pytest")
    plugins.add_hookspecs(_specs())
    return SimpleNamespace(pluginmanager=plugins, hook=plugins.hook)


def _specs():
    def nothing():
        """A hook."""

    return SimpleNamespace(**{name: pluggy.HookspecMarker("pytest")(_named(nothing, name)) for name in HOOKS})


def _named(function, name):
    made = types.FunctionType(function.__code__, function.__globals__, name)
    made.__dict__.update(function.__dict__)
    return made


def module(monkeypatch, name, **values):
    made = types.ModuleType(name)
    vars(made).update(values)
    monkeypatch.setitem(sys.modules, name, made)
    return made


def test_who_reports_each_test_does_not_see_repetitions(config):
    recorder = Recorder()
    config.pluginmanager.register(recorder)
    with unrecorded(config, Manager()):
        config.hook.pytest_runtest_call()
    config.hook.pytest_runtest_call()

    assert recorder.calls == ["call"]


def test_steps_of_allure_go_nowhere_and_their_readers_are_back_in_order(config, monkeypatch):
    manager = pluggy.PluginManager("allure")
    first, second = Thing(), Thing()
    manager.register(first, "first")
    manager.register(second, "second")
    module(monkeypatch, "allure_commons", plugin_manager=manager)
    with unrecorded(config, Manager()):
        assert not manager.get_plugins()

    assert [name for name, _ in manager.list_name_plugin()] == ["first", "second"]
    assert manager.get_plugin("first") is first


@pytest.mark.parametrize("started", [True, False])
def test_coverage_that_still_measures_waits(config, monkeypatch, started):
    said = []
    current = SimpleNamespace(_started=started, stop=lambda: said.append("stop"), start=lambda: said.append("start"))
    module(monkeypatch, "coverage", Coverage=SimpleNamespace(current=lambda: current))

    def repeat():
        with unrecorded(config, Manager()):
            said.append("repeats")
            raise LookupError

    with pytest.raises(LookupError):
        repeat()

    assert said == (["stop", "repeats", "start"] if started else ["repeats"])


def test_benchmarks_are_off_and_snapshots_uncounted(config):
    config._benchmarksession = SimpleNamespace(disabled=False)
    counted = ["one"]
    config._syrupy = SimpleNamespace(_assertions=counted, _extensions={"a": 1})
    with unrecorded(config, Manager()) as forget:
        assert config._benchmarksession.disabled
        config._syrupy._assertions.append("two")
        forget()
        assert config._syrupy._assertions == []

    assert not config._benchmarksession.disabled
    assert config._syrupy._assertions is counted == ["one"]
    assert config._syrupy._extensions == {"a": 1}


def test_fixtures_that_a_test_registers_are_gone_after_it(config):
    manager = Manager()
    with unrecorded(config, manager) as forget:
        manager._register_fixture(name="till", node="module")
        manager._register_fixture(name="till", node="test")
        manager._register_fixture(name="stall", node="test")
        assert manager._arg2node2fixturedefs["till"]["module"][0] == "till made by module"
        forget()
        assert manager._arg2node2fixturedefs["till"] == {"module": ["the suite's own"], "test": []}
        assert manager._arg2node2fixturedefs["stall"] == {"test": []}

    assert "_register_fixture" not in vars(manager)


class Signal:
    """Leaves a finalizer in each connection, as that of Django does."""

    def connect(self, receiver):
        weakref.finalize(receiver, self.forget)

    def forget(self):
        pass


def test_finalizers_of_signals_that_are_connected_anew_do_not_add_up(config, monkeypatch):
    module(monkeypatch, "django.dispatch.dispatcher", Signal=Signal)
    others = len(weakref.finalize._registry)
    receiver, signal = Thing(), Signal()
    signal.connect(receiver)
    own = weakref.finalize(receiver, list)
    with unrecorded(config, Manager()) as forget:
        for _ in range(3):
            signal.connect(receiver)
            forget()
            assert len(weakref.finalize._registry) == others + 2

    assert own.alive
    own.detach()


def test_cursors_that_are_gone_are_swept_and_those_in_use_are_not(config, monkeypatch):
    connection = sqlite3.connect(":memory:")
    wrapper = SimpleNamespace(connection=connection)

    class Connections(dict):
        settings = ("default",)
        _connections = SimpleNamespace(default=wrapper)

    module(monkeypatch, "django.db", connections=Connections(default=wrapper))
    used = connection.cursor()
    with unrecorded(config, Manager()) as forget:
        lengths = []
        for queries in (3, 70, 5):
            for _ in range(queries):
                connection.cursor()
            forget()
            lengths.append(_longest(connection))
        connection.close()
        forget()  # closed: nothing to sweep

    assert len(set(lengths)) == 1
    assert used is not None


def _longest(connection):
    return max(len(each) for each in gc.get_referents(connection) if type(each) is list)


def test_gevent_gets_its_turn_where_it_has_a_loop(config, monkeypatch):
    turns = []
    module(monkeypatch, "gevent", sleep=turns.append)
    hub = module(monkeypatch, "gevent._hub_local", get_hub_if_exists=lambda: None)
    with unrecorded(config, Manager()) as forget:
        forget()
        hub.get_hub_if_exists = lambda: "a hub"
        forget()

    assert turns == [0]
