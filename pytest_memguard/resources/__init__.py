"""What a process holds besides memory, by identity: descriptors, threads, tasks, children, timers, temporary files.

:mod:`~pytest_memguard.resources.signals` says cheaply that there may be more than before. The rest is loaded when it
does: an inventory lists everything by kind and identity, rounds of repetitions tell what leaks.
"""

from __future__ import annotations
