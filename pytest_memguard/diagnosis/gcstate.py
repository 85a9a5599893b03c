"""Leave the garbage collector as it was found, whatever happens in between."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def restored() -> Iterator[None]:
    """Flag, thresholds and debug flags come back as they were; nothing is frozen, inside at first and afterwards."""
    enabled, thresholds, debug = gc.isenabled(), gc.get_threshold(), gc.get_debug()
    gc.unfreeze()
    try:
        yield
    finally:
        gc.unfreeze()
        gc.set_threshold(*thresholds)
        gc.set_debug(debug)
        _switch(enabled)


@contextmanager
def frozen() -> Iterator[None]:
    """Everything alive is out of the collector's sight: collections are cheap, ``gc.get_objects`` has what is new."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@contextmanager
def paused() -> Iterator[None]:
    """No automatic collection: a search through the heap makes many objects and would set off one after the other."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        _switch(enabled)


def _switch(enabled: bool) -> None:
    if enabled:
        gc.enable()
    else:
        gc.disable()
