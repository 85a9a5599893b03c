"""The registry of components: who there is, what each holds after a test, and what can be done about all of them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from time import perf_counter, thread_time
from typing import TYPE_CHECKING

from pytest_memguard.errors import ConflictError, SettingError, UnknownNameError
from pytest_memguard.settings import ComponentSpec

if TYPE_CHECKING:
    from pytest_memguard.components.component import Component
    from pytest_memguard.events import ComponentUsage, StrategyResult
    from pytest_memguard.growth import GrowthSettings

__all__ = ["ComponentRegistry"]

_BY_MARKER = "a marker"


class ComponentRegistry:
    """All components of one process, in the order of registration. False while there are none.

    Nothing here raises what code of the components raises: it goes into ``error`` of their usage. ``own_cost_s``: CPU
    seconds that measuring took so far; ``used``: whether there ever was a component.
    """

    def __init__(
        self,
        *,
        worker: str = "main",
        growth: GrowthSettings | None = None,
        clock: Callable[[], float] = perf_counter,
        cpu: Callable[[], float] = thread_time,
    ) -> None:
        self.own_cost_s = 0.0
        self.used = False
        self._components: dict[str, Component] = {}
        # Of components that tests had for themselves: until the next measure, and for the end of the run.
        self._left: dict[str, ComponentUsage] = {}
        self._gone: dict[str, ComponentUsage] = {}
        self._worker = worker
        self._growth = growth
        self._clock = clock
        self._cpu = cpu

    def __len__(self) -> int:
        return len(self._components) + len(self._left)

    def __iter__(self) -> Iterator[Component]:
        return iter(list(self._components.values()))

    def __contains__(self, name: object) -> bool:
        return name in self._components

    def register(
        self,
        name: str,
        *,
        track: str | Sequence[str] | Mapping[str, object] = (),
        measure: Callable[..., object] | str | None = None,
        limits: Mapping[str, int] | None = None,
        cleanup: Mapping[str, Callable[[], object] | str] | None = None,
        shutdown: Callable[[], object] | str | None = None,
        restart: Callable[[], object] | str | None = None,
        essential: bool = False,
        origin: str | None = None,
    ) -> Component:
        """Add a component.

        ``track``: its containers, as ``"module:attribute"`` (one, or a list), looked up when the module is loaded; or
        a mapping of names to such references, to containers, or to functions that give one. ``limits``: entries
        allowed, by the name of a container, which for a reference is its last part. ``measure``: gets the containers
        as arguments, and gives bytes, or a mapping with ``bytes``, ``entries`` or both; ``pympler.asizeof.asizeof``
        and ``objsize.get_deep_size`` are such. ``cleanup``: by level, what to call. ``essential``: never shut down.
        Every callable may be given as ``"module:attribute"``, too. ``origin``: where it is registered, for messages.

        Raises ``MemguardError`` on a name that is taken, and on values that make no sense.
        """
        from pytest_memguard.components.component import Component  # noqa: PLC0415 - most suites have none
        from pytest_memguard.components.given import actions, checked_limits, one_action, sources_of  # noqa: PLC0415

        origin = origin or _caller()
        if not str(name).strip():
            raise SettingError("name of a component", name, origin=origin, allowed="text that is not empty")
        self._refuse_twice(name, origin)
        sources = sources_of(track, name=name, origin=origin)
        component = Component(
            name,
            sources=sources,
            measure=one_action(measure, "measure", arguments=len(sources), name=name, origin=origin),
            limits=checked_limits(limits, sources, name=name, origin=origin),
            cleanup=actions(cleanup, name=name, origin=origin),
            shutdown=one_action(shutdown, "shutdown", name=name, origin=origin),
            restart=one_action(restart, "restart", name=name, origin=origin),
            essential=bool(essential),
            origin=origin,
            worker=self._worker,
            growth=self._growth,
            clock=self._clock,
        )
        self._components[name] = component
        self.used = True
        return component

    def from_settings(self, specs: Sequence[ComponentSpec], *, origin: str = "memory.components") -> None:
        """Add the components that the settings describe."""
        for spec in specs:
            self.register(
                spec.name,
                track=spec.track,
                measure=spec.measure,
                limits=spec.limits,
                cleanup=spec.cleanup,
                shutdown=spec.shutdown,
                restart=spec.restart,
                essential=spec.essential,
                origin=origin,
            )

    def mark(self, name: str, *, origin: str) -> None:
        """A marker names a component: it has to be there, unless nothing is registered but what markers name.

        Then it is one without containers, to which only what its tests retain is accounted. Raises as ``get`` does.
        """
        if name not in self._components and all(component.origin == _BY_MARKER for component in self):
            self.register(name, origin=_BY_MARKER)
        self.get(name, origin=origin)

    def get(self, name: str, *, origin: str) -> Component:
        """The component of that name; raises ``UnknownNameError`` where there is none."""
        found = self._components.get(name)
        if found is None:
            raise UnknownNameError(
                "component",
                name,
                origin=origin,
                known=tuple(self._components) or ("a registered one",),
                remedy="register it: in memory.components, by pytest_memguard_components or memguard.component",
            )
        return found

    def release(self, name: str) -> None:
        """Take a component out that a test has registered for itself; the next ``measure`` still has it."""
        component = self._components.pop(name)
        self._left[name] = component.measured(None)
        self._gone[name] = component.total()

    # -- what they hold

    def measure(self, nodeid: str | None) -> Sequence[ComponentUsage]:
        """What every component holds now, ``nodeid`` being the test that has just ended (None: before the first).

        Made for every boundary between two tests: entries are counted each time, bytes as far as that is cheap.
        """
        start = self._cpu()
        usages = [component.measured(nodeid) for component in self]
        usages += [replace(usage, nodeid=nodeid) for usage in self._left.values()]
        self._left.clear()
        self.own_cost_s += self._cpu() - start
        return usages

    def note(self, nodeid: str | None) -> None:
        """As ``measure``, where nobody wants to know but the report at the end: that is cheaper."""
        start = self._cpu()
        for component in self._components.values():
            component.note(nodeid)
        self._left.clear()
        self.own_cost_s += self._cpu() - start

    def totals(self) -> list[ComponentUsage]:
        """What every component holds at the end of the run, ``grown_*`` counted from its start."""
        gone = [usage for name, usage in self._gone.items() if name not in self._components]
        return [*(component.total() for component in self), *gone]

    def last(self) -> list[ComponentUsage]:
        """What every component held after the last test, ``grown_*`` counted from the start; runs no code of others."""
        return [component.last() for component in self]

    def warnings(self) -> tuple[list[str], list[str]]:
        """The names of the components that look like leaks, and what people should know at the end of the run."""
        growth = {component.name: component.growth() for component in self}
        ordered = sorted(self, key=lambda component: growth[component.name] is None)
        told = [warning for component in ordered for warning in component.warnings(growth[component.name])]
        return [name for name, words in growth.items() if words is not None], told

    def lost(self) -> list[str]:
        """What people should know at the end of the run of references to modules that are not there."""
        return [words for component in self for words in component.lost()]

    def reset(self) -> None:
        """Forget what was measured so far: growth counts from now on. Containers and states stay as they are."""
        for component in self:
            component.reset()

    # -- what can be done about it

    def trim(self) -> int:
        """Bring every container that is over its limit down to it, oldest entries first; gives the entries removed."""
        return sum(component.trim() for component in self)

    def clean(self, level: str) -> list[StrategyResult]:
        """Run the callables that components have for exactly this level; ``name`` is that of the component."""
        results = (component.clean(level) for component in self)
        return [result for result in results if result is not None]

    def shut_down_nonessential(self) -> list[str]:
        """Shut down what is running and may be, the last registered first; gives those that went down."""
        return [component.name for component in reversed(list(self)) if component.shut_down()]

    def restart_all(self) -> list[str]:
        """Start again what was shut down, the first registered first; gives those that are back."""
        return [component.name for component in self if component.restart()]

    def _refuse_twice(self, name: str, origin: str) -> None:
        present = self._components.get(name)
        if present is not None:
            raise ConflictError(
                f"component {name!r} is registered twice: {present.origin}, and {origin}",
                remedy="give one of them another name, or take it out",
            )


def _caller() -> str:
    """File and line of whoever called ``register``."""
    frame = inspect.currentframe()
    frame = frame.f_back.f_back if frame is not None and frame.f_back is not None else None
    return "a call of register" if frame is None else f"{frame.f_code.co_filename}, line {frame.f_lineno}"
