"""What a diagnosis repeats."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One confirmed leak, repeatable.

    ``repeat`` is one repetition of the test's whole protocol, with everything that the test runner keeps restored
    afterwards; ``settle`` undoes what the interpreter keeps and collects garbage. What either raises is passed on.
    """

    repeat: Callable[[], None]
    settle: Callable[[], None]
