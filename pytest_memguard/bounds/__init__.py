"""Telling a cache that fills to its bound from a leak.

Four questions: which ``lru_cache`` wrappers filled (:class:`LruCensus`), is the container on a retainer path bounded
(:func:`bound_on_path`), if not, may it be (:func:`read_code`), and which loaded extension modules cache out of sight
(:func:`hidden_caches`).
"""

from __future__ import annotations

from pytest_memguard.bounds.doubt import Reading, read_code
from pytest_memguard.bounds.known import hidden_caches
from pytest_memguard.bounds.lru import LruCensus, LruGrowth
from pytest_memguard.bounds.path import Bound, bound_on_path

__all__ = ["Bound", "LruCensus", "LruGrowth", "Reading", "bound_on_path", "hidden_caches", "read_code"]
