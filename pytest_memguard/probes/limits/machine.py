"""The machine's memory: what there is, swap included, and what cannot be had any more."""

from __future__ import annotations

import os
from collections.abc import Callable

import psutil

from pytest_memguard.probes.descriptor import DescriptorSet
from pytest_memguard.probes.fields import number

__all__ = ["open_machine"]

_LENGTH = 4096

TotalAndUsed = tuple[int, int]


def open_machine(descriptors: DescriptorSet, root: str = "/") -> Callable[[], TotalAndUsed] | None:
    """A reading of total and used bytes, or ``None`` where the machine tells nothing. The reading may raise.

    Used is what ``MemAvailable`` (an estimate of the kernel that leaves out what it can take back) does not have.
    Swap counts on both sides: with swap free nobody is killed yet.
    """
    try:
        kept = descriptors.keep(os.path.join(root, "proc/meminfo"))
    except OSError:
        return _psutil_machine()
    pread = os.pread

    def read() -> TotalAndUsed:
        text = pread(kept.number, _LENGTH, 0)
        memory, available = number(text, b"MemTotal:"), number(text, b"MemAvailable:")
        swap, unused = number(text, b"SwapTotal:"), number(text, b"SwapFree:")
        if memory is None or available is None or swap is None or unused is None:
            raise ValueError("/proc/meminfo lacks a field")
        return (memory + swap) * 1024, (memory + swap - available - unused) * 1024

    try:
        read()
    except (OSError, ValueError):
        descriptors.drop(kept)
        return _psutil_machine()
    return read


def _psutil_machine() -> Callable[[], TotalAndUsed] | None:
    memory = psutil.virtual_memory

    def read() -> TotalAndUsed:
        found = memory()
        return int(found.total), int(found.total - found.available)

    try:
        total, _ = read()
    except (psutil.Error, OSError, RuntimeError, ValueError):
        return None
    return read if total > 0 else None
