"""Pass 1 on scripted samples: what a boundary keeps, and what is made of it."""

from __future__ import annotations

import json
import struct
import sys
import tracemalloc

import pytest

from pytest_memguard.growth import GrowthSettings
from pytest_memguard.model import MemoryRecord, Verdict
from pytest_memguard.probes import MISSING, Sample, open_probes
from pytest_memguard.watch import Ledger, Totals, Watcher, suspects
from pytest_memguard.watch.efficiency import efficiency

MB = 1 << 20
KB = 1 << 10
START = Sample(rss=50 * MB, vms=90 * MB, heap=10 * MB, blocks=100_000, fds=5, threads=1, peak=50 * MB)
UNREADABLE = Sample(*(None,) * 7)
CLEAN = Verdict(name="clean")


class ScriptedProbes:
    """Gives the samples of a script, one a call, the last one for ever."""

    def __init__(self, *samples, collections=None):
        self.samples = list(samples)
        self.collections = iter(collections or ())
        self.taken = 0

    def sample(self):
        self.taken += 1
        return self.samples.pop(0) if len(self.samples) > 1 else self.samples[0]

    def read(self):
        return tuple(MISSING if value is None else value for value in self.sample())

    def reader(self, metric):
        assert metric == "collections"
        return lambda: next(self.collections, None)


def after(previous, **deltas):
    """The sample after *previous*, with what was gained; the peak is the new resident size unless given."""
    peak = deltas.pop("peak", None)
    values = {name: getattr(previous, name) + delta for name, delta in deltas.items()}
    found = previous._replace(**values)
    return found._replace(peak=found.rss if peak is None else peak)


def watched(*samples, **options):
    """A watcher that saw a baseline and then one test per further sample."""
    watcher = Watcher(ScriptedProbes(*samples), **options)
    watcher.start()
    for number in range(1, len(samples)):
        watcher.boundary(f"test_{number}", "passed", 0.25 * number)
    return watcher


def chain(*steps, start=START):
    samples = [start]
    for step in steps:
        samples.append(after(samples[-1], **step))
    return samples


