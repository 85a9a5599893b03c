"""References of the form ``module:attribute``: looked up in what is loaded, and never imported."""

from __future__ import annotations

import sys
import types
from collections.abc import Sequence
from sys import modules
from typing import Any

from pytest_memguard import peek
from pytest_memguard.components.deadline import within
from pytest_memguard.errors import nearest

__all__ = ["NotLoadedError", "Reference", "UnresolvedError"]

_LOOK_S = 1.0


class UnresolvedError(Exception):
    """A reference that leads nowhere, with the reason."""


class NotLoadedError(UnresolvedError):
    """The module of a reference is not loaded, so there is nothing yet to look at."""


class Reference:
    """``module:attribute`` or ``module:object.attribute``; ``text`` has been checked by the settings."""

    __slots__ = ("_module", "_parts", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._module, _, path = text.partition(":")
        self._parts = path.split(".")

    @property
    def name(self) -> str:
        """The last part: what limits and reports call it."""
        return self._parts[-1]

    @property
    def dotted(self) -> str:
        """``module.attribute``, as retainer paths begin."""
        return self.text.replace(":", ".")

    def missing_module(self) -> str | None:
        """The module, or the package above it, that is not loaded and cannot be; None where there are all of them."""
        path: Sequence[str] | None = None
        name = ""
        for part in self._module.split("."):
            name = f"{name}.{part}" if name else part
            loaded = modules.get(name)
            if loaded is not None:
                path = peek.namespace(loaded).get("__path__", ())
                continue
            try:
                spec = _spec(name, path)
            except Exception:  # noqa: BLE001 - finders are somebody else's code: nothing is known then
                return None
            if spec is None:
                return name
            path = spec.submodule_search_locations or ()
        return None

    def container(self) -> Any:
        """What the reference leads to. Raises ``UnresolvedError``; what a property raises comes through."""
        found = self._loaded()
        for part in self._parts:
            found = self._step(found, part)
        return found

    def function(self) -> Any:
        """What the reference leads to, bound to what it belongs to, as it is when it is to be called."""
        found = self._loaded()
        *owners, last = self._parts
        for part in owners:
            found = self._step(found, part)
        if self._raw(found, last) is peek.MISSING:
            raise self._missing(found, last)
        return within(_LOOK_S, getattr, found, last)

    def _loaded(self) -> Any:
        found = modules.get(self._module)
        if found is None:
            raise NotLoadedError(f"the module {self._module} is not loaded")
        return found

    def _step(self, owner: Any, name: str) -> Any:
        if type(owner) is types.ModuleType:
            known = peek.namespace(owner).get(name, peek.MISSING)
            if known is not peek.MISSING:
                return known
        found = self._raw(owner, name)
        if found is peek.MISSING:
            raise self._missing(owner, name)
        if _is_plain(owner) or not _is_descriptor(found):
            return found
        return within(_LOOK_S, getattr, owner, name)

    @staticmethod
    def _raw(owner: Any, name: str) -> Any:
        found = peek.attribute(owner, name)
        # A property is MISSING to those who may not run code; here the user has named it.
        return peek.class_attribute(type(owner), name) if found is peek.MISSING else found

    def _missing(self, owner: Any, name: str) -> UnresolvedError:
        close = nearest(name, [known for known in list(peek.namespace(owner)) if type(known) is str])
        hint = "" if close is None else f", did you mean {close!r}?"
        return UnresolvedError(f"{self.text} leads nowhere: there is no {name!r}{hint}")


def _spec(name: str, path: Sequence[str] | None) -> Any:
    """What would be imported by that name; ``importlib.util.find_spec`` imports the packages above it."""
    found = (finder.find_spec(name, path, None) for finder in sys.meta_path)
    return next((spec for spec in found if spec is not None), None)


def _is_plain(owner: Any) -> bool:
    """Whether an attribute is what is stored: in modules and classes, where nothing gets bound for a container."""
    return peek.is_a(owner, types.ModuleType) or peek.is_a(owner, type)


def _is_descriptor(found: Any) -> bool:
    return peek.class_attribute(type(found), "__get__") is not peek.MISSING
