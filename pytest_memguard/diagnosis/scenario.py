"""What a diagnosis repeats."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager

from pytest_memguard.model import Origin
from pytest_memguard.values import dataclass

#: While entered, how much more a reading gives after each phase and fixture of the repetitions than before it.
Watched = Callable[[Callable[[], int]], AbstractContextManager[Mapping[Origin, int]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One confirmed leak, repeatable.

    ``repeat`` is one repetition of the test's whole protocol, with everything that the test runner keeps restored
    afterwards; ``settle`` undoes what the interpreter keeps and collects garbage. What either raises is passed on.
    ``watched`` tells the phases of a repetition apart; None where nothing does.
    """

    repeat: Callable[[], None]
    settle: Callable[[], None]
    watched: Watched | None = None
