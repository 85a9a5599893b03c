"""The library that draws plots in a browser: plotly.js as the Python package has it, packed into the page.

The file has almost 5 MB, packed 2 MB as text; a page unpacks it when it first shows a plot. Python's plotly is not
imported: that takes longer than to draw, and nothing of it is needed.
"""

from __future__ import annotations

import base64
import os
import zlib
from importlib.util import find_spec

__all__ = ["packed", "plot_library"]

_FILE = ("package_data", "plotly.min.js")
_GZIP = 16 + zlib.MAX_WBITS


def plot_library() -> str:
    """The text of plotly.js. Raises ``OSError`` where the package does not have it."""
    spec = find_spec("plotly")
    for folder in (spec.submodule_search_locations if spec is not None else None) or ():
        path = os.path.join(folder, *_FILE)
        if os.path.isfile(path):
            with open(path, encoding="utf-8", newline="") as stream:
                return stream.read()
    raise FileNotFoundError(f"the package plotly has no {'/'.join(_FILE)}")


def packed(text: str) -> str:
    """*text* as base64 of gzip, the same each time: what ``DecompressionStream("gzip")`` of a browser reads."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, _GZIP)
    data = squeeze.compress(text.encode("utf-8")) + squeeze.flush()
    return base64.b64encode(data).decode("ascii")
