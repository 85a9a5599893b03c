"""What a full collection gave back of what the tests had gained."""

from __future__ import annotations

from pytest_memguard.growth import BYTES_PER_BLOCK, OWN_BLOCKS, OWN_HEAP_BYTES, OWN_RSS_BYTES, collection_yield
from pytest_memguard.probes import Sample
from pytest_memguard.watch.ledger import Ledger


def efficiency(ledger: Ledger, first: int, before: Sample, after: Sample) -> float | None:
    """GC efficiency over the tests after index *first*, from the samples *before* and *after* a full collection.

    Freed memory often stays resident, so bytes in use (malloc heap, and blocks at their mean size) are compared where
    they account for at least half of the growth of the resident size; resident bytes where they do not, because
    then the growth is not in Python's objects.
    """
    resident = _resident_gain(ledger, first)
    in_use = _in_use_gain(ledger, first)
    now, then = _in_use(before), _in_use(after)
    if in_use is not None and now is not None and then is not None and in_use * 2 >= (resident or 0):
        return collection_yield(in_use, now - then)
    if before.rss is None or after.rss is None:
        return None
    return collection_yield(resident, before.rss - after.rss)


def _in_use(sample: Sample) -> int | None:
    if sample.heap is None or sample.blocks is None:
        return None
    return sample.heap + BYTES_PER_BLOCK * sample.blocks


def _in_use_gain(ledger: Ledger, first: int) -> int | None:
    gain = 0
    for index in range(first + 1, len(ledger)):
        row = ledger.read(index)
        if row.heap is None or row.blocks is None:
            return None
        gain += row.heap - OWN_HEAP_BYTES + BYTES_PER_BLOCK * (row.blocks - OWN_BLOCKS)
    return gain


def _resident_gain(ledger: Ledger, first: int) -> int | None:
    start, end = ledger.read(first).rss_after, ledger.read(len(ledger) - 1).rss_after
    if start is None or end is None:
        return None
    return end - start - OWN_RSS_BYTES * (len(ledger) - 1 - first)
