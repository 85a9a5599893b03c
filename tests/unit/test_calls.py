"""Escalating calls of one function: sizes of batches, evidence, names, the text of a failure."""

from __future__ import annotations

import asyncio
import functools
import gc
from textwrap import dedent

import pytest

from pytest_memguard.calls import (
    CallLeak,
    CallRound,
    Calls,
    LeakError,
    PendingCheck,
    accepted,
    batch_size,
    find_leak,
    function_name,
    is_awaited,
    named_arguments,
    start,
)
from pytest_memguard.calls.batches import Batches
from pytest_memguard.calls.meter import CallMeter, Count
from pytest_memguard.model import AllocationSite, Diagnosis, Retainer, TypeGrowth


class Counter:
    """Counts calls instead of making them."""

    threads = 0

    def __init__(self):
        self.made = []

    def one(self):
        self.made.append(1)

    def many(self, count):
        self.made.append(count)

    def close(self):
        pass


def run(batches, times):
    for _ in range(times):
        batches()
    return batches._calls.made


def fitted(*, call_s=1e-6, call_bytes=0.0, call_counts=0.0, runs=None):
    batches = Batches(Counter(), runs=runs)
    batches.fit(call_s=call_s, call_bytes=call_bytes, call_counts=call_counts)
    return batches


def test_each_batch_is_as_large_as_all_before_it():
    assert run(fitted(), 5) == [200, 200, 400, 800, 1600]


def test_batches_of_a_slow_function_are_small_and_do_not_grow():
    assert run(fitted(call_s=0.01), 4) == [15, 15, 15, 15]
    assert run(fitted(call_s=2.0), 3) == [5, 5, 5]


def test_batches_of_a_large_leak_stay_small():
    assert run(fitted(call_bytes=1 << 20), 3) == [4, 4, 4]
    assert run(fitted(call_bytes=1 << 30), 3) == [1, 1, 1]


def test_batches_that_leave_descriptors_stay_small():
    assert run(fitted(call_counts=1.0), 3) == [3, 3, 3]


def test_the_user_may_choose_the_first_size():
    assert run(fitted(call_s=0.01, runs=50), 3) == [50, 50, 50]
    assert run(fitted(runs=1000), 3) == [1000, 1000, 2000]


class Readings:
    """A metric and a count as a script, and the calls made so far."""

    def __init__(self, *rows):
        self.rows = list(rows)
        self.row = -1

    def total(self):
        return self.rows[self.row][0]

    def heap(self):
        self.row += 1
        return self.rows[self.row][1]

    def fds(self):
        return self.rows[self.row][2]


def read_all(*rows):
    script = Readings(*rows)
    counts = [Count(name="fds", read=script.fds)]
    meter = CallMeter({"heap": script.heap}, counts, total=script.total, resident=None)
    for _ in rows:
        meter.read()
    return meter


def test_readings_without_calls_between_them_are_no_rounds():
    meter = read_all((10, 100, 3), (20, 150, 4), (20, 120, 4), (40, 220, 5))

    assert meter.rounds() == [
        CallRound(calls=10, growth={"heap": 50, "fds": 1}),
        CallRound(calls=20, growth={"heap": 100, "fds": 1}),
    ]
    assert meter.per_call("heap", 0) == 5.0
    assert [count.name for count in meter.counting(0)] == ["fds"]
    assert meter.per_call("heap", 2) == 5.0


def test_a_count_that_stops_once_is_cleared():
    meter = read_all((10, 100, 3), (20, 150, 4), (40, 220, 4), (80, 220, 9))

    assert meter.counting(0) == []


def test_references_must_grow_with_most_calls():
    references = Count(name="references to x", read=lambda: 0, share=0.5)
    meter = CallMeter({}, [references], total=lambda: 0, resident=None)

    assert meter.counting(0) == []


@pytest.mark.parametrize("wrong", [0, -1, True, 2.0, "200", 10**9])
def test_wrong_runs(wrong):
    with pytest.raises(ValueError, match=r"memguard.assert_no_leak\(runs=.* a whole number from 1 to"):
        batch_size(wrong)


def test_right_runs_and_tolerances():
    assert batch_size(None) is None
    assert batch_size(1) == 1
    assert accepted("1 KB") == 1000
    assert accepted(0) == 0


@pytest.mark.parametrize("wrong", ["many", -1, None, 0.5])
def test_wrong_tolerance(wrong):
    with pytest.raises(ValueError, match="tolerance="):
        accepted(wrong)


class Hostile:
    def __getattr__(self, name):
        raise RuntimeError(name)

    def __call__(self):
        pass


class Codec:
    def decode(self, data, *, strict=True):
        return data, strict

    async def fetch(self):
        pass


def test_names_of_functions():
    codec = Codec()

    assert function_name(len) == "len"
    assert function_name(codec.decode) == f"{__name__}.Codec.decode"
    assert function_name(functools.partial(codec.decode, b"")) == f"{__name__}.Codec.decode"
    assert function_name(Hostile()) == f"{__name__}.Hostile"


def test_names_of_arguments():
    codec = Codec()
    call = functools.partial(codec.decode, b"x", strict=False)

    assert named_arguments(codec.decode, call) == [
        ("self (Codec)", codec),
        ("argument 1 (bytes)", b"x"),
        ("strict (bool)", False),
    ]
    assert named_arguments(len, functools.partial(len, "")) == [("argument 1 (str)", "")]


def test_what_is_awaited():
    assert is_awaited(Codec().fetch)
    assert is_awaited(functools.partial(Codec().fetch))
    assert not is_awaited(Codec().decode)
    assert not is_awaited(Hostile())


