"""Allocated blocks that do not depend on who has looked at the call stack.

Since CPython 3.11 a running function has a frame object only once somebody has asked for it: a traceback,
``warnings.warn``, ``inspect.stack``. The functions around a repetition keep theirs when it is over, and it would look
like something that the test retains.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from sys import _getframe
from types import FrameType

_HAS_LAZY_FRAMES = sys.version_info >= (3, 11)


def without_frames(read_blocks: Callable[[], int]) -> Callable[[], int]:
    """Blocks less the frame objects of the calling functions, all of which are made first."""
    if not _HAS_LAZY_FRAMES:
        return read_blocks

    def read() -> int:
        frame: FrameType | None = _getframe()
        frames = 0
        while frame is not None:
            frames += 1
            frame = frame.f_back
        return read_blocks() - frames

    return read
