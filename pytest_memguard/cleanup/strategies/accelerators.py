"""Memory of accelerators that PyTorch keeps for its next tensors."""

from __future__ import annotations

from typing import Any

from pytest_memguard.cleanup.registry import Outcome, Strategy
from pytest_memguard.cleanup.strategies.living import loaded
from pytest_memguard.units import format_bytes

__all__ = ["strategies"]

_TORCH = "torch"
_BACKENDS = ("cuda", "xpu", "mps")


def strategies() -> tuple[Strategy, ...]:
    """``accelerator_caches``: tensors stay where they are."""
    return (
        Strategy(
            name="accelerator_caches",
            run=empty_accelerator_caches,
            level="aggressive",
            category="accelerators",
            needs=_TORCH,
            during_tests=True,
        ),
    )


def empty_accelerator_caches() -> Outcome:
    """Empty the caches of the backends that are in use; what they gave back is the note.

    It is memory of the device, which no reading of this process shows.
    """
    freed = 0
    for backend in (loaded(_TORCH, name) for name in _BACKENDS):
        if backend is None or not _is_in_use(backend):
            continue
        before = _reserved(backend)
        backend.empty_cache()
        freed += before - _reserved(backend)
    return Outcome(note=f"{format_bytes(freed)} of accelerator memory" if freed > 0 else None)


def _is_in_use(backend: Any) -> bool:
    """Asking one that nobody has used for anything else would start it."""
    asked = getattr(backend, "is_initialized", None)
    if asked is not None:
        return bool(asked())
    allocated = getattr(backend, "driver_allocated_memory", None)
    return allocated is not None and allocated() > 0


def _reserved(backend: Any) -> int:
    read = getattr(backend, "memory_reserved", None) or getattr(backend, "driver_allocated_memory", None)
    return int(read()) if read is not None else 0
