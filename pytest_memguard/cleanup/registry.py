"""The strategies that there are: named, each with the level that it belongs to, its category and its time limit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Literal, get_args

from pytest_memguard.errors import MemguardError, SettingError, UnknownNameError, all_of, shown
from pytest_memguard.settings import CLEANUP_LEVELS, CleanupLevel, StrategySpec
from pytest_memguard.values import dataclass

__all__ = ["CATEGORIES", "Category", "Outcome", "Strategy", "StrategyRegistry"]

Category = Literal[
    "interpreter",
    "caches",
    "events",
    "batches",
    "connections",
    "databases",
    "timers",
    "accelerators",
    "components",
    "other",
    "gc",
    "heap",
]
CATEGORIES: tuple[Category, ...] = get_args(Category)
#: What frees most where everything else has let go of its objects already: these run last, in this order.
_LAST: Mapping[str, int] = {"gc": 1, "heap": 2}
TIME_LIMIT_S = 5.0
_LONGEST_S = 24 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a strategy may return in place of a number: ``entries`` freed, a ``note`` for people, an ``error``."""

    entries: int | None = None
    note: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """One way to free memory.

    ``run`` takes nothing and returns how many entries it has freed (a whole number), ``None`` where it cannot tell, or
    an :class:`Outcome`. ``needs``: the module without which there is nothing to do; it is never imported for this.
    ``ready``: whether there is anything to do, where that is known for nothing.
    ``time_limit_s``: seconds after which it is stopped, ``None`` for what cannot hang. ``during_tests``: whether it
    is harmless to what a running test uses. ``measure``: whether what it frees shows in the ``heap`` or in the
    ``rss`` only.
    """

    name: str
    run: Callable[[], object]
    level: CleanupLevel
    category: Category = "other"
    needs: str | None = None
    ready: Callable[[], object] | None = None
    time_limit_s: float | None = TIME_LIMIT_S
    during_tests: bool = False
    measure: Literal["heap", "rss"] = "heap"
    origin: str = "pytest-memguard"


class StrategyRegistry:
    """All strategies by name, in the order of registration. What ``pytest_memguard_strategies`` gets."""

    def __init__(self, strategies: Iterable[Strategy] = ()) -> None:
        self._strategies: dict[str, Strategy] = {}
        for strategy in strategies:
            self.include(strategy)

    @property
    def names(self) -> tuple[str, ...]:
        """Every name."""
        return tuple(self._strategies)

    def __len__(self) -> int:
        return len(self._strategies)

    def __getitem__(self, name: str) -> Strategy:
        return self._strategies[name]

    def add(
        self,
        name: str,
        run: Callable[[], object],
        *,
        level: CleanupLevel,
        needs: str | None = None,
        time_limit_s: float = TIME_LIMIT_S,
        during_tests: bool = False,
    ) -> None:
        """Register a strategy of your own for *level* and those above it.

        ``run`` is called without arguments and returns the number of entries that it has freed, or ``None``. It is
        stopped after ``time_limit_s`` seconds; what it raises is recorded and harms nothing. ``needs``: a module that
        must be loaded already. ``during_tests=True`` says that it may run while a test does. Raises ``MemguardError``
        for a name that is taken and for values that make no sense.
        """
        origin = f"pytest_memguard_strategies ({getattr(run, '__module__', None) or 'a hook'})"
        _refuse_nonsense(name, run, level, time_limit_s, origin)
        self.include(
            Strategy(
                name=name,
                run=run,
                level=level,
                needs=needs,
                time_limit_s=time_limit_s,
                during_tests=during_tests,
                origin=origin,
            )
        )

    def include(self, strategy: Strategy) -> None:
        """Take *strategy* as it is. Raises ``MemguardError`` where its name is taken."""
        taken = self._strategies.get(strategy.name)
        if taken is not None:
            raise SettingError(
                "strategy",
                strategy.name,
                origin=strategy.origin,
                allowed=f"a name that {taken.origin} has not taken",
                remedy="give it another name",
            )
        self._strategies[strategy.name] = strategy

    def check(self, spec: StrategySpec, *, origin: str) -> None:
        """Refuse names in *spec*, which is from *origin*, that nobody has registered: raises ``MemguardError``."""
        errors: list[MemguardError] = [
            UnknownNameError("strategy", name, origin=spec.origins.get(level, origin), known=self.names)
            for level, names in spec.levels.items()
            for name in names
            if name not in self._strategies
        ]
        if errors:
            raise all_of(errors)

    def plan(self, spec: StrategySpec, level: CleanupLevel) -> tuple[tuple[CleanupLevel, Strategy], ...]:
        """What a cleanup at *level* runs, in order: lower levels first, the collector after them, heap trim at the end.

        A level that *spec* lists runs just what is listed there, another one what is registered for it. A strategy
        that stands in several levels runs once, with the lowest of them.
        """
        planned: dict[str, tuple[CleanupLevel, Strategy]] = {}
        for step in CLEANUP_LEVELS[: CLEANUP_LEVELS.index(level) + 1]:
            for strategy in self._of_level(spec, step):
                planned.setdefault(strategy.name, (step, strategy))
        return tuple(sorted(planned.values(), key=lambda entry: _LAST.get(entry[1].category, 0)))

    def _of_level(self, spec: StrategySpec, level: CleanupLevel) -> list[Strategy]:
        listed = spec.levels.get(level)
        if listed is None:
            return [strategy for strategy in self._strategies.values() if strategy.level == level]
        return [self._strategies[name] for name in listed if name in self._strategies]


def _refuse_nonsense(name: object, run: object, level: object, time_limit_s: object, origin: str) -> None:
    if not isinstance(name, str) or not name.strip():
        raise SettingError("strategy", name, origin=origin, allowed="a name that is not empty")
    if not callable(run):
        raise SettingError(f"run of strategy {name}", run, origin=origin, allowed="something that can be called")
    if level not in CLEANUP_LEVELS:
        raise SettingError(
            f"level of strategy {name}",
            level,
            origin=origin,
            allowed=", ".join(CLEANUP_LEVELS),
            known=CLEANUP_LEVELS,
        )
    if (
        isinstance(time_limit_s, bool)
        or not isinstance(time_limit_s, (int, float))
        or not 0 < time_limit_s <= _LONGEST_S
    ):
        raise SettingError(
            f"time_limit_s of strategy {shown(name)}",
            time_limit_s,
            origin=origin,
            allowed="seconds above 0, a day at most",
        )
