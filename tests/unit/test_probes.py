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

from pytest_memguard.probes import Sample, heap, open_probes, process, resources
from pytest_memguard.probes.descriptor import DescriptorSet
from pytest_memguard.probes.heap import ThriftyBlocks
from pytest_memguard.probes.reading import UnavailableError

MB = 1 << 20
METRICS = {"rss", "vms", "peak", "heap", "blocks", "fds", "threads", "collections"}

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
        before = probes.sample().collections
        gc.collect()
        gc.collect(0)

        assert probes.sample().collections == before + 1

    def test_no_allocation_stays(self, probes):
        probes.sample()
        before = sys.getallocatedblocks()
        for _ in range(2000):
            probes.sample()

        assert sys.getallocatedblocks() - before < 200


class TestDescribe:
    def test_a_source_for_each_metric(self, probes):
        sources = probes.describe()

        assert set(sources) == METRICS
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

    def test_blocks_at_any_cost(self, probes):
        probes._blocks = lambda: None
        probes._note_on_blocks("left out: one reading takes 300 us in a heap of this size")

        assert probes.reader("blocks")() > 0
        assert probes.describe()["blocks"] == (
            "sys.getallocatedblocks, left out: one reading takes 300 us in a heap of this size"
        )


class TestThriftyBlocks:
    """Costs in ns, with so much CPU time between two timed readings."""

    def thrifty(self, *timings, between=10**9):
        """Each timing is the cost of one try, or of up to three in a row."""
        times, now, told = [], 0, []
        for tries in timings:
            now += between
            times.append(now)
            for cost in tries if isinstance(tries, tuple) else (tries,):
                now += cost
                times.append(now)
        return ThriftyBlocks(lambda: 42, tell=told.append, clock=iter(times).__next__), told

    def test_cheap(self):
        read, told = self.thrifty(100, 200_000, 50, 10)

        assert [read() for _ in range(50)] == [42] * 50
        assert told == []

    def test_one_dear_reading_may_be_chance(self):
        read, told = self.thrifty((999_000, 100), (999_000, 999_000, 100))

        assert [read() for _ in range(32)] == [42] * 32
        assert told == []

    def test_too_dear_from_then_on(self):
        read, told = self.thrifty(100, (999_000, 500_000, 201_000))

        assert [read() for _ in range(40)] == [42] * 16 + [None] * 24
        assert told == ["left out: one reading takes 201 us in a heap of this size"]

    def test_dear_for_small_tests_only(self):
        # 16 readings of 20 us are 1 % of 32 ms.
        small, told = self.thrifty((20_000,) * 3, 20_000, between=31_900_000)
        large, untold = self.thrifty(20_000, 20_000, between=32_000_000)

        assert [small() for _ in range(32)] == [42, *[None] * 15] * 2
        assert [large() for _ in range(32)] == [42] * 32
        assert told == ["left out where it would take more than 1 % of the tests' time"]
        assert untold == []

    def test_always_cheap_enough(self):
        read, told = self.thrifty(5_000, 5_000, between=100)

        assert [read() for _ in range(32)] == [42] * 32
        assert told == []

    def test_read_again_when_the_tests_get_larger(self):
        read, _ = self.thrifty((50_000,) * 3, 50_000, 50_000, between=60_000_000)

        assert [read() for _ in range(32)] == [42, *[None] * 15] * 2
        read._since -= 10**9
        assert [read() for _ in range(16)] == [42] * 16


class TestExactPeak:
    def test_the_floor_is_never_taken_for_a_peak(self, descriptors, monkeypatch):
        peak = process.ExactPeak(descriptors)
        floor = 10 * MB  # KiB, as if the process had been started by one of 10 GB
        peak._calls = (lambda _who: (0, 0, floor), *peak._calls[1:])
        peak._floor = floor
        peak.reset()
        area = touched(20 * MB)
        held = peak.read()
        area.close()
        peak.reset()

        assert held - peak.read() == pytest.approx(20 * MB, abs=2 * MB)

    def test_the_floor_sinks_with_what_was_seen(self, descriptors):
        peak = process.ExactPeak(descriptors)
        peak._floor = 1 << 40
        peak.read()

        assert peak._floor <= resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

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

        assert reading.source == "_thread"
        assert reading.read() == threading.active_count()
