"""Components: the parts of an application whose containers are counted, bounded, cleaned, shut down and restarted."""

from __future__ import annotations

from pytest_memguard.components.deadline import TookTooLongError, within

__all__ = ["TookTooLongError", "within"]
