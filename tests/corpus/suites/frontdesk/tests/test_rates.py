from __future__ import annotations

import itertools

import pytest
from hotel import rates

_codes = itertools.count()


def test_price():
    assert rates.Season("high", 2.0).price(100) == 200  # leak: lru-method


def test_quote():
    tariff = rates.Tariff(50)  # leak: lru-function
    assert rates.quote(tariff, 2)[1] == 100


def test_tariff_of():
    assert rates.tariff_of(f"T{next(_codes)}", 40).base == 40


def test_discount():
    assert rates.discount("SUMMER") == 5


@pytest.mark.parametrize("base", [10, 20])
def test_table(base):
    assert rates.Tariff(base).table[2] == 2 * base
