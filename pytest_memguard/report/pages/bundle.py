"""The library that draws plots in a browser: plotly.js as the Python package has it, packed into the page.

The file has almost 5 MB, packed 2 MB as text; a page unpacks it when it first shows a plot. Python's plotly is not
imported: that takes longer than to draw, and nothing of it is needed.
"""

from __future__ import annotations

import base64
import hashlib
import os
import zlib
from functools import cache
from importlib.util import find_spec

from pytest_memguard.values import dataclass

__all__ = ["Library", "plot_library"]

_FILE = ("package_data", "plotly.min.js")
_GZIP = 16 + zlib.MAX_WBITS
_LEVEL = 6  # 9 takes three times as long for 1 % less


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """A script as a page carries it: ``packed`` is base64 of gzip, ``digest`` the SHA-256 of the text in it."""

    packed: str
    digest: bytes


@cache
def plot_library() -> Library:
    """plotly.js, the same each time. Raises ``OSError`` where the package does not have it."""
    text = _text().encode("utf-8")
    # What ``DecompressionStream("gzip")`` of a browser reads.
    squeeze = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
    data = squeeze.compress(text) + squeeze.flush()
    return Library(packed=base64.b64encode(data).decode("ascii"), digest=hashlib.sha256(text).digest())


def _text() -> str:
    spec = find_spec("plotly")
    for folder in (spec.submodule_search_locations if spec is not None else None) or ():
        path = os.path.join(folder, *_FILE)
        if os.path.isfile(path):
            with open(path, encoding="utf-8", newline="") as stream:
                return stream.read()
    raise FileNotFoundError(f"the package plotly has no {'/'.join(_FILE)}")
