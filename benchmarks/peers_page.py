"""The tables that compare the tools, made of all results that were kept; in docs/reference/peers.md and README.md."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks import functions, kept
from benchmarks.pages import markdown, replace
from benchmarks.places import ROOT
from benchmarks.rivals import RIVALS, Rival
from benchmarks.suites import SUITES
from tests.corpus import labels as corpus

_KEPT = "peers"
_PAGE = ROOT / "docs" / "reference" / "peers.md"
_README = ROOT / "README.md"
_NONE = "-"
#: Kinds of leaks as the summary groups them.
_GROUPS = {
    "Python memory": ("python", "garbage"),
    "C memory": ("native",),
    "other resources": ("fd", "socket", "thread", "task", "timer", "process", "tempfile"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What was measured of one tool: the trivial suite, the suites of others and those of the corpus by their name."""

    rival: Rival
    trivial: Mapping[str, Any] | None
    suites: Mapping[str, Mapping[str, Any]]
    corpus: Mapping[str, Mapping[str, Any]]

    def found(self, kinds: Iterable[str]) -> tuple[int, int]:
        """Leaks of these kinds: found, and all."""
        pairs = [suite["kinds"][kind] for suite in self.corpus.values() for kind in kinds if kind in suite["kinds"]]
        return sum(found for found, _ in pairs), sum(count for _, count in pairs)

    def false_alarms(self) -> tuple[int, int]:
        """Innocent tests of the corpus: flagged, and all."""
        suites = self.corpus.values()
        return sum(len(suite["false_alarms"]) for suite in suites), sum(suite["innocent"] for suite in suites)

    def named(self, what: str) -> tuple[int, int]:
        """Of the leaks found whose ``lines`` or ``holders`` are labelled: named rightly, and all."""
        pairs = [suite[what] for suite in self.corpus.values()]
        return sum(named for named, _ in pairs), sum(count for _, count in pairs)

    @property
    def added_ms(self) -> str:
        """CPU milliseconds that each trivial test costs more, with both ends."""
        if self.trivial is None:
            return _NONE
        each = [self.trivial["added_cpu_s"][end] / self.trivial["tests"] * 1e3 for end in ("median", "low", "high")]
        return "{:.2f} ({:.2f} to {:.2f})".format(*each)

    @property
    def ratio(self) -> str:
        """The median over the suites of CPU over plain pytest, and the worst of them."""
        ratios = [suite["ratio"]["median"] for suite in self.suites.values()]
        return f"{statistics.median(ratios):.2f}x (worst {max(ratios):.2f}x)" if len(ratios) > 1 else _NONE


def collected() -> list[Results]:
    """Every tool with what was kept of it."""
    return [
        Results(
            rival=rival,
            trivial=kept.load(_KEPT, f"trivial-{rival.slug}"),
            suites=_loaded("suite", [suite.name for suite in SUITES], rival),
            corpus=_loaded("corpus", list(corpus.load()), rival),
        )
        for rival in RIVALS
    ]


def text(results: Sequence[Results]) -> str:
    """All tables of the page, for the terminal."""
    return "\n\n".join(f"{name}\n\n{body}" for name, body in _blocks(results).items())


def write(results: Sequence[Results]) -> None:
    """Puts each table into its place in the page, and the first one into the README, too."""
    blocks = _blocks(results)
    for name, body in blocks.items():
        replace(_PAGE, name, body)
    replace(_README, "in short", blocks["in short"])


def _blocks(results: Sequence[Results]) -> dict[str, str]:
    return {
        "in short": _short(results),
        "measured with": _measured_with(results),
        "cost": _cost(results),
        "recall": _recall(results),
        "suites of others": _suites(results),
        "functions": _functions(),
        "reports": _reports(results),
    }


def _short(results: Sequence[Results]) -> str:
    head = ["", "CPU over plain", "added ms a test", *_GROUPS, "false alarms", "right line"]
    rows = []
    for one in results:
        if one.trivial is None:
            continue
        figures = [*(_share(one.found(kinds)) for kinds in _GROUPS.values())]
        figures += [_share(one.false_alarms()), _share(one.named("lines"))]
        name = f"**{one.rival.name}**" if one.rival.is_ours else one.rival.name
        costs = [one.ratio, one.added_ms.partition(" ")[0]]
        rows.append([name, *costs, *(figures if one.rival.verdicts else [_NONE] * len(figures))])
    return markdown(head, rows)


