import pytest_html
import shop


def test_extras(extras):
    extras.append(pytest_html.extras.text("bill"))


def test_leak_on_a_page(extras):
    extras.append(pytest_html.extras.text("bill"))
    shop.sell()
