"""Tax and vouchers."""

from __future__ import annotations

from decimal import Decimal

import pytest

from shop.pricing import issue_voucher, rounded, voucher_rate, with_tax


@pytest.mark.parametrize(("country", "price"), [("DE", "11.90"), ("FR", "12.00"), ("CH", "10.00")])
def test_tax(country: str, price: str) -> None:
    assert with_tax(Decimal(10), country) == Decimal(price)


def test_rounding() -> None:
    assert rounded(Decimal("2.345")) == Decimal("2.35")


def test_new_voucher() -> None:
    assert voucher_rate(issue_voucher(15)) == Decimal("0.15")


def test_forged_voucher() -> None:
    with pytest.raises(ValueError, match="not a voucher"):
        voucher_rate("100 per cent off")
