"""Local variables of frames: of running threads, which the collector cannot see, and of suspended generators."""

from __future__ import annotations

import sys
import threading
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from pytest_memguard.diagnosis import anatomy
from pytest_memguard.diagnosis.owners import Owners

_T = TypeVar("_T")


def local_name(frame: types.FrameType, value: object) -> str | None:
    """The name of the local variable (or free variable) that has that value."""

    def find(names: Mapping[str, Any]) -> str | None:
        return next((name for name, held in names.items() if held is value), None)

    return _with_locals(frame, find)


def thread_local(by_address: Mapping[int, _T], owners: Owners) -> tuple[str, str, str, str, _T] | None:
    """Thread name, function, its module, variable, entry: of the first local of another thread in ``by_address``."""
    for thread, frame in _frames_of_other_threads(owners):

        def find(names: Mapping[str, Any]) -> tuple[str, _T] | None:
            return next(((name, by_address[id(v)]) for name, v in names.items() if id(v) in by_address), None)

        found = _with_locals(frame, find)
        if found is not None:
            module = anatomy.exact_str(frame.f_globals.get("__name__")) or ""
            return thread, frame.f_code.co_name, module, found[0], found[1]
    return None


def _frames_of_other_threads(owners: Owners) -> Iterator[tuple[str, types.FrameType]]:
    attributes = [anatomy.instance_dict(thread) or {} for thread in threading.enumerate()]
    names = {each.get("_ident"): anatomy.exact_str(each.get("_name")) or "?" for each in attributes}
    for ident, top in sys._current_frames().items():  # noqa: SLF001 - documented for debuggers
        frame: types.FrameType | None = None if ident == threading.get_ident() else top
        while frame is not None:
            if not owners.runs_tests(frame.f_code.co_filename):
                yield names.get(ident, str(ident)), frame
            frame = frame.f_back


def _with_locals(frame: types.FrameType, use: Callable[[Mapping[str, Any]], _T]) -> _T:
    """Before 3.13 ``f_locals`` of a function is a copy that stays with the frame and keeps what it shows alive."""
    names = frame.f_locals
    try:
        return use(dict(names))
    finally:
        if sys.version_info < (3, 13) and frame.f_code.co_flags & 0x1 and type(names) is dict:  # CO_OPTIMIZED
            names.clear()
