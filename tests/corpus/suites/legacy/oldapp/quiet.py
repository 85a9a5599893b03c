"""Warnings: silenced for ever, silenced for a while, shown."""

from __future__ import annotations

import itertools
import warnings

_serial = itertools.count(1)


def silence() -> int:
    number = next(_serial)
    warnings.filterwarnings("ignore", message=f"feature {number} is old")  # leak: warnings-filters
    return len(warnings.filters)


def silence_fixed() -> None:
    warnings.filterwarnings("ignore", message="the old way")


def old_way() -> int:
    warnings.warn("the old way", DeprecationWarning, stacklevel=2)
    return 1


def quietly() -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return old_way()
