"""The words that reports use, each with what it means; a word that is missing here fails the test of the pages."""

from __future__ import annotations

from typing import get_args

from pytest_memguard.model import VERDICTS, Kind
from tests.reference.table import table

_VERDICTS = {
    "clean": ("Nothing stays: it was repeated, and a repetition left nothing behind.", "nothing"),
    "leak": ("Each of the last repetitions left something behind, and nothing says that it will stop.", "mend it"),
    "suppressed": (
        "It leaks, and a suppression, a hook, the marker's `leak=` or the baseline accepts that.",
        "nothing, until the reason is void",
    ),
    "saturating": (
        "It grew, and then it stopped; or it fills something that has a bound and is below it.",
        "nothing; the reason names the cache where that is known",
    ),
    "deferred": (
        "What it leaves is freed a little later, by a thread or by a collection of the whole heap.",
        "join the thread, if memory is short",
    ),
    "one-off": (
        "Its own run kept memory, and a repetition did not: an import, a first use, a cache that is warm now.",
        "nothing",
    ),
    "inconclusive": ("It was tried, and nothing can be said; the reason tells why.", "see the reason"),
    "unchecked": ("It was not tried: it did not pass, is marked so, or time or memory ran out.", "see the reason"),
    "suspect": (
        "Its first rounds grew, and it is not decided yet. Only hooks see it: no test has it when a run has ended.",
        "nothing",
    ),
}
_KINDS = {
    "python": "objects of Python's",
    "native": "memory that C code has taken and not given back",
    "fd": "open files and other descriptors",
    "socket": "sockets, told by their peer",
    "thread": "threads that go on, told by name and target",
    "task": "asyncio tasks that are pending, told by their coroutine",
    "process": "child processes, told by their command line",
    "timer": "`threading.Timer`, and calls that an event loop is to make",
    "tempfile": "files and folders in the folder for temporary files",
    "garbage": "objects in `gc.garbage`",
}


def names() -> str:
    """The verdicts."""
    return table(("verdict", "what it says", "what to do"), [(f"`{name}`", *_VERDICTS[name]) for name in VERDICTS])


def kinds() -> str:
    """What can leak."""
    return table(("kind", "what stays"), [(f"`{name}`", _KINDS[name]) for name in get_args(Kind)])
