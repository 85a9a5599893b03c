"""Limits and what is used of them, as values."""

from __future__ import annotations

from typing import Literal, NamedTuple

__all__ = ["NO_LIMIT", "ProcessMemory", "Scope", "Usage"]

Scope = Literal["process", "group", "machine"]

# No machine has more: whatever a kernel shows above it means "unlimited". Version 1 groups show 2**63 less a page.
NO_LIMIT = 1 << 60


class ProcessMemory(NamedTuple):
    """Bytes of this process: resident, mapped, and mapped privately for writing."""

    rss: int
    vms: int
    data: int


class Usage(NamedTuple):
    """What is used of one limit, in bytes, both in the same *scope*.

    ``ours``: whether this process holds enough of it for a reaction of its own to matter. A small process on a full
    machine, or one of many workers in a full group, cannot help.
    """

    source: str
    limit: int
    used: int
    scope: Scope
    ours: bool = True

    @property
    def share(self) -> float:
        """Usage as a fraction of the limit."""
        return self.used / self.limit

    @property
    def headroom(self) -> int:
        """Bytes that are left; 0 where there is none."""
        return max(0, self.limit - self.used)