def find(function, **changes):
    options = {"name": "f", "arguments": [], "runs": None, "tolerance": 0, "rootdir": "/", **changes}
    return find_leak(Calls(function), **options)


def test_a_function_that_leaks_nothing():
    assert find(lambda: [1]) is None


def test_a_function_that_leaks_an_object():
    kept = []

    leak = find(lambda: kept.append(object()))

    assert leak is not None
    assert leak.per_call["blocks"] == pytest.approx(1, abs=0.1)
    assert leak.bytes_per_call >= 16
    assert len(leak.rounds) >= 6
    assert leak.calls == sum(each.calls for each in leak.rounds)
    assert leak.confidence > 0.9


def test_what_is_accepted_is_no_leak():
    kept = []

    assert find(lambda: kept.append(object()), tolerance=100, runs=20) is None


def test_what_a_function_raises_is_passed_on_and_the_collector_is_as_it_was():
    gc.unfreeze()  # 3.12 has some frozen from the start
    before = gc.isenabled(), gc.get_freeze_count()
    calls = []

    def fails_late():
        calls.append(1)
        if len(calls) == 30:
            raise KeyError("late")

    with pytest.raises(KeyError, match="late"):
        find(fails_late)

    assert (gc.isenabled(), gc.get_freeze_count()) == before


def test_what_is_frozen_stays_frozen():
    gc.freeze()
    try:
        assert find(lambda: None) is None
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()


def test_a_coroutine_that_nobody_awaits_is_refused():
    async def fetch():
        pass

    with pytest.raises(TypeError, match="nobody awaits"):
        find(fetch)


def test_outside_a_loop_a_coroutine_function_is_checked_at_once():
    made = []

    async def fetch():
        made.append(await asyncio.sleep(0, result=1))

    pending = start(lambda calls: calls.many(3), fetch, name="fetch")

    assert pending.is_done
    assert made == [1, 1, 1]


def test_inside_a_loop_it_is_checked_when_it_is_awaited():
    made = []

    async def fetch():
        made.append(await asyncio.sleep(0, result=len(made)))
        return "body"

    def check(calls):
        assert calls.one() == "body"
        calls.many(2)

    async def body():
        pending = start(check, fetch, name="fetch")
        assert not pending.is_done
        assert made == []
        await pending
        assert pending.is_done

    asyncio.run(body())

    assert made == [0, 1, 2]


def test_inside_a_loop_errors_of_check_and_function_are_passed_on():
    async def fetch():
        raise KeyError("fetch")

    async def fine():
        pass

    def check(calls):
        calls.many(2)
        raise LookupError("check")

    async def body(function):
        await start(check, function, name="fetch")

    with pytest.raises(KeyError, match="fetch"):
        asyncio.run(body(fetch))
    with pytest.raises(LookupError, match="check"):
        asyncio.run(body(fine))


def test_a_check_can_be_cancelled():
    async def sleeps():
        await asyncio.sleep(60)

    async def body():
        task = asyncio.ensure_future(_awaiting(start(lambda calls: calls.many(2), sleeps, name="sleeps")))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(body())


async def _awaiting(pending: PendingCheck) -> None:
    await pending


LEAK = CallLeak(
    function="codec.decode",
    rounds=tuple(CallRound(calls=200 * 2**n, growth={"heap": 6400 * 2**n, "blocks": 0, "fds": 0}) for n in range(3)),
    per_call={"heap": 32.04},
    bytes_per_call=32,
    confidence=0.94,
    diagnosis=Diagnosis(notes=("no Python allocation explains the growth",)),
)


def test_the_text_of_a_native_leak():
    assert str(LeakError(LEAK)) == dedent(
        """\
        codec.decode leaks +32 B per call (3 batches, 1400 calls, confidence 0.94)
          batch      calls     heap
          1            200    +6400
          2            400   +12800
          3            800   +25600
          per call   +32 heap
          note       no Python allocation explains the growth
          accept     tolerance="34 B" accepts this much a call"""
    )


def test_the_text_of_a_leak_with_all_there_is():
    leak = CallLeak(
        function="codec.\x1b[31mdecode",
        rounds=(CallRound(calls=3, growth={"blocks": 3, "fds": 3, "references to argument 1 (list)": 3}),),
        per_call={"blocks": 1.0, "fds": 1.0, "references to argument 1 (list)": 1.0},
        bytes_per_call=88,
        confidence=0.97,
        diagnosis=Diagnosis(
            types=(TypeGrowth(type="list", count=1, bytes=72),),
            sites=(AllocationSite(file="codec.py", line=3, function="decode", bytes=88, count=1, source="new()"),),
            retainers=(
                Retainer(
                    path="codec.SEEN[*]",
                    root="codec.SEEN",
                    type="list",
                    steps=("codec.SEEN (list)", "[*] list"),
                    suspect=0,
                ),
            ),
        ),
    )

    assert str(LeakError(leak)) == dedent(
        """\
        codec.\\x1b[31mdecode leaks +88 B and +1 file descriptor and +1 reference to argument 1 (list) per
        call (1 batch, 3 calls, confidence 0.97)
          batch      calls   blocks   fds   references to argument 1 (list)
          1              3       +3    +3                                +3
          per call   +1 blocks, +1 fds, +1 references to argument 1 (list)
          types      +1 list
          allocated  codec.py:3 in decode: new()
          kept by    codec.SEEN (list)
                     ~~~~~~~~~~
                     -> [*] list
          accept     tolerance="93 B" accepts this much a call"""
    )
