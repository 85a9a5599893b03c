"""The registry: what may be registered, what a test is told to have done, and what is done to all components."""

from __future__ import annotations

import gc
import sys
import types
import weakref

import pytest

from pytest_memguard.components import ComponentRegistry
from pytest_memguard.components.ownership import Ownership
from pytest_memguard.components.scope import Scope
from pytest_memguard.errors import ConflictError, MemguardError, SettingError, UnknownNameError
from pytest_memguard.growth import GrowthSettings
from pytest_memguard.settings import ComponentSpec
from tests.unit import reported


@pytest.fixture
def registry():
    return ComponentRegistry(clock=lambda: 0.0)


def one(registry, nodeid="t.py::test"):
    """The usage of the only component."""
    (usage,) = registry.measure(nodeid)
    return usage


FULL_SPEC = ComponentSpec(
    name="messages",
    track=("shop_of_messages:processed", "shop_of_messages:history"),
    measure="shop_of_messages:weigh",
    limits={"processed": 5},
    cleanup={"gentle": "shop_of_messages:expire"},
    shutdown="shop_of_messages:stop",
    restart="shop_of_messages:start",
)


class Store:
    """An application that is shut down and restarted, and notes what is asked of it."""

    def __init__(self, name="", log=None, *, failing=()):
        self.name = name
        self.log = [] if log is None else log
        self.failing = set(failing)

    def stop(self):
        self._do("stop")

    def start(self):
        self._do("start")

    def _do(self, what):
        self.log.append(f"{what} {self.name}".strip())
        if what in self.failing:
            raise RuntimeError(f"cannot {what}")


def needs(force):
    return force


async def awaited():
    pass


class TestRegister:
    @pytest.mark.parametrize(
        ("described", "error", "told"),
        [
            ({"track": 5}, SettingError, ("track of component cache", '"module:attribute"')),
            ({"track": [[1, 2]]}, SettingError, ("track of component cache", 'track={"cache": cache}')),
            ({"track": "shop.messages"}, SettingError, ("'shop.messages'", '"module:attribute"')),
            ({"track": {"": []}}, SettingError, ("track of component cache",)),
            ({"track": {"size": 7}}, SettingError, ("size in track of component cache 7",)),
            ({"limits": {"held": 5}}, SettingError, ("track to name what the limits are for",)),
            (
                {"track": {"history": []}, "limits": {"histroy": 5}},
                UnknownNameError,
                ("'histroy'", "did you mean 'history'?"),
            ),
            ({"track": {"a": []}, "limits": {"a": -1}}, SettingError, ("limit a of component cache -1",)),
            ({"track": {"a": []}, "limits": {"a": True}}, SettingError, ("limit a of component cache True",)),
            ({"limits": 5}, SettingError, ("limits of component cache 5", "a mapping")),
            ({"cleanup": {"agressive": print}}, UnknownNameError, ("did you mean 'aggressive'?",)),
            ({"cleanup": {"gentle": needs}}, SettingError, ("gentle cleanup of component cache", "it takes (force)")),
            ({"shutdown": awaited}, SettingError, ("shutdown of component cache", "coroutine function")),
            ({"restart": 5}, SettingError, ("restart of component cache 5", "a int cannot be called")),
            ({"restart": "shop"}, SettingError, ("restart of component cache 'shop'",)),
            ({"measure": lambda: 0, "track": {"a": []}}, SettingError, ("measure of component cache", "1 argument")),
        ],
        ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
    )
    def test_what_makes_no_sense_is_refused(self, registry, described, error, told):
        with pytest.raises(error) as caught:
            registry.register("cache", **described)
        assert all(text in str(caught.value) for text in told), str(caught.value)
        assert f"{__file__}, line " in str(caught.value)
        assert not registry

    def test_a_name_is_taken_once(self, registry):
        registry.from_settings([ComponentSpec(name="cache")], origin="memguard.yaml, line 3")
        with pytest.raises(ConflictError, match=r"'cache' is registered twice: memguard.yaml, line 3, and .*py, line"):
            registry.register("cache")
        with pytest.raises(SettingError, match="name of a component ''"):
            registry.register(" ".strip())

    def test_an_object_is_not_kept_alive(self, registry):
        cache = Store()
        registry.register("cache", track={"cache": cache})
        gone = weakref.ref(cache)
        del cache
        gc.collect()
        assert gone() is None
        usage = one(registry)
        assert (usage.entries, usage.error) == (None, "cache: the object was freed")

    def test_a_marker_may_name_what_is_registered_or_what_only_markers_name(self, registry):
        registry.mark("billing", origin="a test")
        registry.mark("billing", origin="another test")
        registry.mark("cart", origin="a test")
        assert [component.name for component in registry] == ["billing", "cart"]
        registry.register("cache", track={"cache": []})
        with pytest.raises(UnknownNameError, match=r"'cahce' from a test.*\n.*did you mean 'cache'"):
            registry.mark("cahce", origin="a test")


