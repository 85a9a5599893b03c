"""What a socket is: family, type, where it is bound, whom it is connected to."""

from __future__ import annotations

import _socket
import os
import socket
from collections.abc import Iterable
from typing import Any

from pytest_memguard.resources.resource import Resource

_Base: Any = _socket.socket  # the one of C: what derives from it may redefine what it likes
_fileno, _local, _peer = _Base.fileno, _Base.getsockname, _Base.getpeername
_family, _type = _Base.__dict__["family"].__get__, _Base.__dict__["type"].__get__
_duplicate, _close = os.dup, os.close
#: Above it the kernel picks a number for whoever does not ask for one.
_FIRST_EPHEMERAL_PORT = 32768


def socket_of(number: int, born: Iterable[Any]) -> Any:
    """The socket object among ``born`` that has this descriptor, or None."""
    return next((obj for obj in born if issubclass(type(obj), _Base) and _fileno(obj) == number), None)


def describe_socket(number: int, obj: Any) -> Resource | None:
    """Asks the kernel through a duplicate of the descriptor; None where it is gone."""
    try:
        copy = _duplicate(number)
    except OSError:
        return None
    try:
        asked = _Base(fileno=copy)
    except OSError:
        _close(copy)
        return None
    try:
        family, kind = _name(socket.AddressFamily, _family(asked)), _name(socket.SocketKind, _type(asked))
        local, peer = _address(_local, asked), _address(_peer, asked)
    finally:
        _Base.close(asked)
    shown = [family, kind]
    stable = [family, kind]
    for word, address in (("to", peer), ("at", local)):
        if address is not None:
            shown.append(f"{word} {_text(address)}")
            stable.append(f"{word} {_text(address, stable=True)}")
            break
    return Resource(kind="socket", name=" ".join(shown), stable=" ".join(stable), obj=obj, head=obj)


def _name(enumeration: Any, value: int) -> str:
    try:
        return str(enumeration(value).name)
    except ValueError:
        return str(value)


def _address(read: Any, asked: Any) -> Any:
    """An address that says something, or None: not connected, not bound, or without a name."""
    try:
        found = read(asked)
    except OSError:
        return None
    if isinstance(found, tuple):
        return found if len(found) > 1 and found[1] else None
    return found or None


def _text(address: Any, *, stable: bool = False) -> str:
    if isinstance(address, tuple):
        host, port = address[0], address[1]
        fleeting = stable and isinstance(port, int) and port >= _FIRST_EPHEMERAL_PORT
        return f"{host}:{'#' if fleeting else port}"
    text = address.decode("utf-8", "backslashreplace") if isinstance(address, bytes) else str(address)
    return text.replace("\0", "@")