class TestBoundary:
    def test_a_test_lies_between_two_samples(self):
        watcher = watched(*chain({"rss": 3 * MB, "heap": 2 * MB, "blocks": 40, "peak": 80 * MB}))

        assert watcher.ledger.record(0, CLEAN) == MemoryRecord(
            nodeid="test_1",
            worker="main",
            outcome="passed",
            duration_s=0.25,
            rss_before_bytes=50 * MB,
            rss_after_bytes=53 * MB,
            peak_rss_bytes=80 * MB,
            retained_bytes=2 * MB,
            retained_blocks=40,
            verdict="clean",
            reason=None,
        )

    def test_the_sample_after_a_test_is_the_one_before_the_next(self):
        watcher = watched(*chain({"rss": 3 * MB}, {"rss": -1 * MB}))

        rows = [watcher.ledger.read(index) for index in range(2)]

        assert [(row.before.rss, row.after.rss) for row in rows] == [(50 * MB, 53 * MB), (53 * MB, 52 * MB)]

    def test_one_sample_per_test(self):
        probes = ScriptedProbes(START)
        watcher = Watcher(probes)
        watcher.start()
        for number in range(100):
            watcher.boundary(str(number), "passed", 0.0)

        assert probes.taken == 101

    def test_a_gap_belongs_to_no_test(self):
        first, between, second = chain({"rss": 1 * MB}, {"rss": 30 * MB, "peak": 500 * MB})[1:] + chain()[:1]
        second = after(between, rss=2 * MB)
        watcher = Watcher(ScriptedProbes(START, first, between, second))
        watcher.start()
        watcher.boundary("one", "passed", 0.0)
        watcher.gap()
        index = watcher.boundary("two", "passed", 0.0)

        row = watcher.ledger.read(index)
        assert (row.before.rss, row.after.rss, row.after.peak) == (81 * MB, 83 * MB, 83 * MB)
        assert watcher.ledger.totals().peak_rss == 83 * MB

    def test_a_lap_does_not_lose_the_peak_of_the_test(self):
        samples = chain({"rss": 5 * MB, "peak": 200 * MB}, {"rss": 1 * MB, "peak": 70 * MB}, {"rss": 0})
        watcher = Watcher(ScriptedProbes(*samples))
        watcher.start()
        lap = watcher.lap()
        one, two = (watcher.boundary(name, "passed", 0.0) for name in ("one", "two"))

        assert lap.peak == 200 * MB
        assert watcher.ledger.read(one).after.peak == 200 * MB
        assert watcher.ledger.read(one).before.rss == 50 * MB
        assert watcher.ledger.read(two).after.peak == 56 * MB

    def test_what_cannot_be_read_is_none(self):
        watcher = watched(START, UNREADABLE, START)

        for index in range(2):
            row = watcher.ledger.read(index)
            assert {row.gained(metric) for metric in Sample._fields} == {None}
        assert watcher.ledger.record(0, CLEAN).peak_rss_bytes is None
        assert watcher.ledger.read(0).peak_growth is None
        assert watcher.ledger.record(1, CLEAN).rss_before_bytes is None
        assert watcher.ledger.record(1, CLEAN).rss_after_bytes == 50 * MB

    def test_zero_is_not_none(self):
        nothing = Sample(*(0,) * 7)
        row = watched(nothing, nothing).ledger.read(0)

        assert row.after == nothing
        assert {row.gained(metric) for metric in Sample._fields} == {0}

    def test_without_a_baseline_there_are_no_deltas(self):
        watcher = Watcher(ScriptedProbes(START))
        watcher.boundary("one", "passed", 0.0)

        assert watcher.ledger.read(0).gained("heap") is None
        assert watcher.ledger.read(0).after.rss == 50 * MB

    def test_peak_growth_is_what_a_limit_is_about(self):
        watcher = watched(*chain({"rss": 3 * MB, "peak": 80 * MB}))

        assert watcher.ledger.read(0).peak_growth == 30 * MB

    def test_our_own_new_room_is_no_growth_of_a_test(self):
        steps = [{"rss": 0}] * 1023
        samples = [*chain(*steps), START, after(START, heap=80 * KB), after(START, heap=80 * KB)]
        watcher = Watcher(ScriptedProbes(*samples))
        watcher.start()
        for number in range(1025):
            watcher.boundary(str(number), "passed", 0.0)

        assert watcher.ledger.read(1023).gained("heap") == 0
        assert watcher.ledger.read(1024).gained("heap") == 0


class TestSession:
    def test_the_highest_peak_and_the_ends(self):
        ledger = watched(*chain({"rss": MB}, {"rss": MB, "peak": 300 * MB}, {"rss": MB, "peak": 90 * MB})).ledger

        assert ledger.totals() == Totals(300 * MB, "test_2", 50 * MB, 53 * MB)

    def test_no_peak_can_be_read(self):
        ledger = watched(START, *[sample._replace(peak=None) for sample in chain({"rss": MB})]).ledger

        assert ledger.totals() == Totals(None, None, 50 * MB, 51 * MB)

    def test_no_tests(self):
        ledger = Ledger()

        assert (ledger.totals(), len(ledger)) == (Totals(), 0)
        assert list(ledger.records(lambda _index: CLEAN)) == []
        assert suspects(ledger) == []

    def test_records_are_made_one_at_a_time_with_their_verdicts(self):
        ledger = watched(*chain({"rss": 0}, {"rss": 0})).ledger
        verdicts = {1: Verdict(name="leak", reason="every round")}
        records = ledger.records(lambda index: verdicts.get(index, CLEAN))

        assert len(records) == 2
        assert [(record.nodeid, record.verdict, record.reason) for record in records] == [
            ("test_1", "clean", None),
            ("test_2", "leak", "every round"),
        ]
        assert records[1].nodeid == "test_2"

    @pytest.mark.parametrize("index", [-1, 1])
    def test_an_index_that_is_not_there(self, index):
        ledger = watched(START, START).ledger

        for ask in (ledger.read, ledger.nodeid, ledger.row):
            with pytest.raises(IndexError, match="there are 1 tests"):
                ask(index)


