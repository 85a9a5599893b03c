"""Two configurations of the same pytest run, in turn, so that what else the machine does hits both alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.figures import Spread, progress
from benchmarks.runs import Run

PLAIN = ("-p", "no:memguard")
WATCHING = ("--memguard", "--memguard-confirm=none")
CHECKING = ("--memguard", "--memguard-budget=1h", "--memguard-fail-on=never")
MODES = {"watching": WATCHING, "checking": CHECKING, "control": PLAIN}


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The runs of both configurations, pair by pair; the first of a pair is plain pytest."""

    pairs: Sequence[tuple[Run, Run]]

    @property
    def plain_s(self) -> Spread:
        """CPU seconds of plain pytest."""
        return Spread.of([plain.cpu_s for plain, _ in self.pairs])

    @property
    def other_s(self) -> Spread:
        """CPU seconds of the other configuration."""
        return Spread.of([other.cpu_s for _, other in self.pairs])

    @property
    def added_s(self) -> Spread:
        """CPU seconds that the other configuration took more, pair by pair."""
        return Spread.of([other.cpu_s - plain.cpu_s for plain, other in self.pairs])

    @property
    def ratio(self) -> Spread:
        """CPU of the other configuration over that of plain pytest, pair by pair."""
        return Spread.of([other.cpu_s / plain.cpu_s for plain, other in self.pairs])

    def to_json(self) -> dict[str, dict[str, float]]:
        """The four figures with their spread."""
        return {
            "plain_cpu_s": self.plain_s.to_json(),
            "other_cpu_s": self.other_s.to_json(),
            "added_cpu_s": self.added_s.to_json(),
            "ratio": self.ratio.to_json(),
        }


def compare(name: str, pairs: int, plain: Callable[[], Run], other: Callable[[], Run]) -> Comparison:
    """One discarded run of each (compiled files, page cache), then ``pairs`` pairs, the order changing every time."""
    progress(f"{name}: warm-up")
    plain()
    other()
    done: list[tuple[Run, Run]] = []
    for number in range(pairs):
        if number % 2:
            second = other()
            first = plain()
        else:
            first = plain()
            second = other()
        done.append((first, second))
        progress(f"{name}: pair {number + 1} of {pairs}: {first.cpu_s:.2f} s and {second.cpu_s:.2f} s of CPU")
    return Comparison(pairs=done)
