"""Compares the text of a run with that of plain runs, forgiving only what two plain runs already disagree about."""

from __future__ import annotations

import difflib
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.varying import shape

_NEAR = 200
_WORD = string.ascii_letters + string.digits + "_."


@dataclass(frozen=True, slots=True, kw_only=True)
class Masked:
    """A line whose middle varies from run to run: known are its beginning, its end, and all of it but the numbers."""

    prefix: str
    suffix: str
    shape: str

    def matches(self, line: str) -> bool:
        """Whether a line begins and ends so, or differs in numbers only."""
        enough = len(line) >= len(self.prefix) + len(self.suffix)
        within = enough and line.startswith(self.prefix) and line.endswith(self.suffix)
        return within or shape(line) == self.shape


class Template:
    """The lines of a first plain run, and which of them another plain run has otherwise."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = list(lines)
        self._masked: dict[int, Masked] = {}
        self._loose: set[int] = set()

    @property
    def unstable(self) -> int:
        """How many lines differ between the plain runs."""
        return len(self._masked) + len(self._loose)

    def learn(self, other: Sequence[str]) -> None:
        """Takes note of where one more plain run differs from the first."""
        for tag, i1, i2, j1, j2 in _blocks(self.lines, other):
            if tag == "replace" and i2 - i1 == j2 - j1:
                for i, j in zip(range(i1, i2), range(j1, j2), strict=True):
                    self._masked[i] = _merged(self._masked.get(i), self.lines[i], other[j])
            else:
                self._loose.update(range(max(i1 - 1, 0), i2 + 1))

    def differences(self, other: Sequence[str]) -> Iterator[tuple[list[str], list[str]]]:
        """Blocks of lines that only the first run has, with those that only the other one has in their place."""
        for tag, i1, i2, j1, j2 in _blocks(self.lines, other):
            known = range(i1, i2)
            if tag == "replace" and len(known) == j2 - j1:
                pairs = zip(known, other[j1:j2], strict=True)
                wrong = [(i, line) for i, line in pairs if i not in self._loose and not self._matches(i, line)]
                if wrong:
                    yield [self.lines[i] for i, _ in wrong], [line for _, line in wrong]
            elif not self._loose.issuperset(known or (i1,)):
                yield self.lines[i1:i2], list(other[j1:j2])

    def _matches(self, index: int, line: str) -> bool:
        masked = self._masked.get(index)
        return self.lines[index] == line if masked is None else masked.matches(line)


def _merged(known: Masked | None, first: str, other: str) -> Masked:
    """What both lines have in common at their ends, and the line known so far too; never cut within a word."""
    prefix = _common(first, other)
    suffix = _common(first[len(prefix) :][::-1], other[len(prefix) :][::-1])[::-1]
    prefix = prefix.rstrip(_WORD)
    suffix = suffix.lstrip(_WORD)
    if known is not None:
        prefix = min(prefix, known.prefix, key=len)
        suffix = min(suffix, known.suffix, key=len)
    return Masked(prefix=prefix, suffix=suffix, shape=shape(first))


def _blocks(first: Sequence[str], other: Sequence[str]) -> Iterator[tuple[str, int, int, int, int]]:
    """Where two texts differ, as difflib's opcodes; line by line where only some values vary."""
    if len(first) == len(other):
        differing = [i for i, pair in enumerate(zip(first, other, strict=True)) if pair[0] != pair[1]]
        if all(_alike(first[i], other[i]) for i in differing):
            yield from (("replace", i, i + 1, i, i + 1) for i in differing)
            return
    matcher = difflib.SequenceMatcher(None, first, other, autojunk=False)
    yield from (block for block in matcher.get_opcodes() if block[0] != "equal")


def _alike(first: str, other: str) -> bool:
    """Whether two lines are the same line with other values: the same start and a similar length."""
    start = len(_common(first, other))
    return start * 4 >= min(len(first), _NEAR) and abs(len(first) - len(other)) <= max(8, len(first) // 4)


def _common(first: str, other: str) -> str:
    """The characters that both begin with."""
    pairs = zip(first, other, strict=False)
    length = next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(first), len(other)))
    return first[:length]