class TestTravel:
    def test_there_and_back(self):
        sender = watched(*chain({"rss": 3 * MB, "fds": 2, "threads": -1}, {"heap": 7}), UNREADABLE, worker="gw1").ledger
        receiver = Ledger()
        for index in range(3):
            row = sender.row(index)
            assert all(type(value) in (int, float, str, type(None)) for value in row)
            receiver.absorb(json.loads(json.dumps(row)))

        assert [receiver.record(index, CLEAN) for index in range(3)] == [
            sender.record(index, CLEAN) for index in range(3)
        ]
        assert [receiver.row(index) for index in range(3)] == [sender.row(index) for index in range(3)]
        assert receiver.totals() == sender.totals()

    def test_workers_stay_apart(self):
        receiver = Ledger()
        for worker, peak in (("gw0", 60 * MB), ("gw1", 90 * MB)):
            start = START._replace(rss=peak - 5 * MB)
            receiver.absorb(watched(start, after(start, rss=MB, peak=peak), worker=worker).ledger.row(0))

        assert [record.worker for record in receiver.records(lambda _index: CLEAN)] == ["gw0", "gw1"]
        assert receiver.totals() == Totals(90 * MB, "test_1", 85 * MB, 86 * MB)

    def test_the_string_of_the_receiver_is_kept(self):
        receiver = Ledger()
        mine = b"test_1".decode()  # equal, and not the same
        receiver.absorb(watched(START, START).ledger.row(0), nodeid=mine)

        assert receiver.nodeid(0) is mine

    def test_another_shape(self):
        receiver = Ledger()
        row = watched(START, START).ledger.row(0)

        with pytest.raises(ValueError, match="a row has 18 values, not 17"):
            receiver.absorb(row[:-1])
        with pytest.raises(struct.error):
            receiver.absorb([*row[:-1], "many"])
        assert len(receiver) == 0


class TestSuspects:
    def test_the_order(self):
        watcher = watched(
            *chain(
                {"rss": 0},
                {"rss": 400 * KB},
                {"heap": 390 + 5 * KB},
                {"fds": 1},
                {"blocks": 32 + 500},
                {"threads": 3},
                {"rss": 900 * KB},
            )
        )

        named = [watcher.ledger.nodeid(index) for index in watcher.suspects()]

        assert named == ["test_6", "test_4", "test_5", "test_3", "test_7", "test_2"]

    def test_what_pytest_keeps_is_no_suspicion(self):
        assert watched(*chain({"heap": 390, "blocks": 32, "rss": 3 * KB})).suspects() == []

    def test_what_was_given_back_is_no_suspicion(self):
        assert watched(*chain({"heap": -MB, "blocks": -900, "rss": -MB, "fds": -1, "threads": -1})).suspects() == []

    def test_unreadable_is_no_suspicion(self):
        assert watched(START, UNREADABLE, START).suspects() == []

    def test_the_stretch_in_which_the_session_grew(self):
        ledger = watched(*chain({"fds": 1}, {"rss": 0}, {"rss": 0}, {"heap": MB})).ledger

        assert suspects(ledger, range(1, 3)) == [0, 1, 2, 3]


