"""Text for a terminal: nothing that it obeys, nothing cut silently, nothing that a shell reads differently."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_memguard.report.text import (
    cells,
    counted,
    harmless,
    line,
    listed,
    percent,
    shell_quoted,
    shortened,
    wrapped,
)

ANY_TEXT = st.text(st.characters(), max_size=200)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tests/a.py::test_x[1]", "tests/a.py::test_x[1]"),
        ("\x1b[31mred\x07", r"\x1b[31mred\x07"),
        ("two\nlines\r\t", r"two\nlines\r\t"),
        ("\u202egnp", r"\u202egnp"),
        ("\udcff", r"\udcff"),
        ("\u2028\x85", r"\u2028\x85"),
        ("Straße 東京", "Straße 東京"),
        ("👨\u200d👩", "👨\u200d👩"),
    ],
)
def test_harmless(text, expected):
    assert harmless(text) == expected


@given(ANY_TEXT)
def test_harmless_leaves_nothing_that_moves_the_cursor_or_hides(text):
    safe = harmless(text)

    assert all(char.isprintable() or char in "\u00a0\u200c\u200d" for char in safe)
    assert harmless(safe) == safe
    assert line(text).text == safe


def test_cells_counts_columns_not_characters():
    assert [cells("abc"), cells("東京"), cells("e\u0301"), cells("")] == [3, 4, 1, 0]


@given(ANY_TEXT, st.integers(10, 60))
def test_shortened_fits_and_says_so(text, width):
    short = shortened(text, width)

    assert cells(short) <= width
    assert short == harmless(text) or "..." in short


def test_shortened_keeps_both_ends():
    nodeid = "tests/integration/deeply/nested/test_orders.py::test_checkout"

    assert shortened(nodeid, 40) == "tests/integrat...rders.py::test_checkout"


@given(ANY_TEXT, st.integers(20, 80))
def test_wrapped_loses_nothing_but_spaces_at_the_breaks(text, width):
    lines = wrapped(text, width, first="  label ", rest="        ")

    assert all(cells(entry) <= width for entry in lines)
    assert lines[0].startswith("  label")
    body = "".join(entry[8:] for entry in lines)
    assert body.replace(" ", "") == harmless(text).replace(" ", "")


def test_wrapped_breaks_paths_where_they_have_parts():
    path = "src/package/with_a_rather_long_name/and/many/folders/module.py:120 in function"

    assert wrapped(path, 40, first="at ", rest="   ") == [
        "at src/package/with_a_rather_long_name/",
        "   and/many/folders/module.py:120 in",
        "   function",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tests/a.py::test_x[1-b c]", '"tests/a.py::test_x[1-b c]"'),
        ("a.py::test[it's]", '"a.py::test[it\'s]"'),
        ('a.py::test["q"]', "'a.py::test[\"q\"]'"),
        ("a.py::test[$HOME`id`]", "'a.py::test[$HOME`id`]'"),
        ("a.py::test[100%]", "'a.py::test[100%]'"),
        ("a.py::test[x\ny]", r"$'a.py::test[x\012y]'"),
        ("a.py::test[\x1b']", r"$'a.py::test[\033\']'"),
        ("a.py::test[ü]", '"a.py::test[ü]"'),
    ],
)
def test_shell_quoted(text, expected):
    assert shell_quoted(text) == expected


def test_counted():
    assert [counted(0, "test"), counted(1, "test"), counted(2, "child process", "child processes")] == [
        "0 tests",
        "1 test",
        "2 child processes",
    ]


def test_listed_says_how_many_are_left_out():
    assert listed(iter("abc"), 3, limit=3) == "a, b, c"
    assert listed(iter("abcde"), 5, limit=3) == "a, b, c, and 2 more"


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (0, "0 %"),
        (0.0004, "under 0.1 %"),
        (0.003, "0.3 %"),
        (0.02, "2 %"),
        (0.0994, "9.9 %"),
        (0.124, "12 %"),
        (1.5, "150 %"),
    ],
)
def test_percent(share, expected):
    assert percent(share) == expected
