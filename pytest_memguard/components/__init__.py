"""Components: the parts of an application whose containers are counted, bounded, cleaned, shut down and restarted.

Most suites have none: the registry loads what a component is made of when the first one is registered.
"""

from __future__ import annotations

from pytest_memguard.components.ownership import Ownership
from pytest_memguard.components.registry import ComponentRegistry

__all__ = ["ComponentRegistry", "Ownership"]
