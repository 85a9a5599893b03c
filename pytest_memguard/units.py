"""Sizes, durations and percentages: from what people write to exact numbers, and back to what people read.

Every parser takes what a command line, an ini file, YAML or a marker hands over (text or a bare number) and raises
:class:`UnitError`, whose text completes the sentence "expected ...". Nothing here knows where a value came from.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction

from pytest_memguard.values import dataclass

__all__ = [
    "Budget",
    "UnitError",
    "format_bytes",
    "format_duration",
    "format_percent",
    "parse_budget",
    "parse_duration",
    "parse_fraction",
    "parse_size",
    "percent",
]

MAX_BYTES = 2**63 - 1
MAX_SECONDS = 366 * 86400.0
MAX_PERCENT = 1_000_000

SIZE_WORDS = 'a size such as "50 MB", "1 MiB" or 4096 (bytes)'
DURATION_WORDS = 'a duration such as "30s", "250ms" or "2m"'
FRACTION_WORDS = 'a fraction from 0 to 1 such as 0.8, or a percentage such as "80%"'
BUDGET_WORDS = 'a duration such as "30s" or "2m", a percentage of the suite\'s own run such as "100%", or "unlimited"'

# 1 MB is 10**6 and 1 MiB 2**20 bytes (IEC 80000-13): the only reading under which both spellings mean something.
_DECIMAL = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12, "pb": 10**15}
_IEC = {"kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40, "pib": 2**50}
_SIZE_UNITS = {**_DECIMAL, **_IEC}
_BINARY_UNITS = {"": 1, "b": 1, "kb": 2**10, "mb": 2**20, "gb": 2**30, "tb": 2**40, "pb": 2**50, **_IEC}
_DURATION_UNITS = {
    "us": Fraction(1, 10**6),
    "ms": Fraction(1, 1000),
    "s": Fraction(1),
    "m": Fraction(60),
    "min": Fraction(60),
    "h": Fraction(3600),
    "d": Fraction(86400),
}
# A bound on the digits: 10**5 of them would cost seconds to convert, and Python 3.11+ refuses 4,300.
_QUANTITY = re.compile(r"([0-9]{1,30}(?:\.[0-9]{1,30})?|\.[0-9]{1,30})\s*([A-Za-z]*|%)", re.ASCII)


class UnitError(ValueError):
    """A value that cannot be read; the text says what is expected instead, ``remedy`` what was probably meant."""

    def __init__(self, expected: str, *, remedy: str | None = None) -> None:
        super().__init__(expected)
        self.remedy = remedy


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The most time that repeating may take: ``seconds``, a ``share`` of the suite's own run, or (neither) no limit."""

    seconds: float | None = None
    share: float | None = None

    def seconds_for(self, suite_s: float, *, at_least: float = 30.0) -> float:
        """The budget in seconds after a run of *suite_s* seconds; ``inf`` where there is no limit.

        A share above zero never comes to less than *at_least* seconds: a share of a suite of one second would
        be too short to check anything.
        """
        if self.seconds is not None:
            return self.seconds
        if self.share is None:
            return math.inf
        return max(self.share * suite_s, at_least) if self.share > 0 else 0.0

    def __str__(self) -> str:
        if self.seconds is not None:
            return format_duration(self.seconds)
        return "unlimited" if self.share is None else format_percent(self.share)


def parse_size(value: object, *, binary: bool = False) -> int:
    """Bytes of *value*: a bare number of bytes, or text with a unit (KB, MB, .. decimal; KiB, MiB, .. binary).

    With *binary*, KB, MB, .. are powers of 1024 too, as other tools have them. Raises :class:`UnitError`.
    """
    exact = _bare_number(value, SIZE_WORDS)
    if exact is None:
        quantity, unit = _split(value, SIZE_WORDS)
        factor = (_BINARY_UNITS if binary else _SIZE_UNITS).get(unit)
        if factor is None:
            raise UnitError(SIZE_WORDS, remedy="units are B, KB, MB, GB, TB, PB and KiB, MiB, GiB, TiB, PiB")
        exact = quantity * factor
    elif exact.denominator != 1:
        raise UnitError(f"{SIZE_WORDS}; a bare number is whole bytes")
    if exact > MAX_BYTES:
        raise UnitError(f"{SIZE_WORDS}, below 8192 PiB")
    size = round(exact)
    if exact > 0 and size == 0:
        raise UnitError(f"{SIZE_WORDS}; this is less than one byte")
    return size


def parse_duration(value: object, *, bare_unit: str | None = None) -> float:
    """Seconds of *value*: text with a unit (us, ms, s, m or min, h, d).

    A bare number is refused unless *bare_unit* names what it counts. Raises :class:`UnitError`.
    """
    words = DURATION_WORDS if bare_unit is None else f"{DURATION_WORDS}, or a number of {_BARE_NAMES[bare_unit]}"
    number = _bare_number(value, words)
    if number is None:
        number, unit = _split(value, words)
    else:
        unit = ""
    factor = _DURATION_UNITS.get(unit or bare_unit or "")
    if factor is None:
        raise UnitError(
            words, remedy="units are us, ms, s, m, h and d" if unit else f'for seconds write "{float(number):g}s"'
        )
    seconds = number * factor
    if seconds > MAX_SECONDS:
        raise UnitError(f"{words}, at most 366 days")
    return float(seconds)


