"""What a card of a page holds: one thing that was found, with its evidence, as values that a template prints."""

from __future__ import annotations

from pytest_memguard.report.pages.curves import Bars
from pytest_memguard.report.pages.excerpt import Excerpt
from pytest_memguard.values import dataclass

__all__ = ["Card", "Evidence", "LeakCard", "Path", "Step", "TypeRow"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One reference on the way from a root to what stays; ``is_guilty``: the one to cut."""

    reference: str
    what: str
    is_guilty: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """Who keeps it, from the root on; ``shortly`` is the compact form."""

    shortly: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The rounds of one metric as a picture, and what it says."""

    metric: str
    told: str
    picture: Bars
    is_bytes: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeRow:
    """Objects of one type that each run leaves behind; ``share``: of the bytes of all types, in percent."""

    name: str
    count: int
    bytes: int
    share: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What every card has. ``anchor`` is its id on the page, ``command`` repeats or shows it."""

    anchor: str
    kind: str
    gates: bool
    nodeid: str
    headline: str
    facts: tuple[tuple[str, str], ...]
    advice: str
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakCard(Card):
    """One leak. ``reason``: why it does not fail the run, or does although it was accepted."""

    standing: str
    reason: str
    sure: str
    places: tuple[Excerpt, ...]
    more_places: tuple[Excerpt, ...]
    paths: tuple[Path, ...]
    more_paths: int
    types: tuple[TypeRow, ...]
    more_types: int
    resources: tuple[str, ...]
    more_resources: int
    evidence: tuple[Evidence, ...]
    notes: tuple[str, ...]
    witnesses: tuple[str, ...]
    more_witnesses: int
    signature: str
    accept: str
