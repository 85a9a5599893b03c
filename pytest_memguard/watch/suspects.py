"""Which tests repetition should look at first: a ranking, because one run does not tell a leak from first use."""

from __future__ import annotations

from pytest_memguard.growth import BYTES_PER_BLOCK, OWN_BLOCKS, OWN_HEAP_BYTES, OWN_RSS_BYTES
from pytest_memguard.probes import MISSING
from pytest_memguard.watch.ledger import Ledger

# Steps below these are what the first run of any test leaves behind.
_HEAP_STEP = OWN_HEAP_BYTES + 1024
_BLOCKS_STEP = OWN_BLOCKS + 64
_RSS_STEP = OWN_RSS_BYTES + (128 << 10)


def suspects(ledger: Ledger, stretch: range = range(0)) -> list[int]:
    """Indices of suspicious tests, the most suspicious first.

    Tests that left descriptors or threads behind, because those deltas hardly ever err; those of *stretch*, where the
    session grew; then steps of the malloc heap and the blocks beyond what pytest keeps, by size; then steps of the
    resident size, by size.
    """
    gains = [_gains(ledger, metric) for metric in ("fds", "threads", "heap", "blocks", "rss")]
    ranks = []
    for index, (fds, threads, heap, blocks, rss) in enumerate(zip(*gains, strict=True)):
        if fds > 0 or threads > 0:
            rank = (1, -max(0, fds) - max(0, threads), index)
        elif index in stretch:
            rank = (2, -_retained(heap, blocks), index)
        elif heap > _HEAP_STEP or blocks > _BLOCKS_STEP:
            rank = (3, -_retained(heap, blocks), index)
        elif rss > _RSS_STEP:
            rank = (4, -rss, index)
        else:
            continue
        ranks.append(rank)
    return [index for _, _, index in sorted(ranks)]


def _gains(ledger: Ledger, metric: str) -> list[int]:
    """What each test gained, 0 where it could not be read: what is not known raises no suspicion."""
    pairs = zip(ledger.before(metric), ledger.after(metric), strict=True)
    return [0 if MISSING in (before, after) else after - before for before, after in pairs]


def _retained(heap: int, blocks: int) -> int:
    return max(0, heap - OWN_HEAP_BYTES) + BYTES_PER_BLOCK * max(0, blocks - OWN_BLOCKS)
