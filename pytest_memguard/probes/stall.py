"""How much of the time all work stood still for want of memory, where Linux tells (pressure stall information)."""

from __future__ import annotations

import os
import re
from collections.abc import Callable

from pytest_memguard.probes.descriptor import DescriptorSet
from pytest_memguard.probes.limits.groups import groups_of_process

__all__ = ["Stall", "open_stall"]

_FULL = rb"(?m)^full avg10=(\d+(?:\.\d+)?) "
_LENGTH = 512
# The kernel brings its averages up to date every two seconds; see Documentation/accounting/psi.rst of Linux.
_EVERY_S = 2.0


class Stall:
    """The mean of the last ten seconds, as a share of the time. Released by ``close``."""

    def __init__(self, path: str) -> None:
        self._descriptors = DescriptorSet()
        self._kept = self._descriptors.keep(path)
        self._pread: Callable[[int, int, int], bytes] = os.pread
        self._due = -_EVERY_S
        self._share: float | None = None
        self.source = path
        self.read(0.0)

    def read(self, now: float) -> float | None:
        """From 0 to 1; ``None`` while it cannot be read. *now* by any clock in seconds. Never raises."""
        if now >= self._due:
            self._due = now + _EVERY_S
            self._share = self._asked()
        return self._share

    def close(self) -> None:
        """Give the descriptor back."""
        self._descriptors.close()

    def _asked(self) -> float | None:
        try:
            found = re.search(_FULL, self._pread(self._kept.number, _LENGTH, 0))
        except Exception:  # noqa: BLE001 - below lies what tests close, replace and exhaust
            self._descriptors.restore()
            return None
        return None if found is None else float(found[1]) / 100.0


def open_stall(root: str = "/") -> Stall | None:
    """Of this process's own version 2 group where it has one, of the machine otherwise; ``None`` where nobody tells."""
    own = [group.folder for group in groups_of_process(root) if group.version == 2]  # noqa: PLR2004 - cgroup v2
    for path in (*(os.path.join(folder, "memory.pressure") for folder in own[:1]), f"{root}/proc/pressure/memory"):
        try:
            return Stall(path)
        except OSError:
            continue
    return None
