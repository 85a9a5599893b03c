"""Figures and texts: values that the collector does not track."""

from __future__ import annotations

import array
import io

LINES: list[bytes] = []
TOTALS: dict[str, float] = {}
SEEN: set[int] = set()
_text = ""
_trail: tuple[int, ...] = ()


def write(line: str) -> None:
    LINES.append(line.encode() + bytes(64))  # leak: bytes


def total(guest: int, amount: float) -> None:
    TOTALS[f"guest-{guest:08}"] = amount / 3  # leak: numbers


def see(number: int) -> None:
    SEEN.add(1_000_000 + number)  # leak: set-of-ints


def note(text: str) -> None:
    global _text
    _text += text * 40  # leak: text


def pass_by(number: int) -> None:
    global _trail
    _trail = (*_trail, *[number] * 200)  # leak: tuple


class Tape:
    def __init__(self) -> None:
        self.samples = array.array("d")
        self.raw = bytearray()
        self.report = io.StringIO()

    def record(self, count: int) -> None:
        self.samples.extend([1.5] * count)  # leak: array

    def dump(self, count: int) -> None:
        self.raw += bytes(count)  # leak: bytearray

    def say(self, text: str) -> None:
        self.report.write(text)  # leak: string-io


TAPE = Tape()
