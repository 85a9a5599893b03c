"""What a run has made of one leak that is accepted: by a suppression, or by an entry of the baseline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any, Literal, get_args

from pytest_memguard.values import dataclass

__all__ = ["ACCEPTANCE_STATES", "Acceptance", "AcceptanceSource", "AcceptanceState"]

AcceptanceSource = Literal["suppressions", "baseline"]
AcceptanceState = Literal["used", "unused", "fixed", "expired", "not seen"]
ACCEPTANCE_STATES: tuple[AcceptanceState, ...] = get_args(AcceptanceState)


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """One suppression or entry of the baseline. ``origin`` is file and line, dates are ISO 8601.

    ``patterns``: what it stands for; of an entry of the baseline its signature. ``leaks``: how many findings of this
    run it matches. ``reason`` is None where nobody has given one yet. ``state``: ``fixed`` says that every test which
    showed the leak was checked and is clean; ``not seen`` that this run cannot tell.
    """

    source: AcceptanceSource
    origin: str
    patterns: Mapping[str, str]
    reason: str | None
    state: AcceptanceState
    leaks: int = 0
    first_seen: str | None = None
    expires: str | None = None

    def to_json(self) -> dict[str, Any]:
        """One entry of ``accepted`` in the JSON report."""
        return {**asdict(self), "patterns": dict(self.patterns)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Acceptance:
        """The inverse of ``to_json``; keys that a newer version has added are left out."""
        names = {entry.name for entry in fields(cls)}
        return cls(**{name: value for name, value in data.items() if name in names})
