"""The one table of settings: what exists, what it is without being set, and where each may be given.

Options, ini entries, YAML keys, ``--memguard-show-config`` and the checks of all of them are made from it. Precedence:
command line > marker > ini > YAML > default.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from functools import partial
from pathlib import Path
from typing import Literal, get_args

from pytest_memguard.settings import parsers as p
from pytest_memguard.settings import words
from pytest_memguard.settings.fields import Spec, described
from pytest_memguard.settings.structures import (
    ComponentSpec,
    StrategySpec,
    Suppression,
    components,
    strategies,
    suppressions,
)
from pytest_memguard.units import Budget, format_bytes, format_duration, format_percent
from pytest_memguard.values import dataclass

__all__ = ["CONFIRM_MODES", "FAIL_ON", "ConfirmMode", "FailOn", "Settings", "conflicts"]

ConfirmMode = Literal["all", "suspects", "marked", "none"]
FailOn = Literal["leak", "limit", "pressure", "growth"]
CONFIRM_MODES: tuple[ConfirmMode, ...] = get_args(ConfirmMode)
FAIL_ON: tuple[FailOn, ...] = get_args(FailOn)


def _flag(yaml: str, text: str) -> dict[str, Spec]:
    return described(help=text, parse=p.boolean, show=words.flag, yaml=(yaml,))


def _samples(yaml: str, text: str, *, least: int) -> dict[str, Spec]:
    return described(help=text, parse=p.whole(least=least), yaml=(yaml,))


def _share(yaml: str, text: str) -> dict[str, Spec]:
    return described(help=text, parse=p.fraction, show=format_percent, yaml=(yaml,))


def _milliseconds(yaml: str, text: str, *, least: float = 0.0) -> dict[str, Spec]:
    return described(help=text, parse=p.duration_in_ms(least=least), show=format_duration, yaml=(yaml,))


def _bytes(yaml: str, text: str) -> dict[str, Spec]:
    return described(help=text, parse=p.size(least=1), show=format_bytes, yaml=(yaml,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every setting of a run. Sizes in bytes, times in seconds, shares as fractions of 1."""

    # What a run does.
    enabled: bool = field(
        default=False,
        metadata=described(
            help="watch memory and find the tests that leak",
            parse=p.ini_boolean,
            show=words.flag,
            flags={"--memguard": True, "--no-memguard": False},
            ini="memguard",
        ),
    )
    config: Path | None = field(
        default=None,
        metadata=described(
            help="YAML settings (memguard.yaml or memguard.yml in rootdir, if there)",
            parse=p.file_path,
            show=words.path,
            option="--memguard-config",
            metavar="FILE",
            ini="memguard_config",
        ),
    )
    confirm: ConfirmMode = field(
        default="all",
        metadata=described(
            help="which tests are repeated after the run to find leaks: all, suspects, marked or none",
            parse=p.word(CONFIRM_MODES),
            known=CONFIRM_MODES,
            option="--memguard-confirm",
            metavar="{all,suspects,marked,none}",
            ini="memguard_confirm",
            yaml=("confirm.mode", "confirm"),
        ),
    )
    budget: Budget = field(
        default=Budget(share=1.0),
        metadata=described(
            help="most time that repeating may take: a duration, a percentage of the suite's own run (at least 30 s), "
            "or unlimited",
            parse=p.budget,
            option="--memguard-budget",
            metavar="DURATION|PERCENT",
            ini="memguard_budget",
            yaml=("confirm.budget",),
        ),
    )
    fail_on: tuple[FailOn, ...] = field(
        default=("leak", "limit"),
        metadata=described(
            help="what fails the run (the rest warns): a comma list of leak, limit, pressure, growth; or never",
            parse=p.words(FAIL_ON, nothing="never"),
            known=(*FAIL_ON, "never"),
            show=lambda value: ", ".join(value) or "never",
            option="--memguard-fail-on",
            metavar="LIST",
            ini="memguard_fail_on",
            yaml=("report.failOn",),
        ),
    )
    json: Path | None = field(
        default=None,
        metadata=described(
            help="write the machine-readable report to FILE",
            parse=p.file_path,
            show=words.path,
            option="--memguard-json",
            metavar="FILE",
            ini="memguard_json",
            yaml=("report.json",),
        ),
    )
    html: Path | None = field(
        default=None,
        metadata=described(
            help="write the report for people to FILE: one page with plots (needs the extra html)",
            parse=p.file_path,
            show=words.path,
            option="--memguard-html",
            metavar="FILE",
            ini="memguard_html",
            yaml=("report.html",),
        ),
    )
    markdown: Path | None = field(
        default=None,
        metadata=described(
            help="write a summary for a pull request to FILE; it goes to GITHUB_STEP_SUMMARY, too, where that is set",
            parse=p.file_path,
            show=words.path,
            option="--memguard-markdown",
            metavar="FILE",
            ini="memguard_markdown",
            yaml=("report.markdown",),
        ),
    )
    baseline: Path | None = field(
        default=None,
        metadata=described(
            help="accepted leaks, by signature (memguard-baseline.yaml in rootdir, if there)",
            parse=p.file_path,
            show=words.path,
            option="--memguard-baseline",
            metavar="FILE",
            ini="memguard_baseline",
        ),
    )
    update_baseline: bool = field(
        default=False,
        metadata=described(
            help="accept what was found: write it into the baseline, and take out what is fixed",
            parse=p.boolean,
            flags={"--memguard-update-baseline": True},
            is_action=True,
        ),
    )
    history: Path | None = field(
        default=None,
        metadata=described(
            help="keep the figures of each run in FILE (SQLite), and compare with the last runs",
            parse=p.file_path,
            show=words.path,
            option="--memguard-history",
            metavar="FILE",
            ini="memguard_history",
            yaml=("history.file", "history"),
        ),
    )
    show_config: bool = field(
        default=False,
        metadata=described(
            help="print each setting, its value and where it came from, and exit",
            parse=p.boolean,
            flags={"--memguard-show-config": True},
            is_action=True,
        ),
    )

    # How tests are repeated.
    packages: tuple[str, ...] = field(
        default=(),
        metadata=described(
            help="leaks gate only when their site or retained type is in one of these packages (none: all gate)",
            parse=p.names,
            show=words.names,
            yaml=("confirm.packages",),
        ),
    )
    runs: int = field(
        default=1,
        metadata=described(
            help="repetitions of a test in one round", parse=p.whole(most=10_000), yaml=("confirm.runs",)
        ),
    )
    rounds: int = field(
        default=6,
        metadata=described(
            help="rounds in a row that must grow before a test is suspected",
            parse=p.whole(least=2, most=10_000),
            yaml=("confirm.rounds",),
        ),
    )
    escalation_rounds: int = field(
        default=32,
        metadata=described(
            help="rounds that a suspected test must grow through to be called a leak",
            parse=p.whole(least=2, most=100_000),
            yaml=("confirm.escalation.rounds", "confirm.escalation"),
        ),
    )
    escalation_s: float = field(
        default=2.0,
        metadata=described(
            help="time after which escalation stops, whatever rounds are left",
            parse=p.duration_of(),
            show=format_duration,
            yaml=("confirm.escalation.time",),
        ),
    )
    floor_blocks: int = field(
        default=1,
        metadata=described(
            help="fewest allocated blocks per round that count as growth",
            parse=p.whole(most=10**9),
            yaml=("confirm.floors.blocks",),
        ),
    )
    floor_heap_bytes: int = field(
        default=256, metadata=_bytes("confirm.floors.heap", "smallest growth per round of the malloc heap that counts")
    )

    # The pressure monitor.
    limit_bytes: int | None = field(
        default=None,
        metadata=described(
            help="memory that the run may use; auto: the smallest limit of cgroup, rlimit and machine",
            parse=p.size_or_auto,
            show=words.limit,
            yaml=("limit",),
        ),
    )
    monitoring_enabled: bool = field(
        default=True, metadata=_flag("monitoring.enabled", "sample memory and judge pressure")
    )
    check_interval_s: float = field(
        default=30.0,
        metadata=_milliseconds("monitoring.checkInterval", "time between samples inside long tests", least=0.01),
    )
    history_size: int = field(
        default=100, metadata=_samples("monitoring.historySize", "samples that are kept", least=1)
    )
    pressure_window: int = field(
        default=10, metadata=_samples("monitoring.pressureWindow", "samples that pressure is judged over", least=1)
    )
    leak_detection_window: int = field(
        default=15,
        metadata=_samples("monitoring.leakDetectionWindow", "samples that session growth is judged over", least=3),
    )
    leak_growth_threshold: float = field(
        default=0.03,
        metadata=_share("monitoring.leakGrowthThreshold", "growth per sample from which the session is suspected"),
    )
    gc_efficiency_threshold: float = field(
        default=0.10,
        metadata=_share("monitoring.gcEfficiencyThreshold", "share of growth that a full collection must give back"),
    )
    warning: float = field(
        default=0.80, metadata=_share("thresholds.warning", "share of the limit where WARNING starts")
    )
    critical: float = field(
        default=0.90, metadata=_share("thresholds.critical", "share of the limit where CRITICAL starts")
    )
    emergency: float = field(
        default=0.95, metadata=_share("thresholds.emergency", "share of the limit where EMERGENCY starts")
    )
    rss_bytes: int = field(
        default=1 << 30, metadata=_bytes("thresholds.rss", "resident memory that counts as pressure")
    )
    external_bytes: int = field(
        default=512 << 20, metadata=_bytes("thresholds.external", "memory of the C allocator that counts as pressure")
    )

    # Cleanup, alerts, components, what is accepted.
    cleanup_enabled: bool = field(default=True, metadata=_flag("cleanup.enabled", "allow cleanups"))
    auto_cleanup: bool = field(
        default=True, metadata=_flag("cleanup.autoCleanup", "clean up under pressure without being asked")
    )
    emergency_shutdown: bool = field(
        default=True, metadata=_flag("cleanup.emergencyShutdown", "stop the run in good order when nothing else helps")
    )
    alerts_enabled: bool = field(default=True, metadata=_flag("alerts.enabled", "tell about pressure"))
    alert_cooldown_s: float = field(
        default=300.0, metadata=_milliseconds("alerts.cooldown", "least time between two alerts")
    )
    emergency_cooldown_s: float = field(
        default=60.0, metadata=_milliseconds("alerts.emergencyCooldown", "least time between two emergency alerts")
    )
    components: tuple[ComponentSpec, ...] = field(
        default=(),
        metadata=described(
            help="components whose memory is accounted for",
            structure=components,
            show=words.names,
            yaml=("components",),
        ),
    )
    strategies: StrategySpec = field(
        default=StrategySpec(),
        metadata=described(
            help="cleanup strategies by level, and when they run by plan",
            structure=strategies,
            show=words.strategies,
            yaml=("strategies",),
        ),
    )
    suppressions: tuple[Suppression, ...] = field(
        default=(),
        metadata=described(
            help="leaks that are accepted, with the reason",
            structure=suppressions,
            show=words.suppressions,
            yaml=("suppressions",),
        ),
    )

    # What the history keeps, and what counts as growth over it.
    history_runs: int = field(
        default=10,
        metadata=described(
            help="earlier runs that a test is compared with", parse=p.whole(least=5, most=500), yaml=("history.runs",)
        ),
    )
    history_keep: int = field(
        default=100,
        metadata=described(help="runs that the file keeps", parse=p.whole(least=5), yaml=("history.keep",)),
    )
    history_tolerance_bytes: int = field(
        default=4 << 20,
        metadata=described(
            help="growth over earlier runs that is accepted, in bytes",
            parse=p.size(least=1 << 16),
            show=format_bytes,
            yaml=("history.tolerance",),
        ),
    )
    history_tolerance: float = field(
        default=0.2,
        metadata=described(
            help="growth over earlier runs that is accepted, in percent of what is usual",
            parse=p.percentage,
            show=format_percent,
            yaml=("history.tolerancePercent",),
        ),
    )

    def __post_init__(self) -> None:
        for lower, relation, upper in conflicts(partial(getattr, self)):
            raise ValueError(f"{lower} must be {relation} {upper}")


# Which setting must stay in which relation to which other, checked whenever Settings are made.
_ORDER = (
    ("warning", "below", "critical"),
    ("critical", "below", "emergency"),
    ("leak_detection_window", "at most", "history_size"),
    ("pressure_window", "at most", "history_size"),
    ("rounds", "at most", "escalation_rounds"),
    ("history_runs", "at most", "history_keep"),
)


def conflicts(value_of: Callable[[str], float]) -> list[tuple[str, str, str]]:
    """The pairs of settings that contradict each other, as (lower, what it must be, upper)."""
    found = []
    for lower, relation, upper in _ORDER:
        low, high = value_of(lower), value_of(upper)
        if low > high or (relation == "below" and low == high):
            found.append((lower, relation, upper))
    return found