def parse_fraction(value: object) -> float:
    """A fraction from 0 to 1: ``0.8`` or ``"80%"``, both 0.8. Raises :class:`UnitError`."""
    exact = _bare_number(value, FRACTION_WORDS)
    if exact is None:
        quantity, unit = _split(value, FRACTION_WORDS)
        if unit not in ("", "%"):
            raise UnitError(FRACTION_WORDS)
        exact = quantity / 100 if unit == "%" else quantity
    if exact > 1:
        meant = f'for {float(exact):g} percent write "{float(exact):g}%"' if exact <= 100 else None
        raise UnitError(FRACTION_WORDS, remedy=meant)
    return float(exact)


def parse_budget(value: object) -> Budget:
    """A budget: a duration, a percentage of the suite's own run, or ``unlimited``. Raises :class:`UnitError`."""
    if isinstance(value, str) and value.strip().lower() == "unlimited":
        return Budget()
    number = _bare_number(value, BUDGET_WORDS)
    if number is None:
        number, unit = _split(value, BUDGET_WORDS)
    else:
        unit = ""
    if unit == "%":
        if number > MAX_PERCENT:
            raise UnitError(BUDGET_WORDS, remedy=f'above {MAX_PERCENT}% write "unlimited"')
        return Budget(share=float(number / 100))
    if unit not in _DURATION_UNITS:
        remedy = f'write "{float(number):g}s" or "{float(number):g}%"' if not unit else None
        raise UnitError(BUDGET_WORDS, remedy=remedy)
    return Budget(seconds=parse_duration(value))


def format_bytes(size: float, *, signed: bool = False) -> str:
    """*size* bytes for people: ``1.0 MiB``, ``312 MiB``, ``96 B``; *signed* puts a ``+`` before growth."""
    sign = "-" if size < 0 else "+" if signed else ""
    amount = float(abs(size))
    if amount < 1023.5:
        return f"{sign}{amount:.0f} B"
    for unit in ("KiB", "MiB", "GiB", "TiB"):
        amount /= 1024
        if amount < 99.95:
            return f"{sign}{amount:.1f} {unit}"
        if amount < 1023.5:
            return f"{sign}{amount:.0f} {unit}"
    return f"{sign}{amount / 1024:.1f} PiB"


def format_duration(seconds: float) -> str:
    """*seconds* for people, in at most two units: ``38 s``, ``0.3 s``, ``15 us``, ``2 min 5 s``, ``1 h 30 min``."""
    if seconds < 0:
        return f"-{format_duration(-seconds)}"
    if not math.isfinite(seconds):
        return "unlimited"
    if seconds < 0.0995:
        return _format_split_second(seconds)
    if seconds < 9.95:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    whole = round(seconds)
    for size, unit, below, below_unit in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // below
            return f"{whole // size} {unit}" + (f" {rest} {below_unit}" if rest else "")
    return f"{whole} s"


def format_percent(share: float) -> str:
    """A fraction as a percentage without useless digits: ``80%``, ``0.3%``."""
    return f"{share * 100:.6g}%"


def percent(share: float) -> str:
    """A measured fraction for people: ``0.3 %``, ``12 %``; what is not nothing never reads like nothing."""
    value = share * 100
    if 0 < value < _LEAST_PERCENT:
        return f"under {_LEAST_PERCENT} %"
    return f"{value:.{0 if value >= _WHOLE_PERCENT else 1}f}".removesuffix(".0") + " %"


_LEAST_PERCENT = 0.1
_WHOLE_PERCENT = 9.95
_BARE_NAMES = {"ms": "milliseconds", "s": "seconds"}


def _format_split_second(seconds: float) -> str:
    if seconds == 0:
        return "0 s"
    if seconds < 0.0009995:
        return f"{seconds * 1e6:.3g} us"
    return f"{seconds * 1e3:.3g} ms"


def _bare_number(value: object, words: str) -> Fraction | None:
    """*value* as an exact number if it is one, ``None`` if it is text; anything else cannot be meant."""
    if isinstance(value, str):
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise UnitError(words)
    if isinstance(value, float) and not math.isfinite(value):
        raise UnitError(f"{words}; it must be finite")
    if value < 0:
        raise UnitError(f"{words}; it cannot be negative")
    return Fraction(value)


def _split(value: object, words: str) -> tuple[Fraction, str]:
    match = _QUANTITY.fullmatch(str(value).strip())
    if match is None:
        raise UnitError(f"{words}; it cannot be negative" if _is_negative(str(value)) else words)
    return Fraction(match[1]), match[2].lower()


def _is_negative(text: str) -> bool:
    return text.strip().startswith("-") and _QUANTITY.fullmatch(text.strip()[1:].strip()) is not None