class TestMeasure:
    def test_entries_bytes_and_growth_of_each_test(self, registry):
        held, seen = [], set()
        registry.register("store", track={"held": held, "seen": lambda: seen}, limits={"held": 2})
        registry.measure(None)
        held += ["x" * 1000, "y" * 1000]
        seen.add("z")
        usage = one(registry, "t.py::test_a")
        assert (usage.component, usage.nodeid, usage.worker) == ("store", "t.py::test_a", "main")
        assert (usage.entries, usage.grown_entries) == (3, 3)
        assert usage.bytes > usage.grown_bytes > 2000
        assert (usage.limits, usage.over) == ({"held": 2}, ())
        held.append("more")
        usage = one(registry, "t.py::test_b")
        assert (usage.grown_entries, usage.over) == (1, ("held",))

    def test_one_container_that_cannot_be_read_hides_no_other(self, registry):
        registry.register("store", track={"held": [1, 2], "there": "not_loaded:at_all"})
        usage = one(registry)
        assert (usage.entries, usage.error) == (2, "there: the module not_loaded is not loaded")

    @pytest.mark.parametrize(
        ("given", "known"),
        [
            (700, (2, 700)),
            ({"bytes": 700, "entries": 9}, (2, 700)),
            ({"bytes": 700}, (2, 700)),
        ],
        ids=repr,
    )
    def test_a_measure_of_the_users_own(self, registry, given, known):
        registry.register("store", track={"held": [1, 2]}, measure=lambda held: given)
        usage = one(registry)
        assert (usage.entries, usage.bytes) == known
        assert usage.error is None

    def test_a_measure_alone_counts_entries_as_well(self, registry):
        registry.register("native", measure=lambda: {"bytes": 700, "entries": 9})
        usage = one(registry)
        assert (usage.entries, usage.bytes) == (9, 700)

    @pytest.mark.parametrize(
        ("given", "told"),
        [
            (-5, "gave -5: 0 or more"),
            (10**40, "a number without end"),
            (1.5, "gave a float, where a whole number is wanted"),
            (True, "gave a bool"),
            (None, "gave a NoneType"),
            ("many", "gave a str"),
            ({}, "bytes, entries or both"),
            ({"size": 5}, "bytes, entries or both"),
            ({"bytes": float("nan")}, "gave a float"),
        ],
        ids=repr,
    )
    def test_a_measure_that_lies_is_an_error(self, registry, given, told):
        registry.register("store", track={"held": [1, 2]}, measure=lambda held: given)
        usage = one(registry)
        assert usage.bytes is None
        assert usage.entries == 2
        assert told in usage.error

    def test_what_raises_is_an_error_and_is_asked_again(self, registry):
        answers = iter([KeyError("held"), 5])

        def measure():
            answer = next(answers)
            if isinstance(answer, Exception):
                raise answer
            return answer

        registry.register("store", measure=measure)
        assert one(registry).error == "measure: KeyError: 'held'"
        assert one(registry).bytes == 5

    def test_at_the_end_growth_is_that_of_the_run(self, registry):
        held = []
        registry.register("store", track={"held": held})
        registry.measure(None)
        for test, more in (("a", 3), ("b", 5), ("c", -6)):
            held[:] = held[: more if more < 0 else None] + [test] * more
            registry.measure(f"t.py::test_{test}")
        (total,) = registry.totals()
        assert (total.entries, total.grown_entries, total.peak_entries) == (2, 2, 8)
        assert (total.nodeid, total.grown_most_by) == (None, "t.py::test_b")

    def test_what_tests_retain_is_accounted(self, registry):
        component = registry.register("billing")
        component.account(100)
        assert one(registry).accounted_bytes == 100
        assert one(registry).accounted_bytes is None
        component.account(20)
        registry.measure("t.py::test_c")
        assert registry.totals()[0].accounted_bytes == 120

    def test_after_a_reset_growth_counts_from_now(self, registry):
        held = [1, 2, 3]
        registry.register("store", track={"held": held})
        registry.measure("t.py::test_a")
        registry.reset()
        held.append(4)
        assert one(registry).grown_entries is None
        assert registry.totals()[0].grown_entries == 0


