"""From markers to what one test gets."""

from __future__ import annotations

import pytest

from pytest_memguard.errors import MemguardError
from pytest_memguard.settings import Given, Leak, resolve
from pytest_memguard.settings.marks import Mark, described_marks, settings_of_marks

DEFAULT = resolve([])


def mark(*args, name="memguard", where="t.py::test_a", **kwargs):
    return Mark(name=name, args=args, kwargs=kwargs, where=where, nodeid="t.py::test_a")


def message(*marks):
    with pytest.raises(MemguardError) as caught:
        settings_of_marks(marks, DEFAULT)
    return str(caught.value)


def test_a_test_without_marks_has_no_settings():
    assert settings_of_marks([], DEFAULT) is None


def test_a_bare_mark_marks():
    found = settings_of_marks([mark()], DEFAULT)

    assert found.is_marked
    assert found.is_checked
    assert found.limit is found.leak is found.confirm is None


def test_every_keyword_is_read():
    found = settings_of_marks(
        [mark(limit="50 MB", leak="1 KB", confirm=True, runs=3, cleanup="aggressive", component="cache", heavy=True,
              reason="big")],
        DEFAULT,
    )  # fmt: skip

    assert (found.limit, found.leak, found.accepted_bytes) == (50_000_000, Leak(accepted_bytes=1000), 1000)
    assert (found.confirm, found.runs, found.cleanup) == (True, 3, "aggressive")
    assert (found.component, found.heavy, found.reason) == ("cache", True, "big")
    assert found.origins["limit"] == "@pytest.mark.memguard on t.py::test_a"


def test_the_closest_mark_wins_keyword_by_keyword():
    found = settings_of_marks(
        [
            mark(limit="1 MB", reason="near"),
            mark(limit="2 MB", leak=False, reason="class-wide", where="t.py::TestA"),
            mark(leak="5 KB", runs=4, where="t.py"),
        ],
        DEFAULT,
    )

    assert (found.limit, found.leak, found.runs) == (1_000_000, Leak(checked=False), 4)
    assert found.reason == "near"
    assert (found.reason_for("limit"), found.reason_for("leak"), found.reason_for("runs")) == (
        "near", "class-wide", "near",
    )  # fmt: skip
    assert found.origins["leak"] == "@pytest.mark.memguard on t.py::TestA (for t.py::test_a)"


def test_a_test_that_is_not_checked_is_not_marked():
    found = settings_of_marks([mark(leak=False, reason="by design")], DEFAULT)

    assert not found.is_checked
    assert not found.is_marked


def test_a_method_is_checked_again_though_its_class_is_not():
    found = settings_of_marks([mark(leak=0), mark(leak=False, reason="all but one", where="t.py::TestA")], DEFAULT)

    assert found.is_checked
    assert found.accepted_bytes == 0


@pytest.mark.parametrize(
    ("mode", "confirm", "expected"), [("none", True, None), ("none", False, False), ("all", True, True)]
)
def test_none_on_the_command_line_overrules_a_mark_that_says_always(mode, confirm, expected):
    resolved = resolve([], command_line={"confirm": Given(value=mode, origin="the command line")})

    assert settings_of_marks([mark(confirm=confirm)], resolved).confirm is expected


def test_none_in_the_ini_file_does_not_overrule_a_mark():
    resolved = resolve([{"confirm": Given(value="none", origin="pytest.ini")}])

    assert settings_of_marks([mark(confirm=True)], resolved).confirm is True


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"limt": 1}, ["unknown keyword 'limt' from @pytest.mark.memguard on t.py::test_a", "did you mean 'limit'?"]),
        ({"limit": "lots"}, ["invalid limit 'lots' from @pytest.mark.memguard on t.py::test_a: expected a size"]),
        ({"limit": 0}, ["invalid limit 0", "at least 1 B"]),
        ({"limit": None}, ["invalid limit None"]),
        ({"limit": True}, ["invalid limit True"]),
        ({"leak": True}, ["invalid leak True", "False (not checked), or a size"]),
        ({"leak": False}, ["invalid leak False", "a reason beside it", 'leak=False, reason="..."']),
        ({"leak": False, "reason": ""}, ["invalid reason ''"]),
        ({"leak": False, "reason": "x", "confirm": True}, ["invalid confirm True", "no leak=False beside it"]),
        ({"confirm": "yes"}, ["invalid confirm 'yes'", "true or false"]),
        ({"confirm": 1}, ["invalid confirm 1"]),
        ({"confirm": False, "runs": 3}, ["invalid runs 3", "no confirm=False beside it"]),
        ({"runs": 0}, ["a whole number from 1 to 10000"]),
        ({"runs": 2.5}, ["a whole number from 1 to 10000"]),
        ({"runs": True}, ["a whole number from 1 to 10000"]),
        ({"cleanup": "agressive"}, ["did you mean 'aggressive'?"]),
        ({"cleanup": 3}, ["gentle, moderate, aggressive or emergency"]),
        ({"component": ""}, ["text that is not empty"]),
        ({"heavy": "very"}, ["true or false"]),
        ({"reason": 5}, ["text that is not empty"]),
    ],
)
def test_a_wrong_keyword_or_value_is_told_with_the_test(keywords, words):
    found = message(mark(**keywords))

    assert all(word in found for word in words)
    assert "t.py::test_a" in found


def test_a_wrong_mark_far_away_is_told_though_a_closer_one_wins():
    assert "invalid limit 'lots' from @pytest.mark.memguard on t.py (for t.py::test_a)" in message(
        mark(limit="1 MB"), mark(limit="lots", where="t.py")
    )


@pytest.mark.parametrize(
    ("value", "words"), [("50 MB", "write limit='50 MB' for the peak"), ("lots", "keywords are limit, leak, confirm")]
)
def test_positional_arguments_are_told_how_to_be_written(value, words):
    assert words in message(mark(value))


def test_limits_of_pytest_memray_are_read_in_powers_of_1024():
    found = settings_of_marks(
        [
            mark("24 MB", name="limit_memory", current_thread_only=True),
            mark(name="limit_leaks", location_limit="1 KB", filter_fn=len),
        ],
        DEFAULT,
    )

    assert (found.limit, found.accepted_bytes) == (24 * 2**20, 1024)
    assert found.origins["limit"] == "@pytest.mark.limit_memory on t.py::test_a"
    assert found.is_marked


def test_a_limit_of_the_peak_alone_asks_for_no_check():
    assert not settings_of_marks([mark("24 MB", name="limit_memory")], DEFAULT).is_marked


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (mark(name="limit_memory"), "expected one size"),
        (mark("1 MB", "2 MB", name="limit_memory"), "expected one size"),
        (mark("1 MB", name="limit_leaks", location_limit="1 MB"), "expected one size"),
        (mark("lots", name="limit_memory"), "invalid limit 'lots'"),
        (mark("1 MB", name="limit_memory", filter=len), "unknown keyword 'filter'"),
        (mark("1 MB", name="limit_leaks", warmup=1), "unknown keyword 'warmup'"),
    ],
)
def test_wrong_limits_of_pytest_memray_are_told(wrong, words):
    assert words in message(wrong)


def test_the_help_of_the_mark_names_every_keyword():
    lines = dict(described_marks())

    for keyword in ("limit", "leak", "confirm", "runs", "cleanup", "component", "heavy", "reason"):
        assert f"{keyword}=" in lines["memguard"]
    assert set(lines) == {"memguard", "limit_memory", "limit_leaks"}
