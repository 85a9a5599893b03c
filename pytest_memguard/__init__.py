"""A pytest plugin that finds the tests that leak memory, and says what they leak and who keeps it alive.

Importing this package imports nothing else: a run without ``--memguard`` must not pay for it.
"""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
