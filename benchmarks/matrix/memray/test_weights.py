import pytest
import shop


@pytest.mark.limit_memory("24 MB")
def test_light():
    assert shop.offer(1)


@pytest.mark.limit_memory("1 MB")
def test_too_heavy():
    assert len(b"x" * 20_000_000)


@pytest.mark.limit_memory("24 MB")
def test_leak_though_light():
    shop.sell()


def test_plain():
    assert len([shop.offer(n) for n in range(100)]) == 100
