"""Components: the parts of an application whose containers are counted, bounded, cleaned, shut down and restarted."""

from __future__ import annotations

from pytest_memguard.components.component import Component
from pytest_memguard.components.deadline import TookTooLongError, within
from pytest_memguard.components.ownership import Ownership
from pytest_memguard.components.registry import ComponentRegistry
from pytest_memguard.components.scope import Scope

__all__ = ["Component", "ComponentRegistry", "Ownership", "Scope", "TookTooLongError", "within"]
