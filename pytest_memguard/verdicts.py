"""One verdict for each test of a run, in a byte a test; reasons are kept once and shared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pytest_memguard.model import VERDICTS, Verdict

_CODES = {name: code for code, name in enumerate(VERDICTS)}
_UNCHECKED = _CODES["unchecked"]


class Verdicts:
    """Verdicts by the index of a test; a test without one is ``unchecked``.

    ``why_unchecked``: the reason of those that have none of their own.
    """

    def __init__(self) -> None:
        self.why_unchecked: str | None = None
        self._codes = bytearray()
        self._reasons: dict[int, str] = {}

    def set(self, index: int, verdict: Verdict) -> None:
        """Say what is known of the test with that index."""
        if index >= len(self._codes):
            self._codes.extend(bytes([_UNCHECKED]) * (index + 1 - len(self._codes)))
        self._codes[index] = _CODES[verdict.name]
        if verdict.reason is None:
            self._reasons.pop(index, None)
        else:
            self._reasons[index] = verdict.reason

    def get(self, index: int) -> Verdict:
        """What is known of the test with that index."""
        code = self._codes[index] if index < len(self._codes) else _UNCHECKED
        reason = self._reasons.get(index, self.why_unchecked if code == _UNCHECKED else None)
        return Verdict(name=VERDICTS[code], reason=reason)

    def to_wire(self) -> dict[str, Any]:
        """Exact builtins for another process."""
        return {
            "codes": bytes(self._codes).decode("latin-1"),
            "reasons": {str(i): r for i, r in self._reasons.items()},
            "why_unchecked": self.why_unchecked,
        }

    def absorb(self, wire: Mapping[str, Any], indices: Iterable[int]) -> None:
        """Take the verdicts of another process, whose nth test has the nth of ``indices`` here."""
        codes, reasons = wire["codes"].encode("latin-1"), wire["reasons"]
        self.why_unchecked = wire["why_unchecked"] or self.why_unchecked
        for there, here in enumerate(indices):
            if there < len(codes):
                self.set(here, Verdict(name=VERDICTS[codes[there]], reason=reasons.get(str(there))))
