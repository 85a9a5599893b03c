import pytest
import shop

tries = {"made": 0}


@pytest.fixture
def fresh():
    yield shop.offer(1)


def test_once_passes_the_second_time(fresh):
    tries["made"] += 1
    print("try", tries["made"])
    assert tries["made"] > 1


@pytest.mark.flaky(reruns=1)
def test_fails_always(fresh):
    assert 0, "again"


@pytest.mark.flaky(reruns=3, only_rerun="LookupError")
def test_fails_at_once():
    raise ValueError("not that")


@pytest.mark.flaky(reruns=2)
def test_leak_where_reruns_wait(fresh):
    shop.sell()


def test_passes_at_once(fresh):
    pass