class TestGrowth:
    def growing(self, container, steps, **described):
        registry = ComponentRegistry(growth=GrowthSettings(window=15), clock=lambda: 0.0)
        registry.register("store", track={"held": container}, **described)
        registry.measure(None)
        for number in range(steps):
            container.append(f"entry {number}")
            registry.measure(f"t.py::test_{number}")
            registry.measure(f"t.py::test_that_does_not_touch_it_{number}")
        return registry

    def test_what_keeps_growing_is_told(self):
        registry = self.growing([], 60)
        names, (warning,) = registry.warnings()
        assert names == ["store"]
        assert warning.startswith(
            "component store keeps growing: +60 entries until t.py::test_59, up in 60 of 60 tests"
        )

    def test_of_a_long_run_some_points_tell_it(self):
        _, (warning,) = self.growing([], 2500).warnings()
        assert warning.startswith("component store keeps growing: +2,")
        assert "steps (confidence 1.00)" in warning

    def test_what_was_given_back_is_not(self):
        held = []
        registry = self.growing(held, 60)
        held.clear()
        registry.measure("t.py::test_that_clears")
        assert registry.warnings() == ([], [])

    def test_what_grows_in_few_tests_is_not(self):
        assert self.growing([], 10).warnings() == ([], [])

    def test_what_is_within_its_limit_is_not(self):
        assert self.growing([], 60, limits={"held": 100}).warnings() == ([], [])

    def test_what_is_over_its_limit_is_told(self):
        _, warnings = self.growing([], 60, limits={"held": 50}).warnings()
        assert warnings[1:] == ["component store holds more than it may: held (limit 50)"]
        assert warnings[0].startswith("component store keeps growing")

    def test_growth_inside_an_entry_is_told_in_bytes(self):
        registry = ComponentRegistry(clock=lambda: 0.0)
        held = {"log": ""}
        registry.register("store", track={"held": held})
        for number in range(60):
            held["log"] += "x" * 1000
            registry.measure(f"t.py::test_{number}")
        _, (warning,) = registry.warnings()
        assert "+57.6 KiB from t.py::test_0 to t.py::test_59" in warning

    def test_a_module_that_is_not_loaded_is_nothing_to_warn_of(self, registry):
        registry.register("store", track="not_loaded:at_all")
        registry.register("wrong", track="sys:patth")
        registry.measure("t.py::test_a")
        _, (warning,) = registry.warnings()
        assert warning.startswith("component wrong could not be measured: patth: sys:patth leads nowhere")
        assert warning.endswith("did you mean 'path'?")


class TestDoing:
    def test_containers_are_trimmed_to_their_limits(self, registry):
        held, free, seen = list(range(100)), list(range(100)), (1, 2)
        registry.register("store", track={"held": held, "free": free, "seen": seen}, limits={"held": 50, "seen": 1})
        registry.register("gone", track="not_loaded:at_all", limits={"at_all": 5})
        assert registry.trim() == 50
        assert (held, len(free)) == (list(range(50, 100)), 100)
        store, gone = registry.measure("t.py::test")
        assert store.error == "trimming seen: a tuple has neither trim(limit) nor clear()"
        assert gone.error == "at_all: the module not_loaded is not loaded"

    def test_exactly_the_callables_of_a_level_run(self, registry):
        held = list(range(10))
        registry.register("store", track={"held": held}, cleanup={"gentle": held.pop, "aggressive": held.clear})
        registry.register("broken", cleanup={"gentle": "not_loaded:at_all"})
        registry.register("raises", cleanup={"gentle": lambda: {}["key"]})
        store, broken, raises = registry.clean("gentle")
        assert (store.name, store.level, store.freed_entries, store.error) == ("store", "gentle", 1, None)
        assert store.freed_bytes > 0
        assert broken.error == "the module not_loaded is not loaded"
        assert raises.error == "KeyError: 'key'"
        assert registry.clean("moderate") == []
        assert [result.freed_entries for result in registry.clean("aggressive")] == [9]

    def test_shutdown_and_restart(self, registry):
        log = []
        for name, essential in (("database", False), ("auth", True), ("web", False)):
            store = Store(name, log)
            registry.register(name, shutdown=store.stop, restart=store.start, essential=essential)
        registry.register("plain")
        assert registry.shut_down_nonessential() == ["web", "database"]
        assert registry.shut_down_nonessential() == []
        assert states(registry) == ["shut down", "running", "shut down", "running"]
        assert registry.restart_all() == ["database", "web"]
        assert registry.restart_all() == []
        assert states(registry) == ["restarted", "running", "restarted", "running"]
        assert log == ["stop web", "stop database", "start database", "start web"]
        assert registry.shut_down_nonessential() == ["web", "database"]

    def test_everything_can_be_given_by_name(self, registry, monkeypatch):
        module = types.ModuleType("shop_of_messages")
        module.processed, module.history, log = list(range(9)), {}, []
        module.expire, module.stop = module.processed.pop, lambda: log.append("stop")
        module.start, module.weigh = lambda: log.append("start"), lambda processed, history: 7
        registry.from_settings([FULL_SPEC])
        assert registry.trim() == 0
        assert one(registry).error.startswith("processed: the module shop_of_messages is not loaded")
        monkeypatch.setitem(sys.modules, module.__name__, module)
        assert [result.freed_entries for result in registry.clean("gentle")] == [1]
        assert registry.trim() == 3
        usage = one(registry)
        assert (usage.entries, usage.bytes, usage.limits) == (5, 7, {"processed": 5})
        assert registry.shut_down_nonessential() == registry.restart_all() == ["messages"]
        assert log == ["stop", "start"]

    def test_what_is_down_is_not_cleaned(self, registry):
        store = Store()
        registry.register("store", shutdown=store.stop, cleanup={"gentle": store.start})
        registry.shut_down_nonessential()
        (result,) = registry.clean("gentle")
        assert result.error == "the component is shut down"
        assert store.log == ["stop"]

    def test_what_cannot_be_switched_has_failed_and_is_tried_again(self, registry):
        store = Store(failing=("stop", "start"))
        registry.register("store", shutdown=store.stop, restart=store.start)
        assert registry.shut_down_nonessential() == []
        assert states(registry) == ["failed"]
        assert one(registry).error == "shutdown: RuntimeError: cannot stop"
        store.failing.remove("stop")
        assert registry.shut_down_nonessential() == ["store"]
        assert registry.restart_all() == []
        assert one(registry).error == "restart: RuntimeError: cannot start"
        store.failing.clear()
        assert registry.restart_all() == ["store"]
        assert (states(registry), one(registry).error) == (["restarted"], None)


