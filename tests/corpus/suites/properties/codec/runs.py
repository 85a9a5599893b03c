"""Run-length coding of text."""

from __future__ import annotations

import functools
from itertools import groupby

_ENCODED: list[tuple[tuple[str, int], ...]] = []
_DICTIONARY: dict[int, bytearray] = {}


def encode(text: str) -> tuple[tuple[str, int], ...]:
    return tuple((char, len(list(run))) for char, run in groupby(text))


def decode(runs: tuple[tuple[str, int], ...]) -> str:
    return "".join(char * count for char, count in runs)


def archived(text: str) -> tuple[tuple[str, int], ...]:
    runs = encode(text)
    _ENCODED.append((*runs, ("", 0)))  # leak: property-archive
    return runs


def dictionary(words: list[int]) -> int:
    _DICTIONARY[len(_DICTIONARY)] = bytearray(600)  # leak: property-dictionary
    return len(set(words))


@functools.lru_cache(maxsize=256)
def checksum(text: str) -> int:
    return sum(map(ord, text)) % 251
