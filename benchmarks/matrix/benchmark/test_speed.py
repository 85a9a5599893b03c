import pytest
import shop


def test_fast(benchmark):
    assert benchmark.pedantic(shop.offer, args=(3,), rounds=5, iterations=2).price == 3


def test_setup(benchmark):
    benchmark.pedantic(shop.tax, setup=lambda: (("de",), {}), rounds=3)


@pytest.mark.benchmark(group="calibrated", min_rounds=2, max_time=0.01)
def test_calibrated(benchmark):
    benchmark(shop.discount, 200)


def test_leak_in_a_benchmark(benchmark):
    benchmark.pedantic(shop.sell, rounds=2, iterations=1)


def test_unused(benchmark):
    pass