def states(registry):
    return [usage.state for usage in registry.measure("t.py::test")]


class TestScope:
    def test_a_component_of_a_test_lasts_until_its_end(self, registry):
        scope, held = Scope(registry, origin="t.py::test"), []
        component = scope.component("own", track={"held": held}, limits={"held": 2})
        held += [1, 2, 3]
        assert (component.usage().entries, component.usage().over) == (3, ("held",))
        assert component.trim() == 1
        scope.close()
        assert list(registry) == []
        usage = one(registry)
        assert (usage.component, usage.nodeid, usage.entries, usage.grown_entries) == ("own", "t.py::test", 2, 2)
        assert registry.measure("t.py::test_next") == []
        assert [total.component for total in registry.totals()] == ["own"]

    def test_a_name_alone_is_one_that_is_there(self, registry):
        scope = Scope(registry, origin="t.py::test")
        there = registry.register("cache", track={"cache": []})
        assert scope.component("cache") is there
        with pytest.raises(UnknownNameError, match=r"'cahce' from t.py::test"):
            scope.component("cahce")
        with pytest.raises(ConflictError, match="registered twice"):
            scope.component("cache", track={"cache": []})
        scope.close()
        assert list(registry) == [there]

    def test_off_every_name_is_there(self):
        scope = Scope(None, origin="t.py::test")
        assert scope.component("cache").usage().entries is None
        assert scope.component("own", track={"held": [1]}).usage().entries == 1
        with pytest.raises(MemguardError):
            scope.component("other", track=5)
        scope.close()


class TestOwnership:
    @pytest.fixture
    def ownership(self, monkeypatch):
        module = types.ModuleType("shop.cart")
        module._ORDERS = []
        monkeypatch.setitem(sys.modules, "shop.cart", module)
        registry = ComponentRegistry()
        registry.register("orders", track="shop.cart:_ORDERS")
        ownership = Ownership()
        ownership.tracked(registry)
        return ownership

    def test_a_leak_belongs_to_the_component_that_keeps_it(self, ownership):
        ownership.marked(reported.CHECKOUT, "checkout")
        assert ownership.settle(reported.LEAK).diagnosis.component == "orders"

    def test_else_to_that_of_its_test(self, ownership):
        native = reported.NATIVE
        ownership.marked(native.witnesses[0], "parser")
        other = Ownership()
        other.absorb(ownership.to_wire())
        assert other.settle(reported.LEAK).diagnosis.component == "orders"
        assert other.settle(native).diagnosis.component == "parser"

    def test_else_it_is_left_as_it_was(self, ownership):
        assert ownership.settle(reported.THREAD) is reported.THREAD
