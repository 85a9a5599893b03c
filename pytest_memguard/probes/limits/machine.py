"""The machine's memory: what there is, swap included, and what cannot be had any more."""

from __future__ import annotations

import os
import re
from collections.abc import Callable

import psutil

from pytest_memguard.probes.descriptor import DescriptorSet

__all__ = ["open_machine"]

_LENGTH = 4096
_FIELD = re.compile(rb"^(MemTotal|MemAvailable|SwapTotal|SwapFree):\s+(\d+) kB", re.MULTILINE)
_WANTED = 4

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
        found = {name: int(kib) * 1024 for name, kib in _FIELD.findall(pread(kept.number, _LENGTH, 0))}
        if len(found) < _WANTED:
            raise ValueError("/proc/meminfo lacks a field")
        total = found[b"MemTotal"] + found[b"SwapTotal"]
        return total, total - found[b"MemAvailable"] - found[b"SwapFree"]

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
