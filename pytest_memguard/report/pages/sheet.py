"""A page out of a template of this package: what is printed into it is escaped, and its scripts are its own."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from pytest_memguard.report.pages.bundle import Library, plot_library
from pytest_memguard.report.pages.embedding import LONGEST, as_data, as_is, digest_source, source_hash
from pytest_memguard.report.text import counted, harmless, percent, shortened
from pytest_memguard.units import format_bytes, format_duration

__all__ = ["sheet"]

_TEMPLATES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "templates")
_LONGEST = 300
# Where the line of an id, path or name may end: the rest stays together.
_PIECE = re.compile(r".*?(?:/|::|[\[._-])(?=.)|.+", re.DOTALL)


def sheet(
    template: str, *, data: object, scripts: Sequence[str], styles: Sequence[str] = (), plots: bool, **values: object
) -> Iterator[str]:
    """The text of the page that *template* describes, in pieces.

    *scripts* and *styles* are files beside the template, used after those that every page has; scripts find *data*
    (builtins only) as ``memguard.data``. With *plots* the library for plots is on the page. *values* are those of the
    template, where each text is printed with everything spelt out that a screen would obey or hide.
    """
    environment = _environment()
    sources = [_file(name) for name in ("page.js", *scripts)]
    style = "\n".join(_file(name) for name in ("theme.css", *styles))
    library = plot_library() if plots else None
    yield from environment.get_template(template).generate(
        policy=_policy(sources, style, library),
        style=as_is(style),
        scripts=[as_is(text) for text in sources],
        data=as_data(data),
        library=None if library is None else as_is(library.packed),
        **values,
    )


def _policy(scripts: Sequence[str], style: str, library: Library | None) -> str:
    """Nothing is loaded from anywhere, and no script runs but these; plotly.js sets styles as it draws."""
    allowed = [*map(source_hash, scripts), *([digest_source(library.digest)] if library is not None else [])]
    sources = {
        "default-src": "'none'",
        "script-src": " ".join(allowed),
        "style-src": source_hash(style) if library is None else "'unsafe-inline'",
        "img-src": "data: blob:",  # the sign of the page, and a plot that is saved as a picture
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in sources.items())


class _Whole(str):
    """Text of any length that is of our own making, such as a line of a picture: a part of it would be wrong."""

    __slots__ = ()


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printed,
    )
    environment.filters.update(
        bytes=format_bytes,
        signed=lambda size: format_bytes(size, signed=True),
        duration=format_duration,
        percent=percent,
        counted=counted,
        short=lambda text, most=_LONGEST: shortened(text, most),
        pieces=_PIECE.findall,
        whole=_Whole,
    )
    return environment


def _printed(value: Any) -> Any:
    """What an expression of a template prints: text harmless and not too long; markup of templates was text before."""
    if isinstance(value, _Whole):
        return harmless(value)
    return value if isinstance(value, Markup) or not isinstance(value, str) else shortened(value, LONGEST)


def _file(name: str) -> str:
    with open(os.path.join(_TEMPLATES, name), encoding="utf-8") as stream:
        return stream.read()
