"""From the markers that stand on a test to what it gets: checked keyword by keyword, the closest marker first.

``limit_memory`` and ``limit_leaks``, as pytest-memray has them, are read with these differences: their KB, MB, .. are
powers of 1024 (theirs are), the peak is that of the process above the test's start rather than of traced allocations,
what is retained is counted per run rather than per call stack, and ``filter_fn`` and ``current_thread_only``, which
need traced allocations, have no effect.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pytest_memguard.errors import MarkerError, UnknownNameError, shown
from pytest_memguard.settings import parsers as p
from pytest_memguard.settings.fields import specs
from pytest_memguard.settings.keywords import Leak, MarkerSettings
from pytest_memguard.settings.resolve import Resolved, read
from pytest_memguard.units import UnitError, parse_size
from pytest_memguard.values import dataclass

__all__ = ["FOREIGN_MARKS", "MARK", "MARK_NAMES", "Mark", "described_marks", "settings_of_marks"]

MARK = "memguard"
_SPECS = {spec.name: spec for spec in specs(MarkerSettings)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One marker on one test: ``where`` is the node that carries it, ``nodeid`` the test that has it from there."""

    name: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    where: str
    nodeid: str

    @property
    def origin(self) -> str:
        """Marker, carrier and, where that is another, the test."""
        inherited = "" if self.where == self.nodeid else f" (for {self.nodeid})"
        return f"@pytest.mark.{self.name} on {self.where}{inherited}"


def settings_of_marks(marks: Sequence[Mark], resolved: Resolved) -> MarkerSettings | None:
    """What *marks*, the closest first, say of a test; ``None`` without marks. Raises ``MemguardError``.

    A command line that says ``none`` overrules ``confirm=True``; it never overrules ``confirm=False``.
    """
    if not marks:
        return None
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    reasons: dict[str, str] = {}
    for mark in marks:
        given = _READERS[mark.name](mark)
        for keyword in given.keys() - values.keys():
            values[keyword] = given[keyword]
            origins[keyword] = mark.origin
            if "reason" in given:
                reasons[keyword] = given["reason"]
    if values.get("confirm") and "confirm" in resolved.on_command_line and resolved.settings.confirm == "none":
        del values["confirm"], origins["confirm"]
    return MarkerSettings(
        **values, origins=origins, reasons=reasons, asks_for_check=any(m.name != "limit_memory" for m in marks)
    )


def described_marks() -> tuple[tuple[str, str], ...]:
    """Name and the line for ``pytest --markers`` of each marker."""
    signature = ", ".join(f"{spec.name}={spec.metavar}" for spec in _SPECS.values())
    words = "; ".join(f"{spec.name}: {spec.help}" for spec in _SPECS.values())
    return (
        (MARK, f"{MARK}({signature}): how memguard treats this test, all keyword-only. {words}"),
        (
            "limit_memory",
            'limit_memory("24 MB"): fail if the peak of this test is higher (by memguard, for pytest-memray)',
        ),
        (
            "limit_leaks",
            'limit_leaks("1 MB"): memory that this test may retain per run (by memguard, for pytest-memray)',
        ),
    )


def _read_memguard(mark: Mark) -> dict[str, Any]:
    if mark.args:
        raise MarkerError(
            "positional argument",
            mark.args[0],
            origin=mark.origin,
            allowed="keywords only",
            remedy=_remedy_for_positional(mark.args[0]),
        )
    given = {}
    for keyword, value in mark.kwargs.items():
        if keyword not in _SPECS:
            raise UnknownNameError("keyword", keyword, origin=mark.origin, known=tuple(_SPECS))
        given[keyword] = read(_SPECS[keyword], value, name=keyword, origin=mark.origin, error=MarkerError)
    _refuse_contradictions(mark, given)
    return given


def _refuse_contradictions(mark: Mark, given: Mapping[str, Any]) -> None:
    leak = given.get("leak")
    if leak is not None and not leak.checked:
        if "reason" not in given:
            raise MarkerError(
                "leak",
                False,
                origin=mark.origin,
                allowed="a reason beside it",
                remedy='say why the test is not checked: leak=False, reason="..."',
            )
        if given.get("confirm"):
            raise MarkerError(
                "confirm",
                True,
                origin=mark.origin,
                allowed="no leak=False beside it",
                remedy="a test that is not checked is not repeated: keep one of the two",
            )
    if "runs" in given and given.get("confirm") is False:
        raise MarkerError(
            "runs",
            given["runs"],
            origin=mark.origin,
            allowed="no confirm=False beside it",
            remedy="a test that is never repeated has no runs: keep one of the two",
        )


def _remedy_for_positional(value: Any) -> str:
    try:
        parse_size(value)
    except UnitError:
        return f"name it, such as limit=..; keywords are {', '.join(_SPECS)}"
    return f"write limit={shown(value)} for the peak, or leak={shown(value)} for what is retained"


def _foreign(keyword: str, ignored: tuple[str, ...]) -> Callable[[Mark], int]:
    """A reader of the one size that pytest-memray's marker takes, by position or as *keyword*."""
    parse = p.size(least=1, binary=True)

    def read_size(mark: Mark) -> int:
        for name in mark.kwargs:
            if name not in (keyword, *ignored):
                raise UnknownNameError("keyword", name, origin=mark.origin, known=(keyword, *ignored))
        sizes = [*mark.args, *(mark.kwargs[name] for name in mark.kwargs if name == keyword)]
        if len(sizes) != 1:
            raise MarkerError(
                "arguments", tuple(sizes), origin=mark.origin, allowed="one size", remedy='write it as "24 MB"'
            )
        try:
            return parse(sizes[0])
        except UnitError as exc:
            raise MarkerError(
                keyword, sizes[0], origin=mark.origin, allowed=str(exc), remedy=p.remedy_of(exc)
            ) from None

    return read_size


_limit_memory = _foreign("limit", ("current_thread_only",))
_limit_leaks = _foreign("location_limit", ("filter_fn", "current_thread_only"))

_READERS: dict[str, Callable[[Mark], dict[str, Any]]] = {
    MARK: _read_memguard,
    "limit_memory": lambda mark: {"limit": _limit_memory(mark)},
    "limit_leaks": lambda mark: {"leak": Leak(accepted_bytes=_limit_leaks(mark))},
}
FOREIGN_MARKS = frozenset(_READERS) - {MARK}
MARK_NAMES = frozenset(_READERS)
