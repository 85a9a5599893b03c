"""Tax, vouchers and rounding."""

from __future__ import annotations

import secrets
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

_CENT = Decimal("0.01")
_RATES = {"AT": "20", "BE": "21", "DE": "19", "FR": "20", "IT": "22", "LU": "17", "NL": "21"}


class TaxTable:
    """The tax of each country, per cent."""

    def __init__(self, rates: dict[str, str]) -> None:
        self._rates = {country: Decimal(rate) / 100 for country, rate in rates.items()}

    def rate(self, country: str) -> Decimal:
        """The share of the price that is added; 0 outside the table."""
        return self._rates.get(country, Decimal(0))


_table: TaxTable | None = None


def tax_table() -> TaxTable:
    """The one table of this process, read when it is first needed."""
    global _table
    if _table is None:
        _table = TaxTable(_RATES)
    return _table


def rounded(amount: Decimal) -> Decimal:
    """To the cent, halves up."""
    return amount.quantize(_CENT, rounding=ROUND_HALF_UP)


def with_tax(amount: Decimal, country: str) -> Decimal:
    """What a customer of that country pays."""
    return rounded(amount * (1 + tax_table().rate(country)))


def issue_voucher(percent: int) -> str:
    """A new code that is worth so many per cent, such as ``15-9f86d081``."""
    return f"{percent:02}-{secrets.token_hex(4)}"


@lru_cache(maxsize=256)
def voucher_rate(code: str) -> Decimal:
    """What share of the price the voucher takes off; ``ValueError`` if the code is not one of ours."""
    percent, _, token = code.partition("-")
    if not percent.isdecimal() or len(token) != 8:
        msg = f"not a voucher: {code}"
        raise ValueError(msg)
    return Decimal(percent) / 100
