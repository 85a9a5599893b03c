"""Hold foreign objects so that a search for their referrers does not find us."""

from __future__ import annotations

from typing import Any


class Held:
    """The only thing of ours that refers to an object under examination for longer than a call.

    ``gc.get_referrers`` returns whatever refers to an object, our own lists included; what is of this class, or refers
    to this class only, is known to be ours.
    """

    __slots__ = ("obj",)

    def __init__(self, obj: Any) -> None:
        self.obj = obj
