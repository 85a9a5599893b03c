"""A clock that stands still while the process waits for a processor, on files of the test's own and on the real one."""

from __future__ import annotations

import os

import pytest

from pytest_memguard.probes.descriptor import DescriptorSet
from pytest_memguard.probes.own_time import open_own_time


@pytest.fixture
def descriptors():
    kept = DescriptorSet()
    yield kept
    kept.close()


class Machine:
    """A kernel's count in a file, and a clock."""

    def __init__(self, root):
        self.file = root / "proc" / "self" / "schedstat"
        self.file.parent.mkdir(parents=True)
        self.now = 100.0
        self.waited(0)

    def waited(self, nanoseconds):
        self.file.write_text(f"5000000000 {nanoseconds} 17\n")

    def clock(self):
        return self.now


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def test_waiting_for_a_processor_is_left_out(machine, descriptors, tmp_path):
    read = open_own_time(descriptors, clock=machine.clock, root=str(tmp_path))
    start = read()
    machine.now += 3.0
    machine.waited(2_000_000_000)

    assert read() - start == pytest.approx(1.0)


@pytest.mark.parametrize("text", ["", "none of that", "5 x 7", "\0"])
def test_what_cannot_be_read_changes_nothing(machine, descriptors, tmp_path, text):
    machine.waited(1_000_000_000)
    read = open_own_time(descriptors, clock=machine.clock, root=str(tmp_path))
    start = read()
    machine.file.write_text(text)
    machine.now += 2.0

    assert read() - start == pytest.approx(2.0)


def test_a_descriptor_that_a_test_has_closed_changes_nothing(machine, descriptors, tmp_path):
    read = open_own_time(descriptors, clock=machine.clock, root=str(tmp_path))
    start = read()
    descriptors.close()
    machine.now += 2.0

    assert read() - start == pytest.approx(2.0)


def test_without_such_a_count_it_is_the_clock(machine, descriptors, tmp_path):
    machine.file.unlink()

    assert open_own_time(descriptors, clock=machine.clock, root=str(tmp_path)) == machine.clock


@pytest.mark.skipif(not os.path.exists("/proc/self/schedstat"), reason="this kernel does not count waiting")
def test_the_real_one_goes_forward_and_no_faster_than_the_clock(descriptors):
    now = [10.0]

    def clock():
        now[0] += 1.0
        return now[0]

    read = open_own_time(descriptors, clock=clock)
    first, second = read(), read()

    assert first < second <= first + 1.0
