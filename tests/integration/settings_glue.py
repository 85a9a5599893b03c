"""How the tests of settings get memguard into a pytest run: as it is installed, or from the checkout."""

from __future__ import annotations

import importlib.metadata

# It warns of an ini entry that the runs here do not have.
WITHOUT_ASYNCIO = ("-p", "no:asyncio")


def plugin_arguments() -> tuple[str, ...]:
    """The arguments that load the plugin; where it is installed it loads itself."""
    if any(entry.name == "memguard" for entry in importlib.metadata.entry_points(group="pytest11")):
        return WITHOUT_ASYNCIO
    return (*WITHOUT_ASYNCIO, "-p", "pytest_memguard.plugin")
