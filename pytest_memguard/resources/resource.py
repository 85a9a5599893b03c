"""One thing besides memory that a process holds, told from others of its kind, and what lists them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import field
from typing import Any, NamedTuple, Protocol

from pytest_memguard.model import Kind
from pytest_memguard.values import dataclass

#: The most telling first: a process comes with pipes, an event loop with a descriptor and two sockets.
KINDS: tuple[Kind, ...] = ("process", "thread", "timer", "task", "socket", "fd", "tempfile", "garbage")


class Key(NamedTuple):
    """A resource by its kind and what tells it from the others in this process; it says nothing to a reader."""

    kind: Kind
    identity: Hashable


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Resource:
    """What a key stands for. Holds objects strongly: use it and drop it.

    ``name`` is what a reader is told, ``stable`` the same without what differs between two runs. ``obj``: the Python
    object that stands for it, if there is one. ``head``: what to search the holder of, which may be another one, or
    None where nothing holds it. ``owner``: what it is a part of, such as an executor, and ``bound`` how many of its
    kind that owner has at most. ``is_helper``: it only ever serves another resource.
    """

    kind: Kind
    name: str
    stable: str
    obj: Any = field(default=None, repr=False)
    head: Any = field(default=None, repr=False)
    owner: Any = field(default=None, repr=False)
    bound: int | None = None
    is_helper: bool = False


class Source(Protocol):
    """Lists the resources of one kind, or of a few that come together. Never raises what user code raises."""

    def keys(self) -> Iterable[Key]:
        """Those that there are now."""

    def describe(self, key: Key, born: Iterable[Any]) -> Resource | None:
        """What a key of this source stands for, None if it is gone; its Python object is among ``born``, if any."""
