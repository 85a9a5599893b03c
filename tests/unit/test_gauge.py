"""A dear reading that many ask for."""

from __future__ import annotations

from pytest_memguard.probes.gauge import Gauge


class Heap:
    """Takes a millisecond to read."""

    def __init__(self):
        self.now = 100.0
        self.taken = 0

    def clock(self):
        return self.now

    def read(self):
        self.now += 0.001
        self.taken += 1
        return self.taken


def test_it_is_read_for_a_small_part_of_the_time_and_at_once_when_it_has_changed():
    heap = Heap()
    gauge = Gauge(heap.read, clock=heap.clock)
    found = []
    for _ in range(10_000):
        heap.now += 0.001
        found.append(gauge.read(heap.now))

    spent = heap.taken * 0.001
    assert 20 <= heap.taken <= 26
    assert spent < 0.003 * (heap.now - 100.0)
    assert found[0] == 1
    assert found[-1] == heap.taken

    gauge.expire()
    assert gauge.read(heap.now) == heap.taken == found[-1] + 1


def test_what_cannot_be_read_stays_unknown():
    assert Gauge(lambda: None).read(0.0) is None
