"""The probes read the process that they are in, and say why where they cannot."""

from __future__ import annotations

import errno
import gc
import mmap
import os
import resource
import sys
import threading
from types import SimpleNamespace

import psutil
import pytest

from pytest_memguard.probes import MISSING, Sample, heap, open_probes, process, resources
from pytest_memguard.probes.descriptor import DescriptorSet
from pytest_memguard.probes.reading import UnavailableError
from pytest_memguard.probes.thrift import Thrift

MB = 1 << 20
METRICS = {"rss", "vms", "peak", "heap", "blocks", "fds", "threads"}

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture
def probes():
    probes = open_probes()
    yield probes
    probes.close()


@pytest.fixture
def descriptors():
    descriptors = DescriptorSet()
    yield descriptors
    descriptors.close()


def touched(size):
    """Mapped memory with every page in use."""
    area = mmap.mmap(-1, size)
    for offset in range(0, size, mmap.PAGESIZE):
        area[offset] = 1
    return area


class TestSample:
    def test_every_metric_is_read_here(self, probes):
        sample = probes.sample()

        assert set(Sample._fields) == METRICS
        assert all(type(value) is int for value in sample)
        assert probes.warnings == ()

    def test_resident_and_mapped_size_are_those_of_psutil(self, probes):
        sample, info = probes.sample(), psutil.Process().memory_info()

        assert sample.rss == pytest.approx(info.rss, abs=MB)
        assert sample.vms == pytest.approx(info.vms, abs=MB)

    def test_memory_that_is_held(self, probes):
        before = probes.sample()
        area = touched(20 * MB)
        held = probes.sample()
        area.close()

        assert held.rss - before.rss == pytest.approx(20 * MB, abs=MB)
        assert held.vms - before.vms >= 20 * MB

    def test_the_peak_is_that_since_the_sample_before(self, probes):
        before = probes.sample()
        touched(40 * MB).close()
        after, quiet = probes.sample(), probes.sample()

        assert after.rss - before.rss < 5 * MB
        assert after.peak - before.rss == pytest.approx(40 * MB, abs=4 * MB)
        assert quiet.peak - quiet.rss < 4 * MB

    def test_the_peak_is_never_below_the_resident_size(self, probes):
        areas = []
        for number in range(30):
            areas.append(touched(number * mmap.PAGESIZE + mmap.PAGESIZE))
            sample = probes.sample()
            assert sample.peak >= sample.rss

    def test_malloc_heap(self, probes):
        before = probes.sample()
        held = bytearray(3 * MB)
        after = probes.sample()

        assert after.heap - before.heap == pytest.approx(len(held), abs=64 * 1024)

    def test_blocks(self, probes):
        gc.collect()  # or what a collection frees meanwhile would count
        before = probes.sample()
        held = [object() for _ in range(1000)]
        after = probes.sample()

        assert after.blocks - before.blocks == pytest.approx(len(held), abs=50)

    def test_descriptors_without_our_own(self, probes):
        assert probes.sample().fds == len(os.listdir("/proc/self/fd")) - 1 - 4

        ends = os.pipe()
        with_pipe = probes.sample().fds
        for end in ends:
            os.close(end)

        assert with_pipe - probes.sample().fds == 2

    def test_threads(self, probes):
        release = threading.Event()
        thread = threading.Thread(target=release.wait)
        before = probes.sample().threads
        thread.start()
        during = probes.sample().threads
        release.set()
        thread.join()

        assert (before, during, probes.sample().threads) == (threading.active_count(), before + 1, before)

    def test_full_collections(self, probes):
        read = probes.reader("collections")
        before = read()
        gc.collect()
        gc.collect(0)

        assert read() == before + 1


class TestRead:
    """The flat reading at boundaries and the careful one agree."""

    def test_the_same_as_a_sample(self, probes):
        assert probes.read != probes._read_with_care
        for _ in range(40):
            probes._thrift.left = 1  # weigh each time
            raw, sample = Sample.of(probes.read()), probes.sample()
            assert raw.fds == sample.fds
            assert raw.threads == sample.threads
            assert raw[:4] == pytest.approx(sample[:4], rel=0.01)
            assert raw.peak == pytest.approx(sample.peak, rel=0.02)

    def test_the_peak_is_that_since_the_reading_before(self, probes):
        probes.read()
        touched(40 * MB).close()
        *_, peak = probes.read()
        rss, *_, quiet = probes.read()

        assert peak - rss == pytest.approx(40 * MB, abs=4 * MB)
        assert quiet - rss < 4 * MB

    def test_no_allocation_stays(self, probes):
        probes.read()
        before = sys.getallocatedblocks()
        for _ in range(2000):
            probes.read()

        assert sys.getallocatedblocks() - before < 200

    def test_what_is_left_out_is_missing_and_said(self, probes):
        probes._thrift._clock = iter(range(0, 10**12, 10**9)).__next__
        probes._thrift.left = 1
        weighed = Sample.of(probes.read())
        after = probes.read()

        assert weighed.heap > 0
        assert weighed.blocks > 0
        assert (after[2], after[3]) == (MISSING, MISSING)
        for metric in ("heap", "blocks"):
            assert probes.describe()[metric].endswith(
                "left out at test boundaries where it takes more than 0.25 % of the tests' time"
            )
        assert probes.sample().blocks > 0
        assert probes.warnings == ()


