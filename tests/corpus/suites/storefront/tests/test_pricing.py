from __future__ import annotations

import itertools
import random

import pytest
from shop import pricing

numbers = itertools.count(1)


@pytest.fixture
def price_list():
    return pricing.PriceList({"tea": 300, "cup": 700})


def test_gross(price_list):
    assert price_list.gross("tea") == 363


def test_net(price_list):
    assert price_list.net("cup") == 700


def test_average(price_list):
    assert price_list.average == 500


def test_conversion_of_any_amount():
    amount = random.random()
    assert pricing.converted(amount, "EUR") == amount


def test_conversion_of_a_fixed_amount():
    assert pricing.converted(10.0, "GBP") == pytest.approx(8.6)


def test_discount_of_a_new_order():
    number = next(numbers)
    assert pricing.discounted(number) * 7 == number


def test_label_of_a_new_order():
    number = next(numbers)
    assert pricing.label(number).endswith(str(number))


def test_rounding_of_any_price():
    price = random.random() * 100
    assert abs(pricing.rounding(price) - price) <= 0.5


@pytest.mark.parametrize(("country", "rate"), [("BE", 21), ("DE", 19), ("LU", 17)])
def test_vat(country, rate):
    assert pricing.vat(country) == rate