class TestSessionGrowth:
    settings = GrowthSettings()

    def judged(self, step, yielded):
        """40 tests of the same step, then what a collection gives back."""
        samples = chain(*[step] * 40)
        watcher = Watcher(ScriptedProbes(*samples, samples[-1], after(samples[-1], **yielded)))
        watcher.start()
        for number in range(40):
            watcher.boundary(f"test_{number}", "passed", 0.0)
        collected = []
        return watcher, watcher.session_growth(self.settings, collect=lambda: collected.append(1)), collected

    def test_retained(self):
        watcher, growth, collected = self.judged({"rss": 4 * MB, "heap": 4 * MB}, {"heap": -MB})

        assert collected == [1]
        assert growth.suspected
        assert growth.gc_efficiency == pytest.approx(1 / 156, rel=0.1)
        assert growth.slope_per_test == pytest.approx(4 * MB, rel=0.01)
        assert (growth.first_nodeid, growth.last_nodeid) == ("test_0", "test_39")
        assert watcher.suspects() == list(range(40))

    def test_cyclic_garbage(self):
        watcher, growth, _ = self.judged({"rss": 4 * MB, "blocks": 80_000}, {"blocks": -3_000_000})

        assert not growth.suspected
        assert growth.gc_efficiency == pytest.approx(0.94, abs=0.01)
        assert watcher.stretch == range(0)

    def test_mapped_memory_is_measured_by_what_is_resident(self):
        _, growth, _ = self.judged({"rss": 4 * MB, "heap": 1000, "blocks": 40}, {"blocks": -300, "rss": -MB})

        assert growth.suspected
        assert growth.gc_efficiency == pytest.approx(1 / 156, rel=0.1)

    def test_no_growth_no_collection(self):
        watcher, growth, collected = self.judged({"rss": 3 * KB, "blocks": 32}, {"rss": 0})

        assert not growth.suspected
        assert growth.reason is None
        assert collected == []
        assert watcher.suspects() == []

    def test_collections_that_did_not_help_are_named(self):
        samples = chain(*[{"rss": 4 * MB, "heap": 4 * MB}] * 40)
        watcher = Watcher(ScriptedProbes(*samples, collections=(2, 5)))
        watcher.start()
        for number in range(40):
            watcher.boundary(f"test_{number}", "passed", 0.0)

        assert ", 3 full collections meanwhile, " in watcher.session_growth(self.settings, collect=list).reason


class TestEfficiency:
    def test_without_blocks(self):
        start = START._replace(blocks=None)
        samples = [start._replace(rss=start.rss + number * MB) for number in range(5)]
        ledger = watched(*samples).ledger

        share = efficiency(ledger, 0, samples[-1], samples[-1]._replace(rss=samples[-1].rss - MB))

        assert share == pytest.approx(1 / 4, rel=0.01)

    def test_blocks_read_now_and_then(self):
        samples = chain(*[{"rss": MB, "blocks": 20_000}] * 16)
        sparse = [sample if number % 8 == 3 else sample._replace(blocks=None) for number, sample in enumerate(samples)]
        ledger = watched(*sparse).ledger
        end = samples[-1]

        share = efficiency(ledger, 0, end, end._replace(blocks=end.blocks - 13 * 10_000))

        assert share == pytest.approx(1 / 2, rel=0.05)

    def test_nothing_readable(self):
        assert efficiency(watched(START, START).ledger, 0, UNREADABLE, UNREADABLE) is None


class TestBounds:
    def test_memory_of_many_tests(self):
        nodeids = [f"tests/test_module.py::test_{number}" for number in range(20_000)]
        watcher = Watcher(ScriptedProbes(START))
        watcher.start()
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        for nodeid in nodeids:
            watcher.boundary(nodeid, "passed", 0.001)
        kept = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()

        assert kept / len(nodeids) < 150

    @pytest.mark.parametrize("missing", [False, True])
    def test_a_boundary_leaves_no_block(self, missing):
        probes = open_probes()
        if missing:
            probes._peak = None
            probes.read = probes._read_with_care
        watcher = Watcher(probes)
        watcher.start()
        nodeid = "tests/test_module.py::test_one"
        for _ in range(100):
            watcher.boundary(nodeid, "passed", 0.001)
        before = sys.getallocatedblocks()
        for _ in range(500):
            watcher.boundary(nodeid, "passed", 0.001)
        kept = sys.getallocatedblocks() - before
        probes.close()

        assert kept < 100