class TestDescribe:
    def test_a_source_for_each_metric(self, probes):
        sources = probes.describe()

        assert set(sources) == METRICS | {"collections"}
        assert sources["rss"] == "/proc/self/statm"
        assert sources["heap"] == "psutil.heap_info"
        assert not any(source.startswith("unavailable") for source in sources.values())

    def test_without_a_probe_there_is_a_reason_and_no_number(self, monkeypatch):
        def refuse(*_args, **_kwargs):
            raise OSError(errno.EACCES, os.strerror(errno.EACCES))

        monkeypatch.setattr(os, "open", refuse)
        monkeypatch.delattr(psutil, "heap_info")
        monkeypatch.setattr("ctypes.CDLL", lambda _name: SimpleNamespace())
        monkeypatch.setattr(heap.sys, "getallocatedblocks", lambda: 0)
        probes = open_probes()
        monkeypatch.undo()

        sources = probes.describe()
        sample = probes.sample()
        probes.close()

        assert sources["peak"] == "unavailable: /proc/self/clear_refs: Permission denied"
        assert sources["heap"] == (
            "unavailable: this C library has no mallinfo2 (glibc has it from 2.33 on, musl has not)"
        )
        assert sources["blocks"] == "unavailable: Python's own allocator is not in use (PYTHONMALLOC)"
        assert (sources["rss"], sources["fds"]) == ("psutil.Process.memory_info", "psutil.Process.num_fds")
        assert (sample.peak, sample.heap, sample.blocks) == (None, None, None)
        assert sample.rss > 0
        assert probes.warnings == ()


class TestReader:
    @pytest.mark.parametrize("metric", sorted(METRICS - {"peak"}))
    def test_one_metric(self, probes, metric):
        value = probes.reader(metric)()

        assert value == pytest.approx(getattr(probes.sample(), metric), rel=0.1)

    def test_none_where_it_cannot_be_read(self, monkeypatch):
        monkeypatch.setattr(heap.sys, "getallocatedblocks", lambda: 0)
        probes = open_probes()
        monkeypatch.undo()

        assert probes.reader("blocks") is None
        assert probes.reader("heap") is not None
        probes.close()

    def test_unknown_name(self, probes):
        with pytest.raises(KeyError):
            probes.reader("colour")

    def test_at_any_cost(self, probes):
        probes._thrift._clock = iter(range(0, 10**12, 10**9)).__next__
        probes._thrift.left = 1
        probes.read()

        assert probes.reader("blocks")() > 0
        assert probes.reader("heap")() > 0


class FakeClock:
    """Thread CPU time in ns that passes only when somebody works."""

    def __init__(self):
        self.now = 0

    def __call__(self):
        return self.now


