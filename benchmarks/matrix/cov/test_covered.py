import subprocess
import sys

import pytest
import shop


@pytest.mark.parametrize("price", [1, 200])
def test_branches(price):
    assert shop.discount(price) in (0, 20)


def test_leak_covered():
    shop.sell(5)


@pytest.mark.no_cover
def test_uncovered():
    assert shop.offer(1)


def test_child():
    assert subprocess.run([sys.executable, "-c", "import shop; shop.offer(1)"], check=False).returncode == 0
