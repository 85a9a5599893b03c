import shop
from flaky import flaky

tries = {"made": 0}


@flaky
def test_once_passes_the_second_time():
    tries["made"] += 1
    assert tries["made"] > 1


@flaky(max_runs=3, min_passes=2)
def test_passes_twice():
    assert shop.offer(2)


@flaky(max_runs=2)
def test_fails_twice():
    assert 0


@flaky
def test_leak_in_a_flake():
    shop.sell()
