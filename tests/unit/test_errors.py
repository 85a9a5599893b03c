"""What an error says: the value, where it came from, what is allowed, what to do."""

from __future__ import annotations

import pytest

from pytest_memguard.errors import (
    CombinedError,
    ConfigFileError,
    ConflictError,
    MarkerError,
    MemguardError,
    SettingError,
    UnknownNameError,
    all_of,
    nearest,
    one_of,
    shown,
)


def test_a_bad_value_is_told_with_origin_rule_and_nearest_name():
    error = SettingError(
        "memguard_confirm", "suspect", origin="pytest.ini", allowed="all or suspects", known=("all", "suspects")
    )

    assert str(error) == (
        "invalid memguard_confirm 'suspect' from pytest.ini: expected all or suspects\n"
        "  did you mean 'suspects'?  [invalid-setting]"
    )
    assert error.nearest == "suspects"


def test_a_bad_value_that_is_near_to_nothing_gets_the_given_remedy():
    error = SettingError("budget", "60", origin="x", allowed="a duration", known=("unlimited",), remedy="write 60s")

    assert error.remedy == "write 60s"
    assert error.nearest is None


def test_a_bad_value_has_a_remedy_even_if_none_was_given():
    assert "leave it out" in SettingError("budget", 60, origin="x", allowed="a duration").remedy


def test_an_unknown_name_tells_the_known_ones():
    error = UnknownNameError("ini key", "memguard_confrim", origin="tox.ini", known=("memguard", "memguard_confirm"))

    assert "unknown ini key 'memguard_confrim' from tox.ini: expected memguard or memguard_confirm" in str(error)
    assert "did you mean 'memguard_confirm'?" in str(error)


def test_an_unknown_name_that_is_near_to_nothing_is_to_be_corrected():
    assert UnknownNameError("key", "zzz", origin="x", known=("memory",)).remedy == "correct the name, or take it out"


def test_one_error_stands_for_itself():
    error = ConfigFileError("m", remedy="r")

    assert all_of([error]) is error


def test_several_errors_are_told_one_below_the_other():
    both = all_of([ConfigFileError("first", remedy="do this"), ConflictError("second", remedy="do that")])

    assert isinstance(both, CombinedError)
    assert str(both) == "first\n  do this  [config-file]\nsecond\n  do that  [conflicting-settings]"


def test_each_kind_of_error_has_a_slug_of_its_own():
    kinds = [SettingError, MarkerError, UnknownNameError, ConflictError, ConfigFileError, CombinedError]

    assert len({kind.slug for kind in kinds}) == len(kinds)
    assert all(issubclass(kind, MemguardError) for kind in kinds)


@pytest.mark.parametrize(
    ("word", "expected"),
    [("suspect", "suspects"), ("ALL", "all"), ("check-intervall", "checkInterval"), ("zzz", None), ("", None)],
)
def test_the_nearest_name(word, expected):
    assert nearest(word, ("all", "suspects", "checkInterval")) == expected


@pytest.mark.parametrize(("names", "expected"), [(["a"], "a"), (["a", "b"], "a or b"), (["a", "b", "c"], "a, b or c")])
def test_names_in_a_sentence(names, expected):
    assert one_of(names) == expected


def test_a_long_value_is_cut():
    assert len(shown("x" * 10_000)) <= 60
    assert len(shown({str(key): ["y" * 1000] * 50 for key in range(1000)})) <= 103


def test_a_value_without_a_repr_is_shown_all_the_same():
    class Broken:
        def __repr__(self):
            raise RuntimeError

    assert "Broken" in shown(Broken())