def _measured_with(results: Sequence[Results]) -> str:
    every = [r for one in results for r in (one.trivial, *one.suites.values(), *one.corpus.values()) if r]
    every += [r for tool in functions.TOOLS if (r := kept.load(_KEPT, f"functions-{tool}"))]
    if not every:
        return "Nothing was measured yet."
    dates = sorted(r["date"] for r in every)
    wanted = {"pytest", "pytest-memguard", "psleak", "memray", *(one.rival.distribution for one in results)}
    versions = sorted({f"{n} {v}" for r in every for n, v in r["versions"].items() if n in wanted})
    loads = [r["load"] for r in every if r["load"] is not None]
    pairs = sorted({one.trivial["settings"]["pairs"] for one in results if one.trivial})
    pythons = sorted({r["settings"]["python"] for r in every})
    when = " to ".join(dict.fromkeys((dates[0], dates[-1])))
    return (
        f"{when}, Python {', '.join(pythons)}, {every[-1]['platform'].split('-')[0]}, "
        f"a virtual machine of two cores with other work on it (load {min(loads):.1f} to {max(loads):.1f}).\n"
        f"Alternating pairs of runs: {', '.join(map(str, pairs))}.\n\n{', '.join(versions)}."
    )


def _cost(results: Sequence[Results]) -> str:
    head = ["", "trivial tests", "added CPU ms a test", "CPU of the corpus"]
    rows = []
    for one in results:
        if one.trivial is None:
            continue
        plain = sum(suite["plain_cpu_s"] for suite in one.corpus.values())
        other = sum(suite["other_cpu_s"] for suite in one.corpus.values())
        of_corpus = f"{other:.0f} s ({other / plain:.1f}x)" if one.corpus else _NONE
        rows.append([one.rival.name, str(one.trivial["tests"]), one.added_ms, of_corpus])
    return markdown(head, rows)


def _recall(results: Sequence[Results]) -> str:
    judged = [one for one in results if one.corpus]
    kinds = sorted({kind for one in judged for suite in one.corpus.values() for kind in suite["kinds"]})
    head = ["", *kinds, "all", "false alarms", "broken"]
    rows = []
    for one in judged:
        broken = sum(len(suite["broken"]) for suite in one.corpus.values())
        cells = [_share(one.found([kind])) for kind in kinds]
        rows.append([one.rival.name, *cells, _share(one.found(kinds)), _share(one.false_alarms()), str(broken)])
    return markdown(head, rows)


def _suites(results: Sequence[Results]) -> str:
    names = [suite for suite in SUITES if any(suite.name in one.suites for one in results)]
    tests = {s.name: next(one.suites[s.name]["tests"] for one in results if s.name in one.suites) for s in names}
    head = ["", *(f"{suite.name} {suite.version} ({tests[suite.name]} tests)" for suite in names)]
    rows = [[one.rival.name, *(_suite(one, suite.name) for suite in names)] for one in results if one.suites]
    return markdown(head, rows)


def _suite(one: Results, name: str) -> str:
    if name not in one.suites:
        return _NONE
    measured = one.suites[name]
    ratio = measured["ratio"]
    said = f"{ratio['median']:.2f}x ({ratio['low']:.2f} to {ratio['high']:.2f})"
    if one.rival.verdicts:
        said += f"; {len(measured['flagged'])} flagged"
    return said + (f", {len(measured['broken'])} broken" if measured["broken"] else "")


def _functions() -> str:
    rows = []
    for tool in functions.TOOLS:
        result = kept.load(_KEPT, f"functions-{tool}")
        if result is not None:
            found, innocent = (result["found"], result["leaking"]), (result["false_alarms"], result["innocent"])
            name = "memguard.assert_no_leak" if tool == "memguard" else tool
            rows.append([name, _share(found), _share(innocent), f"{result['cpu_s']:.0f} s"])
    return markdown(["", "leaks found", "false alarms", "CPU"], rows)


def _reports(results: Sequence[Results]) -> str:
    head = ["", "names", "right line", "right holder", "where it is better"]
    rows = [
        [
            one.rival.name,
            one.rival.names,
            _share(one.named("lines")) if one.rival.verdicts else _NONE,
            _share(one.named("holders")) if one.rival.verdicts else _NONE,
            one.rival.better,
        ]
        for one in results
    ]
    return markdown(head, rows)


def _loaded(part: str, names: Sequence[str], rival: Rival) -> dict[str, dict[str, Any]]:
    found = {name: kept.load(_KEPT, f"{part}-{name}-{rival.slug}") for name in names}
    return {name: result for name, result in found.items() if result is not None}


def _share(pair: tuple[int, int]) -> str:
    part, whole = pair
    return f"{part} of {whole}" if whole else _NONE
