"""Values of foreign objects, read without running a line of their code; more of it is in ``peek``."""

from __future__ import annotations

import types
from typing import Any

from pytest_memguard import peek

_SLOTS = (types.MemberDescriptorType, types.GetSetDescriptorType)


def member(obj: Any, name: str) -> Any:
    """The value of a slot, of an attribute that C code lays out or of an instance; None where there is none."""
    found = peek.class_attribute(type(obj), name)
    if type(found) in _SLOTS:
        try:
            return found.__get__(obj)
        except (AttributeError, TypeError):
            return None
    return peek.namespace(obj).get(name)


def text(value: Any, otherwise: str = "?") -> str:
    """A string as a plain ``str`` even where it is of a subclass; ``otherwise`` for anything else."""
    return str.__str__(value) if issubclass(type(value), str) else otherwise
