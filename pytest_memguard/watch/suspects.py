"""Which tests repetition should look at first: a ranking, because one run does not tell a leak from first use."""

from __future__ import annotations

from pytest_memguard.growth import BYTES_PER_BLOCK, OWN_BLOCKS, OWN_HEAP_BYTES, OWN_RSS_BYTES
from pytest_memguard.watch.ledger import Ledger, Row

# Steps below these are what the first run of any test leaves behind.
_HEAP_STEP = 1024
_BLOCKS_STEP = 64
_RSS_STEP = 128 << 10


def suspects(ledger: Ledger, stretch: range = range(0)) -> list[int]:
    """Indices of suspicious tests, the most suspicious first.

    Tests that left descriptors or threads behind, because those deltas hardly ever err; those of *stretch*, where the
    session grew; then steps of the malloc heap and the blocks beyond what pytest keeps, by size; then steps of the
    resident size, by size.
    """
    ranks = []
    for index in range(len(ledger)):
        row = ledger.read(index)
        group, size = _rank(row, in_stretch=index in stretch)
        if group:
            ranks.append((group, -size, index))
    return [index for _, _, index in sorted(ranks)]


def _rank(row: Row, *, in_stretch: bool) -> tuple[int, int]:
    """The group, from 1 on, 0 for no suspicion, and the size within the group."""
    left = max(0, row.fds or 0) + max(0, row.threads or 0)
    heap = max(0, (row.heap or 0) - OWN_HEAP_BYTES)
    blocks = max(0, (row.blocks or 0) - OWN_BLOCKS)
    retained = heap + BYTES_PER_BLOCK * blocks
    if left:
        return 1, left
    if in_stretch:
        return 2, retained
    if heap > _HEAP_STEP or blocks > _BLOCKS_STEP:
        return 3, retained
    resident = (row.rss_after or 0) - (row.rss_before or 0) - OWN_RSS_BYTES
    if row.rss_after is not None and row.rss_before is not None and resident > _RSS_STEP:
        return 4, resident
    return 0, 0