class TestThrift:
    """A quarter of a percent of the tests' time: 2.5 us for a test of 1 ms."""

    def thrift(self, *, heap=1_000, blocks=1_000):
        clock, told = FakeClock(), []
        self.costs = {"heap": heap, "blocks": blocks}

        def reading(metric):
            def read():
                cost = self.costs[metric]
                clock.now += cost.pop(0) if isinstance(cost, list) else cost
                return 42

            return read

        return Thrift(reading("heap"), reading("blocks"), tell=told.append, clock=clock), clock, told

    def taken(self, thrift, clock, tests, *, test_ns=1_000_000):
        found = []
        for _ in range(tests):
            clock.now += test_ns
            found.append(thrift.take())
        return found

    def test_cheap(self):
        thrift, clock, told = self.thrift(heap=2_400, blocks=2_400)
        clock.now += 10**9  # imports and collection

        assert self.taken(thrift, clock, 100) == [(42, 42)] * 100
        assert told == []

    def test_dear_ones_are_left_out_for_longer_and_longer(self):
        thrift, clock, told = self.thrift(blocks=20_000)
        clock.now += 10**9

        found = [blocks for _, blocks in self.taken(thrift, clock, 1200)]

        assert [place for place, blocks in enumerate(found) if blocks == 42] == [
            *range(17),
            *(16 + 32, 48 + 64, 112 + 128, 240 + 256, 496 + 256, 752 + 256),
        ]
        assert told == ["blocks"]

    def test_one_metric_does_not_take_the_other_with_it(self):
        thrift, clock, _ = self.thrift(heap=2_400, blocks=20_000)

        assert {heap for heap, _ in self.taken(thrift, clock, 100)} == {42}

    def test_one_slow_reading_may_be_chance(self):
        thrift, clock, told = self.thrift()
        self.taken(thrift, clock, 16)
        self.costs["heap"] = [999_000, 999_000, *[1_000] * 100]

        assert self.taken(thrift, clock, 40) == [(42, 42)] * 40
        assert told == []

    def test_large_tests_can_bear_more(self):
        thrift, clock, told = self.thrift(heap=200_000, blocks=200_000)

        assert self.taken(thrift, clock, 100, test_ns=100_000_000) == [(42, 42)] * 100
        assert told == []

    def test_read_again_when_the_tests_get_larger(self):
        thrift, clock, _ = self.thrift(heap=20_000, blocks=20_000)
        self.taken(thrift, clock, 17)

        assert (MISSING, MISSING) in self.taken(thrift, clock, 16)
        self.taken(thrift, clock, 16, test_ns=100_000_000)
        assert self.taken(thrift, clock, 16, test_ns=100_000_000) == [(42, 42)] * 16


class TestExactPeak:
    def test_the_floor_is_never_taken_for_a_peak(self, descriptors, monkeypatch):
        peak = process.ExactPeak(descriptors)
        floor = 10 * MB  # KiB, as if the process had been started by one of 10 GB
        peak._calls = (lambda _who: (0, 0, floor), *peak._calls[1:])
        peak.floor = floor
        peak.reset()
        area = touched(20 * MB)
        held = peak.read()
        area.close()
        peak.reset()

        assert held - peak.read() == pytest.approx(20 * MB, abs=2 * MB)

    def test_the_floor_sinks_with_what_was_seen(self, descriptors):
        peak = process.ExactPeak(descriptors)
        peak.floor = 1 << 40
        peak.read()

        assert peak.floor <= resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def test_a_reset_that_has_no_effect(self, monkeypatch, descriptors):
        monkeypatch.setattr(process.ExactPeak, "reset", lambda _self: None)

        with pytest.raises(UnavailableError, match="does not reset the peak"):
            process.open_peak(descriptors)
        assert descriptors.opened == 0

    def test_a_status_that_nobody_understands(self, monkeypatch, descriptors):
        monkeypatch.setattr(os, "pread", lambda *_: b"Name: cat\n")

        with pytest.raises(UnavailableError, match="/proc/self/status shows no VmHWM"):
            process.open_peak(descriptors)
        assert descriptors.opened == 0

    def test_another_platform(self, monkeypatch, descriptors):
        monkeypatch.setattr(process.sys, "platform", "darwin")

        with pytest.raises(UnavailableError, match="darwin has no peak that can be reset"):
            process.open_peak(descriptors)


class TestFallbacks:
    def test_heap_from_mallinfo2(self, monkeypatch):
        monkeypatch.delattr(psutil, "heap_info")
        reading = heap.open_heap()
        before = reading.read()
        held = bytearray(3 * MB)

        assert reading.source == "mallinfo2"
        assert reading.read() - before == pytest.approx(len(held), abs=64 * 1024)

    def test_descriptors_on_kernels_that_do_not_tell_by_size(self, monkeypatch, descriptors):
        real = os.fstat

        def without_size(number):
            found = real(number)
            return SimpleNamespace(st_size=0, st_dev=found.st_dev, st_ino=found.st_ino)

        monkeypatch.setattr(os, "fstat", without_size)
        reading = resources.open_fds(descriptors)
        monkeypatch.undo()

        assert reading.source == "entries of /proc/self/fd"
        assert reading.read() == len(os.listdir("/proc/self/fd")) - 1
        assert descriptors.opened == 0

    def test_threads_without_the_tables(self, monkeypatch):
        monkeypatch.delattr(threading, "_limbo")
        reading = resources.open_threads()
        monkeypatch.undo()

        ends = threading.Event()
        before = reading.read()
        thread = threading.Thread(target=ends.wait)
        thread.start()
        during = reading.read()
        ends.set()
        thread.join()

        assert reading.source == "_thread"
        assert during == before + 1
