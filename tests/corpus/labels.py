"""The labels of the corpus: what each test must come out as, read from labels.yaml and matched by node id."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
SUITES = HERE / "suites"
KEYS = {
    "leak": {"suite", "nodeid", "label", "kind", "bytes", "retained", "where"},
    "innocent": {"suite", "nodeid", "label"},
}
OPTIONAL_KEYS = {"fixture", "floor", "notes", "expect", "unjudged", "optional", "site", "root", "phase", "blame"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """One entry of labels.yaml. ``nodeid`` without a parameter in brackets stands for every parameter set.

    ``bytes`` is what one run retains, measured on 3.11. ``floor`` is false for a leak below a documented floor, which
    may be missed. ``fixture`` names the fixture of a higher scope that leaks: one user that shows it is enough.
    ``expect`` is the verdict that an innocent test must get, where only one is right. ``unjudged`` lists the Pythons
    on which the interpreter itself retains for ever. ``optional`` tests need a newer pytest than the oldest one.

    ``phase`` says that the diagnosis is judged, too: it must name this phase, the fixture ``blame`` (or ``fixture``, or
    none), as the first site the line of ``site`` (``where`` without one), and ``root``, if there is one.
    """

    suite: str
    nodeid: str
    label: str
    kind: str | None = None
    bytes: int | None = None
    retained: str | None = None
    where: str | None = None
    fixture: str | None = None
    floor: bool = True
    notes: str | None = None
    expect: str | None = None
    unjudged: tuple[str, ...] = ()
    optional: bool = False
    site: str | None = None
    root: str | None = None
    phase: str | None = None
    blame: str | None = None

    @property
    def place(self) -> str:
        """``FILE:LINE`` of the first site that a diagnosis must name."""
        file, _, name = str(self.site or self.where).partition("#")
        lines = (SUITES / self.suite / file).read_text(encoding="utf-8").splitlines()
        marks = (f"# leak: {name}", f"# site: {name}")
        number = next(number for number, line in enumerate(lines, 1) if line.endswith(marks))
        return f"{file}:{number}"

    @property
    def judged(self) -> bool:
        """Whether this Python is one on which the label holds."""
        return "{}.{}".format(*sys.version_info) not in self.unjudged

    def stands_for(self, nodeid: str) -> bool:
        return nodeid == self.nodeid or nodeid.split("[", 1)[0] == self.nodeid


class WrongLabels(Exception):
    """labels.yaml and the suites do not agree."""


def load(path: Path = HERE / "labels.yaml") -> dict[str, list[Label]]:
    """The labels of each suite, in the order of the file; raises :class:`WrongLabels` for an entry that is not one."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    suites: dict[str, list[Label]] = {}
    for entry in yaml.load(path.read_text(encoding="utf-8"), loader):
        label = _label(entry)
        suites.setdefault(label.suite, []).append(label)
    for suite, labels in suites.items():
        if len({label.nodeid for label in labels}) != len(labels):
            raise WrongLabels(f"{suite}: a test has two labels")
    return suites


def _label(entry: Mapping[str, Any]) -> Label:
    needed = KEYS.get(entry.get("label", ""), set())
    missing, unknown = needed - set(entry), set(entry) - KEYS["leak"] - OPTIONAL_KEYS
    if not needed or missing or unknown:
        raise WrongLabels(f"{dict(entry)}: missing {sorted(missing)}, unknown {sorted(unknown)}")
    label = Label(**{**entry, "unjudged": tuple(entry.get("unjudged", ()))})
    if label.where:
        _check_marker(label, label.where, "leak")
    if label.site:
        _check_marker(label, label.site, "leak", "site")
    return label


def _check_marker(label: Label, place: str, *marks: str) -> None:
    """``where`` is FILE#NAME, and the line that retains ends in the comment ``# leak: NAME``; or ``# site: NAME``."""
    file, _, name = place.partition("#")
    path = SUITES / label.suite / file
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    if not any(f"# {mark}: {name}\n" in text for mark in marks):
        raise WrongLabels(f"{label.nodeid}: no line of {label.suite}/{file} is marked '# {marks[-1]}: {name}'")


def match(labels: Iterable[Label], nodeids: Iterable[str]) -> dict[str, Label]:
    """The label of each test; raises :class:`WrongLabels` for a test without a label and for a label without a test."""
    labels = list(labels)
    exact = {label.nodeid: label for label in labels}
    matched: dict[str, Label] = {}
    for nodeid in nodeids:
        label = exact.get(nodeid) or exact.get(nodeid.split("[", 1)[0])
        if label is None:
            raise WrongLabels(f"{nodeid} has no label")
        matched[nodeid] = label
    used = {label.nodeid for label in matched.values()}
    unused = [label.nodeid for label in labels if label.nodeid not in used and not label.optional]
    if unused:
        raise WrongLabels(f"labels of tests that did not run: {', '.join(unused)}")
    return matched
