"""The table of accepted leaks that ``-v`` shows: what each suppression and entry of the baseline was good for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_memguard.acceptance import Acceptance
from pytest_memguard.report.layout import INDENT, field
from pytest_memguard.report.text import Line, counted, harmless, line

__all__ = ["acceptance_table"]

_STATE = 8
_LISTED = 30
# What somebody is to act on comes first.
_ORDER = {"expired": 0, "fixed": 1, "unused": 2, "not seen": 3, "used": 4}


def acceptance_table(accepted: Sequence[Acceptance], width: int) -> Iterator[Line]:
    """A row for each: its state, the leaks that it matched, what it stands for, where it is, and why."""
    if not accepted:
        return
    used = sum(each.state == "used" for each in accepted)
    yield line(f"accepted leaks ({used} of {counted(len(accepted), 'entry', 'entries')} used)")
    rows = sorted(accepted, key=lambda each: _ORDER.get(each.state, 0))
    for each in rows[:_LISTED]:
        yield from field(each.state.ljust(_STATE), _text(each), width)
    if len(rows) > _LISTED:
        yield line(f"{INDENT}and {len(rows) - _LISTED} more; all in the JSON report")


def _text(each: Acceptance) -> str:
    stands_for = ", ".join(f"{name} {pattern}" for name, pattern in each.patterns.items())
    facts = [stands_for, counted(each.leaks, "leak")]
    if each.expires is not None:
        facts.append(f"until {each.expires}")
    return harmless(f"{', '.join(facts)}: {each.reason or 'no reason given yet'} ({each.origin})")
