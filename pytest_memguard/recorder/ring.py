"""A file in memory: what is written to it is there for others at once, and stays when the process is killed.

The mapping is made by the C library, because ``mmap.mmap`` keeps a descriptor that tests can close or count. It needs
none: what is mapped stays when the descriptor is closed, and when the file is removed or replaced.
"""

from __future__ import annotations

import mmap
import os
import sys
from collections.abc import Callable

from pytest_memguard.recorder.layout import HEADER, MAGIC, SIZE

if sys.platform != "win32":
    import fcntl

__all__ = ["Ring", "RingError"]

_MAP_FAILED = 2**64 - 1


class RingError(Exception):
    """There can be no such file here; the message says why."""


class Ring:
    """One mapped file of ``SIZE`` bytes, made anew at *path*. Raises ``RingError`` and ``OSError``.

    ``view`` is its content. ``close`` takes the mapping away, and the file unless it is kept.
    """

    def __init__(self, path: str, header: bytes) -> None:
        self.path = path
        self._unlink: Callable[[str], None] = os.unlink
        # Not for writing: a file that somebody empties while it is mapped would end the process (SIGBUS).
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
        unfinished = f"{path}.new"
        descriptor = os.open(unfinished, flags, 0o400)
        try:
            # All of it is written, for room on the disk: a mapped page that gets none would end the process, too.
            _write_all(descriptor, (MAGIC + header).ljust(SIZE, b"\0"))
            _lock(descriptor)
            self._address, self._unmap = _mapped(descriptor)
            os.rename(unfinished, path)  # so that there is never half a header under a name that is looked for
        except BaseException:
            os.unlink(unfinished)
            raise
        finally:
            os.close(descriptor)
        self.view = _view(self._address)
        self.view[HEADER:] = bytes(self.view[HEADER:])  # every page is resident before the first test

    def close(self, *, keep: bool) -> None:
        """Give the memory back. Not to be called again, nor where another process has it."""
        self.view.release()
        self._unmap(self._address, SIZE)
        if not keep:
            try:
                self._unlink(self.path)
            except OSError:
                return  # somebody else has removed it


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _lock(descriptor: int) -> None:
    """The lock is the mapping's, and goes with it: who cannot see our process sees by it that we live."""
    if sys.platform != "win32":
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return  # file systems without locks


def _mapped(descriptor: int) -> tuple[int, Callable[[int, int], int]]:
    try:
        import ctypes  # noqa: PLC0415 - a megabyte that only this and the sampler's timer need

        library = ctypes.CDLL(None)
        make, unmap = library.mmap, library.munmap
    except (ImportError, OSError, AttributeError, TypeError) as error:
        raise RingError(f"the C library maps no files: {error}") from error
    make.restype = ctypes.c_void_p
    make.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long)
    unmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
    address = make(None, SIZE, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_SHARED, descriptor, 0)
    if address is None or address == _MAP_FAILED:
        raise RingError("the file cannot be mapped")
    return address, unmap


def _view(address: int) -> memoryview:
    import ctypes  # noqa: PLC0415 - it is loaded by now

    return memoryview((ctypes.c_char * SIZE).from_address(address)).cast("B")
