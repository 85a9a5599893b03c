"""The tools that pytest-memguard is compared with: a row for each setting, versions pinned, set up as advised."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.functions import PSLEAK
from benchmarks.pairs import WATCHING
from benchmarks.venvs import PLUGIN_NEEDS, PYTEST, Venv, venv, with_plugin

OTHERS = ("pytest-memray==1.11.0", "pyleak==0.2.0", "pytest-threadleak==0.5.0", "pytest-hygiene==0.1.0")
# Every one of them is installed in the same environment, and blocked where it is not the one that is measured.
_BLOCKED = ("memguard", "memray", "pyleak", "threadleak", "hygiene")
# Has had no release since 2023, and errs on pytest 9.
_OLDER = ("pytest==8.4.2", "pytest-monitor==1.6.6", "setuptools<81")
_REPORT = "{report}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """How one tool is switched on.

    ``plugin`` is its entry point, None where a plugin of the benchmarks stands for it; ``on`` the arguments of pytest,
    ``extra`` the environment. ``says`` is a pattern that only its failing reports match. ``tests`` is the size of the
    trivial suite that it is given; 0 where another row has the same cost; ``dear`` ones run the suites of others once.
    ``verdicts``: it calls tests leaking.
    ``names``: what its report names; ``better``: what it does better than pytest-memguard.
    """

    name: str
    distribution: str
    plugin: str | None
    on: tuple[str, ...]
    extra: tuple[tuple[str, str], ...] = ()
    says: str = ""
    tests: int = 300
    verdicts: bool = True
    older: bool = False
    dear: bool = False
    names: str
    better: str

    @property
    def slug(self) -> str:
        """The name as part of a file's name."""
        return "".join(c if c.isalnum() else "-" for c in self.name).strip("-").replace("--", "-")

    @property
    def is_ours(self) -> bool:
        """Whether its verdicts are in a JSON report."""
        return self.plugin == "memguard"

    def arguments(self, report: str) -> tuple[str, ...]:
        """What pytest gets to run with this tool and no other; ``report`` is the file of a JSON report."""
        mine = tuple(argument.replace(_REPORT, report) for argument in self.on)
        return (*self._without(self.plugin), *mine)

    def plain(self) -> tuple[str, ...]:
        """What pytest gets to run without any of them."""
        return self._without(None)

    def environment(self, name: str, python: str, requirements: tuple[str, ...] = ()) -> Venv:
        """An environment for a suite with these requirements, with the tool (and, but for old ones, all others)."""
        if self.older:
            return venv(f"{name}-older", python, (*requirements, *_OLDER))
        return with_plugin(venv(f"{name}-peers", python, (PYTEST, *requirements, *PLUGIN_NEEDS, *OTHERS)))

    def _without(self, keep: str | None) -> tuple[str, ...]:
        names = ("monitor",) if self.older else _BLOCKED
        return tuple(part for name in names if name != keep for part in ("-p", f"no:{name}"))


_MARKS = ("-p", "memguard_bench_marks")
_HYGIENE = "--hygiene-aspects=threads,logging,warnings"

RIVALS: tuple[Rival, ...] = (
    Rival(
        name="memguard, watching",
        distribution="pytest-memguard",
        plugin="memguard",
        on=WATCHING,
        tests=3000,
        verdicts=False,
        names="test with the highest peak, growth over the session",
        better="-",
    ),
    Rival(
        name="memguard",
        distribution="pytest-memguard",
        plugin="memguard",
        on=("--memguard", "--memguard-budget=unlimited", "--memguard-fail-on=never", f"--memguard-json={_REPORT}"),
        tests=3000,
        names="test, phase, fixture, types, line that allocates, line that keeps, holder",
        better="-",
    ),
    Rival(
        name="pytest-memray --memray",
        distribution="pytest-memray",
        plugin="memray",
        on=("--memray",),
        verdicts=False,
        names="test with its peak, the lines that allocate most",
        better="exact peak of each test by line, flame graphs; macOS",
    ),
    *(
        Rival(
            name=f'pytest-memray limit_leaks("{limit}")',
            distribution="pytest-memray",
            plugin="memray",
            on=(*_MARKS, "--stacks=30"),
            extra=(("MARK", f"limit_leaks:{limit}"),),
            says="allowed to leak",
            tests=300 if limit == "1 KB" else 0,
            names="test, stack that allocates",
            better="every allocation that stays, with C frames, from a single run",
        )
        for limit in ("64 B", "1 KB", "1 MB")
    ),
    Rival(
        name="pytest-leaks' rule (blocks, 5 + 4 runs)",
        distribution="",
        plugin=None,
        on=("-p", "memguard_bench_rule"),
        says="leaked in every run",
        tests=30,
        dear=True,
        names="test",
        better="with a debug interpreter it counts references, too",
    ),
    Rival(
        name="tracemalloc, 1 KB a line",
        distribution="",
        plugin=None,
        on=("-p", "memguard_bench_tracemalloc"),
        extra=(("LEAST", "1024"),),
        says="lines that retain",
        tests=100,
        dear=True,
        names="test, line that allocates",
        better="nothing to install",
    ),
    Rival(
        name="pytest-monitor",
        distribution="pytest-monitor",
        plugin="monitor",
        on=("--db", f"{_REPORT}.db"),
        tests=100,
        verdicts=False,
        older=True,
        dear=True,
        names="test with its peak and CPU time",
        better="also records CPU use and the machine; can send to a server",
    ),
    Rival(
        name="pyleak (tasks, threads)",
        distribution="pyleak",
        plugin="pyleak",
        on=_MARKS,
        extra=(("MARK", "no_leaks:tasks,threads"),),
        says="Leak(Error|s)|[Ll]eaked",
        tests=100,
        dear=True,
        names="test, stack of the task or thread",
        better="also finds what blocks an event loop; can cancel tasks",
    ),
    Rival(
        name="pytest-threadleak",
        distribution="pytest-threadleak",
        plugin="threadleak",
        on=("--threadleak",),
        says="Test leaked",
        tests=3000,
        names="test, thread",
        better="cheaper: one comparison of two lists",
    ),
    Rival(
        name="pytest-hygiene",
        distribution="pytest-hygiene",
        plugin="hygiene",
        on=("--hygiene-strict", _HYGIENE),
        says="hygiene",
        tests=3000,
        names="test, what was left",
        better="also environment, working directory, random state; Windows",
    ),
)
FUNCTIONS_ONLY = PSLEAK


def chosen(names: str | None) -> tuple[Rival, ...]:
    """The rows whose name contains one of a comma list, all without one. Raises ValueError where one matches none."""
    if names is None:
        return RIVALS
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    for name in wanted:
        if not any(name in rival.name for rival in RIVALS):
            raise ValueError(f"no tool has {name!r} in its name; there are {', '.join(r.name for r in RIVALS)}")
    return tuple(rival for rival in RIVALS if any(name in rival.name for name in wanted))
