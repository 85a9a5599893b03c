"""The table of marker keywords: what ``@pytest.mark.memguard`` takes, and what one test ends up with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from pytest_memguard.settings import parsers as p
from pytest_memguard.settings.fields import described
from pytest_memguard.settings.structures import CLEANUP_LEVELS, CleanupLevel
from pytest_memguard.units import UnitError
from pytest_memguard.values import dataclass

__all__ = ["Leak", "MarkerSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """What a marker says of leaks: whether the test is checked, and the bytes per run that are accepted."""

    checked: bool = True
    accepted_bytes: int = 0


def _leak(value: object) -> Leak:
    # 0 == False, and they mean opposite things here: nothing accepted, and not checked.
    if value is False:
        return Leak(checked=False)
    try:
        return Leak(accepted_bytes=p.size()(value))
    except UnitError as exc:
        raise UnitError(f"False (not checked), or {exc}", remedy=exc.remedy) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkerSettings:
    """What the markers of one test say; ``None`` where they say nothing.

    ``origins`` tells for each keyword which marker said it and ``reasons`` the reason given with it;
    ``asks_for_check`` is false when all that stands there is a limit of another plugin's making.
    """

    limit: int | None = field(
        default=None,
        metadata=described(
            help="fail if the test's peak exceeds its starting memory by more",
            parse=p.size(least=1),
            metavar='"50 MB"',
            keyword=True,
        ),
    )
    leak: Leak | None = field(
        default=None,
        metadata=described(
            help="retained memory per run that is accepted; leak=False: not checked (then reason= is required)",
            parse=_leak,
            metavar='"1 KB"',
            keyword=True,
        ),
    )
    confirm: bool | None = field(
        default=None,
        metadata=described(help="always / never re-run this test", parse=p.boolean, metavar="True", keyword=True),
    )
    runs: int | None = field(
        default=None,
        metadata=described(
            help="repetitions of this test in one round", parse=p.whole(most=10_000), metavar="N", keyword=True
        ),
    )
    cleanup: CleanupLevel | None = field(
        default=None,
        metadata=described(
            help="cleanup level to run after this test",
            parse=p.word(CLEANUP_LEVELS),
            known=CLEANUP_LEVELS,
            metavar='"aggressive"',
            keyword=True,
        ),
    )
    component: str | None = field(
        default=None,
        metadata=described(
            help="account this test's growth to that component", parse=p.text, metavar='"cache"', keyword=True
        ),
    )
    heavy: bool | None = field(
        default=None,
        metadata=described(
            help="skipped, with the reason, while pressure is critical or worse",
            parse=p.boolean,
            metavar="True",
            keyword=True,
        ),
    )
    reason: str | None = field(
        default=None,
        metadata=described(help="shown wherever the marker had an effect", parse=p.text, metavar='"..."', keyword=True),
    )
    origins: Mapping[str, str] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    asks_for_check: bool = True

    def reason_for(self, keyword: str) -> str | None:
        """The reason of the marker that set *keyword*, or else the closest one that there is."""
        return self.reasons.get(keyword, self.reason)

    @property
    def is_checked(self) -> bool:
        """Whether this test may be looked at for leaks at all."""
        return self.leak is None or self.leak.checked

    @property
    def is_marked(self) -> bool:
        """Whether ``--memguard-confirm=marked`` means this test."""
        return self.asks_for_check and self.is_checked and self.confirm is not False

    @property
    def accepted_bytes(self) -> int:
        """Retained bytes per run that are no leak."""
        return 0 if self.leak is None else self.leak.accepted_bytes
