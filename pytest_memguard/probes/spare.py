"""How much memory this process may still take before somebody is killed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import psutil

# Limit and use of a control group, version 2 and version 1, below its folder; see cgroups(7).
_CGROUP_FILES = (
    ("memory.max", "memory.current"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes"),
)
_CGROUPS = Path("/sys/fs/cgroup")


def spare_memory(cgroups: Path = _CGROUPS, membership: Path = Path("/proc/self/cgroup")) -> int | None:
    """Bytes: what the machine has available, or the control group where that is less; ``None`` where nobody says."""
    found = [_available(), *(_left(folder) for folder in _folders(cgroups, membership))]
    return min((left for left in found if left is not None), default=None)


def _available() -> int | None:
    try:
        return int(psutil.virtual_memory().available)
    except (OSError, RuntimeError, AttributeError, ValueError, psutil.Error):
        return None


def _folders(cgroups: Path, membership: Path) -> Iterable[Path]:
    """Where the limits of this process's groups may stand: within a container its own group is the root."""
    yield cgroups
    yield cgroups / "memory"
    try:
        lines = membership.read_text("utf-8", "replace").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if controllers in ("", "memory"):
            yield cgroups / controllers / path.lstrip("/")


def _left(folder: Path) -> int | None:
    for limit, use in _CGROUP_FILES:
        try:
            return max(0, int((folder / limit).read_text()) - int((folder / use).read_text()))
        except (OSError, ValueError):  # "max": no limit
            continue
    return None
