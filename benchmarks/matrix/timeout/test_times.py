import time

import pytest
import shop


@pytest.mark.timeout(20)
def test_quick():
    time.sleep(0.01)


@pytest.mark.timeout(20)
def test_leak_in_time():
    shop.sell()


@pytest.fixture
def slow_start():
    time.sleep(0.01)


@pytest.mark.timeout(20, func_only=True)
def test_only_the_function(slow_start):
    pass


