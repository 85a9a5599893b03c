"""The native stack of memory that C code keeps, where memray is installed: one more repetition under its tracker."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

_SLACK = 64
_SHARE = 10
_ROUNDED = 16  #: bytes that glibc adds to a chunk, at most
_MOST_FRAMES = 20
_SHOWN = 8
#: Functions of the interpreter that call C functions: what calls these is Python's.
_CALLS = ("cfunction_", "method_vectorcall", "_PyObject_", "PyObject_", "_PyEval", "PyEval", "type_call", "slot_tp_")


def native_stack(repeat: Callable[[], None], per_run: int) -> str | None:
    """The native frames of what one repetition keeps, the innermost first; None: no memray, or it cannot tell.

    ``per_run``: its size in bytes. What memray raises (another tracker is active, say) is taken for no answer.
    """
    memray = _memray()
    if memray is None or sys.getprofile() is not None:
        return None
    folder = tempfile.mkdtemp(prefix="memguard-")
    file = os.path.join(folder, "native.bin")
    try:
        with _tracker(memray, file) as tracking:
            repeat()
        return _said(_records(memray, file), per_run) if tracking else None
    finally:
        with contextlib.suppress(OSError):
            os.unlink(file)
        with contextlib.suppress(OSError):
            os.rmdir(folder)


def _memray() -> Any:
    try:
        return importlib.import_module("memray")
    except Exception:  # noqa: BLE001 - a broken installation is none
        return None


@contextlib.contextmanager
def _tracker(memray: Any, file: str) -> Iterator[bool]:
    """Whether it tracks; what is raised inside is passed on."""
    with contextlib.ExitStack() as opened:
        try:
            opened.enter_context(memray.Tracker(file, native_traces=True))
        except Exception:  # noqa: BLE001 - there may be one tracker only
            yield False
        else:
            yield True


def _records(memray: Any, file: str) -> list[Any]:
    try:
        with memray.FileReader(file) as reader:
            return list(reader.get_leaked_allocation_records(merge_threads=True))
    except Exception:  # noqa: BLE001 - a file of another version, a full disk
        return []


def _said(records: list[Any], per_run: int) -> str | None:
    """The one record that has about that size, in words."""
    close = max(_SLACK, per_run // _SHARE)
    fitting = [r for r in records if -close <= per_run - r.size <= close + _ROUNDED * r.n_allocations]
    if len(fitting) != 1:
        return None
    try:
        frames = fitting[0].hybrid_stack_trace(max_stacks=_MOST_FRAMES)
    except Exception:  # noqa: BLE001 - no symbols
        return None
    found = []
    for function, file, line in frames:
        if file.endswith(".py") or function.startswith(_CALLS):
            break
        place = f" ({os.path.basename(file)}:{line})" if line else ""
        found.append(f"{function}{place}")
    return " < ".join(found[:_SHOWN]) or None
