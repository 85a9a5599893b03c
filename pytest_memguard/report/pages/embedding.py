"""What a page holds that is no text to be read: data for scripts, scripts, styles. Nothing else is put there unescaped.

Inside ``<script>`` and ``<style>`` a browser knows no entities: text ends at the first ``</script``, and after ``<!--``
it may not end there either (https://html.spec.whatwg.org/multipage/scripting.html#restrictions-for-contents-of-script-elements).
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from typing import Any

from markupsafe import Markup

from pytest_memguard.report.text import shortened

__all__ = ["LONGEST", "as_data", "as_is", "digest_source", "source_hash"]

LONGEST = 2_000  #: columns of one text anywhere on a page
_ENDS = re.compile(r"<(?:/?script|/?style|!--)|\0|\r", re.IGNORECASE)
# Every "<" of data is inside of a JSON string, which can spell it out.
_SPELT = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}
_SPECIAL = re.compile("[<>&]")


def as_data(value: object) -> Markup:
    """*value*, made of builtins, as JSON for an element ``<script type="application/json">``.

    ASCII only; texts have everything spelt out that a screen would obey or hide, and are not too long; NaN is
    ``null``.
    """
    text = json.dumps(_plain(value), ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return Markup(_SPECIAL.sub(lambda found: _SPELT[found[0]], text))  # noqa: S704 - no markup can be in it any more


def as_is(text: str) -> Markup:
    """A script or style that came with a package, unchanged. Raises ``ValueError`` where it could end too early."""
    found = _ENDS.search(text)
    if found is not None:
        raise ValueError(f"{found[0]!r} cannot be part of a script or style")
    return Markup(text)  # noqa: S704 - files of packages, with nothing of a run in them


def source_hash(text: str) -> str:
    """The source of a content security policy that allows this one inline script or style and no other."""
    return digest_source(hashlib.sha256(text.encode("utf-8")).digest())


def digest_source(digest: bytes) -> str:
    """The same, of its SHA-256."""
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return shortened(value, LONGEST)
    if isinstance(value, dict):
        return {shortened(str(key), LONGEST): _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
