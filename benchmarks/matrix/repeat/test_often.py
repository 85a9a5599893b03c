import pytest
import shop


@pytest.mark.repeat(3)
def test_three_times():
    pass


@pytest.mark.repeat(2)
def test_leak_twice():
    shop.sell()


@pytest.mark.repeat(2)
@pytest.mark.parametrize("price", [1, 2])
def test_both(price):
    assert shop.offer(price)
