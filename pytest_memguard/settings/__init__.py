"""Settings: one table, read from options, ini entries, YAML and markers, each value with its origin.

PyYAML is imported by ``yamlfile`` alone, and that one only when there is a file to read.
"""

from __future__ import annotations

from pytest_memguard.settings.keywords import Leak, MarkerSettings
from pytest_memguard.settings.resolve import Given, Layer, Resolved, resolve
from pytest_memguard.settings.structures import (
    CLEANUP_LEVELS,
    CleanupLevel,
    ComponentSpec,
    StrategySpec,
    Suppression,
    reference,
)
from pytest_memguard.settings.table import CONFIRM_MODES, FAIL_ON, ConfirmMode, FailOn, Settings

__all__ = [
    "CLEANUP_LEVELS",
    "CONFIRM_MODES",
    "FAIL_ON",
    "CleanupLevel",
    "ComponentSpec",
    "ConfirmMode",
    "FailOn",
    "Given",
    "Layer",
    "Leak",
    "MarkerSettings",
    "Resolved",
    "Settings",
    "StrategySpec",
    "Suppression",
    "reference",
    "resolve",
]
