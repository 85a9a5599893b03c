"""What pass 2 works on: tests to check, fixtures to check through them, and what is asked of those who help."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import field
from typing import TYPE_CHECKING, Any, Protocol

from pytest_memguard.model import Origin, Verdict
from pytest_memguard.values import dataclass

if TYPE_CHECKING:
    from pytest_memguard.census import ContainerCensus
    from pytest_memguard.confirm import Confirmation

OUT_OF_BUDGET = Verdict(name="unchecked", reason="the budget was spent")
INTERRUPTED = Verdict(name="unchecked", reason="the run was interrupted")
TOO_LITTLE_MEMORY = Verdict(
    name="unchecked", reason="too little memory is left after what repetitions have retained: mend that first"
)
UNDER_PRESSURE = Verdict(name="unchecked", reason="memory pressure ended the checking")
CLEAN = Verdict(name="clean")
#: Why a test that grew was not repeated again.
ENDANGERING = "the memory that it retains leaves too little for another repetition"
_LONG_S = 0.02
#: What the next run begins with.
NOT_REACHED = (OUT_OF_BUDGET, INTERRUPTED, TOO_LITTLE_MEMORY, UNDER_PRESSURE)


class Repetitions(Protocol):
    """What pass 2 needs of the test runner; items and nodes stay opaque."""

    fixture_setups: int

    def run(self, item: Any, *, keep: Any, patience_s: float = ...) -> tuple[bool, str | None]:
        """One repetition, fixtures up to ``keep`` left standing: whether it passed, and why not."""

    def prepare(self, item: Any) -> None:
        """Bring the item into the state that a repetition leaves it in."""

    def enter(self, keep: Any) -> None:
        """Tear down what does not belong to ``keep``, and set up its ancestors."""

    def set_up_fixtures(self, item: Any, *, patience_s: float = ...) -> None:
        """Set up the fixtures above function scope that it names, as far as that goes without running it."""

    def lacks_fixtures(self, item: Any) -> bool:
        """Whether a repetition would set up fixtures above function scope."""

    def fixture_of(self, item: Any, function: str) -> str | None:
        """The name of the item's fixture that *function* makes, if it is one."""

    def watched(self, read: Callable[[], int]) -> AbstractContextManager[Mapping[Origin, int]]:
        """While entered, how much more *read* gives after each phase and fixture of the repetitions than before."""

    def cycles(self, subjects: Sequence[Subject], *, widest: bool) -> Iterable[Cycle]:
        """How to give every fixture above function scope that the subjects use its turn."""


class Pressure(Protocol):
    """What pass 2 asks of those who follow memory pressure meanwhile."""

    refusal: str | None  #: why nothing may be repeated now
    over: bool  #: whether that will not change any more

    def relieve(self, thaw: Callable[[], object]) -> bool:
        """Nothing is measured now: answer the pressure, after *thaw*; gives whether anything may have changed."""

    def headroom(self) -> int | None:
        """Bytes that are left of the nearest limit."""


@dataclass(slots=True, eq=False, kw_only=True)
class Subject:
    """One test to check. ``index`` is its row of pass 1, ``parent`` its class or module, ``module`` groups.

    ``duration_s``: the seconds that its run in pass 1 took. ``leaves``: something besides memory seemed to stay after
    its last repetition.
    """

    index: int
    nodeid: str
    item: Any
    parent: Any
    module: Any
    duration_s: float = 0.0
    patience_s: float = 60.0
    runs: int = 1
    tolerance_bytes: int = 0
    tolerance_reason: str | None = None
    repetitions: int = 0
    leaves: bool = False

    @property
    def takes_long(self) -> bool:
        """Whether a repetition costs more than looking closer at what the last one has shown."""
        return self.duration_s >= _LONG_S


@dataclass(frozen=True, slots=True, kw_only=True)
class FixtureUse:
    """A fixture above function scope: its name, the function that makes it, and the tests that use it."""

    name: str
    function: str
    users: tuple[Subject, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycle:
    """Fixtures above function scope, checked by running one test that uses them with their whole teardown.

    ``names``: those whose turn it is. ``fixtures``: these first, then all others that the test uses, too.
    """

    subject: Subject
    keep: Any
    names: tuple[str, ...]
    fixtures: tuple[FixtureUse, ...]

    def named(self, name: str | None) -> FixtureUse | None:
        """The fixture of that name, if the test uses it."""
        return next((use for use in self.fixtures if use.name == name), None)

    def blamed(self, functions: Iterable[str]) -> FixtureUse:
        """The fixture whose function is the first of *functions*, the likeliest site first; or else the first."""
        by_function = {use.function: use for use in reversed(self.fixtures)}
        return next((by_function[name] for name in functions if name in by_function), self.fixtures[0])


class Judge(Protocol):
    """Takes what grew in every round further: known cause, escalation, bounds, diagnosis."""

    def recognise(self, subject: Subject, shown: Confirmation) -> Verdict | None:
        """The verdict, where the growth is that of a cause already proved."""

    def mark(self) -> None:
        """What follows is to be compared with the state now."""

    def knows_causes(self) -> bool:
        """Whether there is anything to recognise."""

    def witness(self, subject: Subject, blocks: int) -> bool:
        """Whether causes already proved explain all that one repetition has retained since :meth:`mark`."""

    def watch_caches(self) -> None:
        """Note how full the caches are."""

    def prove_cache(self, repeat: Callable[[], bool], repetitions: int) -> Verdict | None:
        """The verdict, where all that grew since :meth:`watch_caches` is in caches that fill to their bound."""

    def prove(self, subject: Subject, repeat: Callable[[], bool], shown: Confirmation, cycle: Cycle | None) -> Verdict:
        """Take a suspect to a verdict."""

    def place(self, repeat: Callable[[Subject], bool], spent: Callable[[], bool]) -> bool:
        """See in which phase and fixture the latest witnesses show their leak; whether anything was repeated."""

    def prove_steps(
        self, subject: Subject, repeat: Callable[[], bool], census: ContainerCensus, container: object
    ) -> Verdict:
        """Take a test after which a container was longer to a verdict."""


@dataclass(slots=True, kw_only=True)
class Tally:
    """What pass 2 has done so far: a verdict for each row of pass 1, and the repetitions that it took."""

    verdicts: dict[int, Verdict] = field(default_factory=dict)
    repetitions: int = 0
    clean_repetitions: int = 0
    clean: int = 0
    checked: int = 0
    unchecked_fixtures: list[str] = field(default_factory=list)
    clean_fixtures: set[str] = field(default_factory=set)
