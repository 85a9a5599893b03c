"""What a full collection gave back of what the tests had gained."""

from __future__ import annotations

from pytest_memguard.growth import BYTES_PER_BLOCK, OWN_BLOCKS, OWN_HEAP_BYTES, OWN_RSS_BYTES, collection_yield
from pytest_memguard.probes import MISSING, Sample
from pytest_memguard.watch.ledger import Ledger

_OWN_BYTES_IN_USE = OWN_HEAP_BYTES + BYTES_PER_BLOCK * OWN_BLOCKS


def efficiency(ledger: Ledger, first: int, before: Sample, after: Sample) -> float | None:
    """GC efficiency over the tests from index *first* on, from the samples *before* and *after* a full collection.

    Freed memory often stays resident, so bytes in use (malloc heap, and blocks at their mean size) are compared where
    they account for at least half of the growth of the resident size; resident bytes where they do not, because
    then the growth is not in Python's objects.
    """
    resident = _gain(_resident_before(ledger, first), before.rss, OWN_RSS_BYTES * (len(ledger) - first))
    start, tests = _in_use_before(ledger, first)
    in_use = _gain(start, _in_use(before), _OWN_BYTES_IN_USE * tests)
    if in_use is not None and in_use * 2 >= (resident or 0):
        return collection_yield(in_use, _gain(_in_use(after), _in_use(before), 0))
    return collection_yield(resident, _gain(after.rss, before.rss, 0))


def _gain(start: int | None, end: int | None, own: int) -> int | None:
    return None if start is None or end is None else end - start - own


def _in_use(sample: Sample) -> int | None:
    if sample.heap is None or sample.blocks is None:
        return None
    return sample.heap + BYTES_PER_BLOCK * sample.blocks


def _resident_before(ledger: Ledger, first: int) -> int | None:
    return ledger.read(first).before.rss


def _in_use_before(ledger: Ledger, first: int) -> tuple[int | None, int]:
    """Bytes in use at the first boundary at which both were read, and the tests from there on.

    Where they are dear they are read now and then only; half of the growth must lie behind that boundary.
    """
    heaps, blocks = ledger.before("heap"), ledger.before("blocks")
    for index in range(first, first + (len(ledger) - first + 1) // 2):
        if MISSING not in (heaps[index], blocks[index]):
            return heaps[index] + BYTES_PER_BLOCK * blocks[index], len(ledger) - index
    return None, 0
