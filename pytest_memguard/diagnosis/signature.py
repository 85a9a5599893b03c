"""A name for a leak that stays the same: from run to run, from shard to shard, after edits, on every Python."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from pytest_memguard.model import AllocationSite, Kind

_DIGITS = 12
_INDEX = re.compile(r"\[(?:[^\[\]'\"]|'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")*\]")
_UUID = re.compile(r"(?i)\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
_ADDRESS = re.compile(r"(?i)(?<![0-9a-z])0x[0-9a-f]+")
_LONG_HEX = re.compile(r"(?i)(?<![0-9a-z])(?=[0-9a-f]*\d)[0-9a-f]{8,}(?![0-9a-z])")
_NUMBER = re.compile(r"(?<![A-Za-z0-9])\d+|(?<=_)\d+")
_SPACE = re.compile(r"\s+")


def sign(
    kind: Kind,
    *,
    type_name: str | None = None,
    path: str | None = None,
    site: AllocationSite | None = None,
    fallback: str | None = None,
) -> str:
    """Twelve hexadecimal digits; empty where nothing is known that could tell this leak from another.

    Taken from the kind, the retained type and the retainer path; without a path from the kind and the allocation site
    (file, function, text of the line); without either from the type or else from ``fallback`` (a node id, say).
    """
    parts: Sequence[str]
    if path:
        parts = ("path", normalised(type_name or ""), normalised(path))
    elif site is not None:
        parts = ("site", site.file, site.function, _SPACE.sub(" ", site.source.strip()))
    elif type_name:
        parts = ("type", normalised(type_name))
    elif fallback:
        parts = ("other", fallback)
    else:
        return ""
    text = "\0".join((kind, *parts))
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:_DIGITS]


def normalised(text: str) -> str:
    """Without what differs between two runs: keys, indices, addresses, identifiers, numbers that end a name.

    Digits that belong to a name (``sha256``, ``_CACHE2``) stay; ``worker-17`` and ``Model_3`` lose theirs.
    """
    text = _INDEX.sub("[*]", text)
    for pattern in (_UUID, _ADDRESS, _LONG_HEX, _NUMBER):
        text = pattern.sub("#", text)
    return text
