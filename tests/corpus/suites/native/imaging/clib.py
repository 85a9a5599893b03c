"""libc by hand. Sizes are what malloc is asked for; the addresses are dropped unless they are freed."""

from __future__ import annotations

import ctypes
import mmap

libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
libc.calloc.restype = ctypes.c_void_p
libc.calloc.argtypes = [ctypes.c_size_t, ctypes.c_size_t]
libc.realloc.restype = ctypes.c_void_p
libc.realloc.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
libc.free.restype = None
libc.free.argtypes = [ctypes.c_void_p]
libc.strdup.restype = ctypes.c_void_p
libc.strdup.argtypes = [ctypes.c_char_p]
libc.asprintf.argtypes = [ctypes.POINTER(ctypes.c_void_p), ctypes.c_char_p, ctypes.c_char_p]
libc.posix_memalign.argtypes = [ctypes.POINTER(ctypes.c_void_p), ctypes.c_size_t, ctypes.c_size_t]
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [
    ctypes.c_void_p,
    ctypes.c_size_t,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_long,
]
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
libc.memset.restype = ctypes.c_void_p
libc.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
libc.regcomp.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]
libc.regexec.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_int]
libc.regfree.restype = None
libc.regfree.argtypes = [ctypes.c_void_p]
libc.open_memstream.restype = ctypes.c_void_p
libc.open_memstream.argtypes = [ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(ctypes.c_size_t)]
libc.fputs.argtypes = [ctypes.c_char_p, ctypes.c_void_p]
libc.fflush.argtypes = [ctypes.c_void_p]
libc.fclose.argtypes = [ctypes.c_void_p]

_PROTECTION = mmap.PROT_READ | mmap.PROT_WRITE
_FLAGS = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
_MAP_FAILED = ctypes.c_void_p(-1).value


def plane(size: int) -> bool:
    """A plane of pixels that nobody frees."""
    address = libc.malloc(size)  # leak: malloc
    libc.memset(address, 0, size)
    return bool(address)


def freed_plane(size: int) -> bool:
    address = libc.malloc(size)
    libc.memset(address, 255, size)
    libc.free(address)
    return bool(address)


def zeroed(count: int, width: int) -> bool:
    return bool(libc.calloc(count, width))  # leak: calloc


def aligned(size: int) -> int:
    address = ctypes.c_void_p()
    return int(libc.posix_memalign(ctypes.byref(address), 64, size))  # leak: memalign


def caption(text: bytes) -> bool:
    return bool(libc.strdup(text))  # leak: strdup


def freed_caption(text: bytes) -> bytes:
    address = libc.strdup(text)
    copy = ctypes.string_at(address)
    libc.free(address)
    return copy


def formatted(text: bytes) -> int:
    address = ctypes.c_void_p()
    return int(libc.asprintf(ctypes.byref(address), b"<%s>", text))  # leak: asprintf


def grown(sizes: list[int], *, keep: bool) -> int:
    address = libc.malloc(sizes[0])
    for size in sizes[1:]:
        address = libc.realloc(address, size)
    if not keep:
        libc.free(address)
    return sizes[-1]  # leak: realloc


def mapped(size: int, *, keep: bool) -> bool:
    """Anonymous pages, all touched, straight from the kernel: malloc knows nothing of them."""
    address = libc.mmap(None, size, _PROTECTION, _FLAGS, -1, 0)  # leak: mmap
    if address == _MAP_FAILED:
        return False
    libc.memset(address, 1, size)
    if not keep:
        libc.munmap(address, size)
    return True


def matches(pattern: bytes, text: bytes, *, release: bool) -> bool:
    compiled = ctypes.create_string_buffer(256)
    if libc.regcomp(compiled, pattern, 1):
        raise ValueError(pattern)
    found = libc.regexec(compiled, text, 0, None, 0) == 0
    if release:
        libc.regfree(compiled)
    return found  # leak: regcomp


def stream(text: bytes, *, close: bool) -> int:
    buffer = ctypes.c_void_p()
    size = ctypes.c_size_t()
    handle = libc.open_memstream(ctypes.byref(buffer), ctypes.byref(size))
    libc.fputs(text, handle)
    libc.fflush(handle)
    written = size.value
    if close:
        libc.fclose(handle)
        libc.free(buffer)
    return written  # leak: memstream
