"""Ordinary computing: much memory for a moment, nothing afterwards."""

from __future__ import annotations

import collections
import contextlib
import functools
import heapq
import itertools
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

import pytest

BUFFER = bytearray(65_536)
GRID = [[0] * 100 for _ in range(100)]


def test_buffer_is_overwritten():
    BUFFER[:] = random.randbytes(len(BUFFER))
    assert len(BUFFER) == 65_536


def test_grid_is_overwritten():
    for row in GRID:
        row[:] = [random.random() for _ in row]
    assert len(GRID) == 100


def test_grid_is_reset():
    for row in GRID:
        row[:] = [0] * len(row)
    assert sum(map(sum, GRID)) == 0


def test_sorting():
    numbers = [random.random() for _ in range(20_000)]
    assert heapq.nsmallest(5, numbers) == sorted(numbers)[:5]


def test_counting():
    assert sum(collections.Counter(random.choices("abc", k=10_000)).values()) == 10_000


def test_big_matrix():
    size = 200
    matrix = [[i * j for j in range(size)] for i in range(size)]
    assert sum(matrix[i][i] for i in range(size)) == sum(i * i for i in range(size))


def test_generators_are_exhausted():
    assert sum(itertools.islice((n * n for n in itertools.count()), 1_000)) == 332_833_500


def test_generator_is_dropped_halfway():
    def numbers():
        with contextlib.suppress(GeneratorExit):
            yield from range(1_000)

    stream = numbers()
    next(stream)
    stream.close()


def test_local_cache():
    @functools.lru_cache(maxsize=None)
    def fibonacci(n):
        return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)

    assert fibonacci(200) > 10**40


def test_recursion():
    def depth(n):
        return 0 if n == 0 else 1 + depth(n - 1)

    assert depth(300) == 300


def test_exit_stack():
    closed = []
    with contextlib.ExitStack() as stack:
        for n in range(100):
            stack.callback(closed.append, n)
    assert len(closed) == 100


def test_threads_with_local_state():
    local, totals = threading.local(), []

    def work(n):
        local.rows = [n] * 10_000
        totals.append(sum(local.rows))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(totals) == [0, 10_000, 20_000]


def test_pool_of_its_own():
    with ThreadPoolExecutor(max_workers=3) as pool:
        assert sum(pool.map(len, [[0] * n for n in range(100)])) == 4_950


def test_failure_in_a_thread_pool():
    with ThreadPoolExecutor(max_workers=1) as pool:
        future = pool.submit(int, "x")
        assert isinstance(future.exception(), ValueError)


def test_condition():
    ready, box = threading.Condition(), []

    def produce():
        with ready:
            box.append(1)
            ready.notify()

    thread = threading.Thread(target=produce)
    with ready:
        thread.start()
        ready.wait_for(lambda: box, timeout=30)
    thread.join()
    assert box == [1]


def test_short_sleep():
    before = time.monotonic()
    time.sleep(0.002)
    assert time.monotonic() > before


def test_local_mocks():
    service = mock.MagicMock(spec=["fetch", "store"])
    service.fetch.side_effect = range(100)
    assert [service.fetch(n) for n in range(100)] == list(range(100))
    assert len(service.mock_calls) == 100


def test_mock_with_a_side_effect():
    function = mock.Mock(side_effect=ValueError("no"))
    with pytest.raises(ValueError, match="no"):
        function()


@mock.patch("random.random", return_value=0.25)
@mock.patch("random.randint", return_value=4)
def test_patched_twice(randint, rand):
    assert random.randint(1, 6) + random.random() == 4.25


def test_dict_that_is_resized():
    table = {n: n for n in range(50_000)}
    for n in range(49_990):
        del table[n]
    assert len(table) == 10


def test_string_building():
    text = ""
    for n in range(2_000):
        text += f"{n},"
    assert text.endswith("1999,")


def test_big_integers():
    assert (3**100_000).bit_length() == 158_497
