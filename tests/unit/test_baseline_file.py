"""The text of a baseline: what is read from it, what is refused, and that an edit leaves alone what people wrote."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from textwrap import dedent

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_memguard.errors import MemguardError
from pytest_memguard.settings.baselineedit import MOST_TESTS, edited
from pytest_memguard.settings.baselinefile import BaselineEntry, parse_baseline

DAY = dt.date(2026, 11, 23)
ORDERS = BaselineEntry(
    signature="3fa9c1d2e4ab",
    reason="the audit log",
    first_seen=DAY,
    leak="python, shop.Order",
    tests=("tests/test_cart.py::test_checkout",),
)
BY_HAND = """\
# ours
schema: 1
leaks:
  # the audit log,
  # see its page
  - signature: "3fa9c1d2e4ab"
    reason: >
      kept on purpose,
      # not a comment
    tests:   # two of many
      - tests/test_a.py::test_one

  - {signature: "beef01beef01", reason: "?", expires: 2027-01-31}
  # a thought at the end
  - signature: 'aaaaaa'   # by its beginning
    reason: "short"
# the last word
"""


def read(text):
    return parse_baseline(dedent(text), label="base.yaml")


def signatures(text):
    return [entry.signature for entry in read(text).entries]


def test_what_stands_in_a_file():
    baseline = read(BY_HAND)

    assert [(e.signature, e.reason, e.expires, e.line) for e in baseline.entries] == [
        ("3fa9c1d2e4ab", "kept on purpose, # not a comment", None, 6),
        ("beef01beef01", None, dt.date(2027, 1, 31), 13),
        ("aaaaaa", "short", None, 15),
    ]
    assert baseline.matching("aaaaaa123456").line == 15
    assert baseline.matching("aaaaa0123456") is None
    assert baseline.place(baseline.entries[1]) == "base.yaml, line 13"


@pytest.mark.parametrize("text", ["", "# nothing\n", "leaks:\n", "schema: 1\nleaks: []\n", "\ufeff", "---\n...\n"])
def test_a_file_that_accepts_nothing(text):
    assert read(text).entries == ()
    assert signatures(edited(read(text), add=[ORDERS])) == ["3fa9c1d2e4ab"]


def test_of_two_entries_the_longer_one_matches():
    baseline = read('leaks: [{signature: "3fa9c1", reason: a}, {signature: "3fa9c1d2e4", reason: b}]')

    assert baseline.matching("3fa9c1d2e4ab").reason == "b"
    assert baseline.matching("3fa9c1ffffff").reason == "a"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- leaks", "invalid  ['leaks'] from base.yaml"),
        ("leaks: 3", "invalid leaks 3 from base.yaml, line 1: expected a list of accepted leaks"),
        ("leak: []", "did you mean 'leaks'?"),
        ("schema: 2\nleaks: []", "invalid schema 2 from base.yaml, line 1: expected at most 1"),
        ("leaks:\n - reason: x", "leaks.0 {'reason': 'x'} from base.yaml, line 2: expected a signature"),
        ("leaks:\n - signature: 'abcdef'", "leaks.0 'abcdef' from base.yaml, line 2: expected a reason"),
        ("leaks:\n - {signature: 'abcdef', reason: ''}", "leaks.0.reason '' from base.yaml, line 2: expected text"),
        ("leaks:\n - {signature: 123456, reason: x}", '6 to 12 hexadecimal digits in quotes, such as "3fa9c1d2e4ab"'),
        ("leaks:\n - {signature: 'xyz', reason: x}", "leaks.0.signature 'xyz' from base.yaml, line 2"),
        ("leaks:\n - {signature: 'abcdef', reason: x, expires: soon}", "a date such as 2027-01-31"),
        ("leaks:\n - {signature: 'abcdef', reason: x, tests: [1]}", "expected a list of tests"),
        ("leaks:\n - {signature: 'abcdef', raeson: x}", "did you mean 'reason'?"),
        (
            "leaks:\n - {signature: 'abcdef', reason: x}\n - {signature: 'ABCDEF', reason: y}",
            "from base.yaml, line 3: expected each signature once: it is already in line 2\n  keep one of the two",
        ),
        ("leaks: [", "baseline base.yaml, line 1 is not valid YAML"),
        ("leaks: !!python/object/apply:os.getcwd []", "baseline base.yaml, line 1: tag"),
        ("leaks: &a [*a]", "an alias refers to what contains it"),
        (
            "<<<<<<< ours\nleaks: []\n=======\nleaks: []\n>>>>>>> theirs\n",
            "baseline base.yaml, line 2 is not valid YAML",
        ),
    ],
)
def test_what_is_refused_is_told_with_its_line(text, told):
    with pytest.raises(MemguardError) as refused:
        read(text)

    assert told in str(refused.value)


def test_every_mistake_is_told_at_once():
    with pytest.raises(MemguardError) as refused:
        read("leaks:\n - {signature: 'abcdef'}\n - {reason: x}\n")

    assert "line 2" in str(refused.value)
    assert "line 3" in str(refused.value)


def test_a_new_file_explains_itself():
    text = edited(read(""), add=[replace(ORDERS, reason=None, expires=dt.date(2027, 1, 31))])

    assert text == dedent(
        """\
        # Accepted leaks: they are listed and do not fail the run. What is fixed is to be taken out.
        # "?" is no reason: replace it by why the leak is accepted. expires: 2027-01-31 accepts it until that day.
        schema: 1
        leaks:
          - signature: "3fa9c1d2e4ab"
            reason: "?"
            first_seen: 2026-11-23
            expires: 2027-01-31
            leak: "python, shop.Order"
            tests:
              - "tests/test_cart.py::test_checkout"
        """
    )


def test_what_is_added_stands_after_the_last_and_all_else_stays():
    new = replace(ORDERS, signature="0123456789ab")
    text = edited(read(BY_HAND), add=[new])

    before, after = text.split('  - signature: "0123456789ab"\n')
    assert before == BY_HAND.removesuffix("# the last word\n")
    assert after.endswith("# the last word\n")


def test_what_is_dropped_goes_with_the_comment_above_it():
    assert edited(read(BY_HAND), drop={"beef01beef01"}) == BY_HAND.replace(
        '  - {signature: "beef01beef01", reason: "?", expires: 2027-01-31}\n', ""
    )
    last = edited(read(BY_HAND), drop={"aaaaaa"})
    assert "a thought" not in last
    assert last.endswith("expires: 2027-01-31}\n# the last word\n")
    first = edited(read(BY_HAND), drop={"3fa9c1d2e4ab"})
    assert first.startswith("# ours\nschema: 1\nleaks:\n")
    assert "audit" not in first


def test_when_all_are_gone_the_file_can_be_added_to():
    text = edited(read(BY_HAND), drop={"3fa9c1d2e4ab", "beef01beef01", "aaaaaa"})

    assert text == "# ours\nschema: 1\nleaks: []\n\n# the last word\n"
    assert signatures(text) == []
    again = edited(read(text), add=[ORDERS])
    assert signatures(again) == ["3fa9c1d2e4ab"]
    assert again.startswith("# ours\n")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ('leaks:\r\n  - {signature: "aaaaaa", reason: a}\r\n', "leaks: []\r\n"),
        ('leaks:  # ours\n- {signature: "aaaaaa", reason: a}\nschema: 1\n', "leaks: []  # ours\nschema: 1\n"),
        ('leaks: [{signature: "aaaaaa", reason: a}]', "schema: 1\nleaks: []\n"),
    ],
)
def test_a_list_that_has_become_empty_says_so(text, left):
    emptied = edited(read(text), drop={"aaaaaa"})

    assert emptied.endswith(left)
    assert signatures(emptied) == []


def test_more_tests_of_a_known_leak_are_noted_up_to_a_number():
    many = [f"tests/test_a.py::test_{number}" for number in range(50)]
    text = edited(read(BY_HAND), tests={"3fa9c1d2e4ab": ["tests/test_a.py::test_one", *many]})

    entry = read(text).entries[0]
    assert len(entry.tests) == MOST_TESTS
    assert set(entry.tests) == {"tests/test_a.py::test_one", *many[: MOST_TESTS - 1]}
    assert [line for line in text.splitlines() if line not in BY_HAND.splitlines()] == [
        f'      - "{test}"' for test in many[: MOST_TESTS - 1]
    ]
    assert edited(read(text), tests={"3fa9c1d2e4ab": many}) == text


@pytest.mark.parametrize(
    "text",
    [
        'leaks: [{signature: "aaaaaa", reason: a}, {signature: "bbbbbb", reason: b}]\n',
        'leaks:\n  - &one {signature: "aaaaaa", reason: a}\n  - {<<: *one, signature: "bbbbbb"}\n',
        '{leaks: [{signature: "aaaaaa", reason: a}, {signature: "bbbbbb", reason: a}]}',
        'leaks:\n-\n  signature: "aaaaaa"\n  reason: a\n-\n  signature: "bbbbbb"\n  reason: a\n',
        "schema: 1\n",
    ],
)
def test_what_cannot_be_edited_by_line_is_written_anew(text):
    wanted = [*(s for s in signatures(text) if s != "aaaaaa"), "3fa9c1d2e4ab"]

    found = read(edited(read(text), add=[ORDERS], drop={"aaaaaa"}))

    assert [entry.signature for entry in found.entries] == wanted
    assert all(entry.reason for entry in found.entries)


def test_other_keys_after_the_list_and_line_ends_of_windows_stay():
    text = BY_HAND.replace("schema: 1\n", "").replace("# the last word\n", "schema: 1\n").replace("\n", "\r\n")

    changed = edited(read(text), add=[replace(ORDERS, signature="0123456789ab")], drop={"aaaaaa"})

    assert signatures(changed) == ["3fa9c1d2e4ab", "beef01beef01", "0123456789ab"]
    assert "\n" not in changed.replace("\r\n", "")
    assert changed.endswith("schema: 1\r\n")


def test_a_list_at_the_left_margin_and_without_a_last_end_of_line():
    text = 'leaks:\n- signature: "aaaaaa"\n  reason: a'

    assert edited(read(text), add=[replace(ORDERS, leak="", tests=())]) == (
        f'{text}\n- signature: "3fa9c1d2e4ab"\n  reason: "the audit log"\n  first_seen: 2026-11-23\n'
    )


def test_a_file_that_would_be_too_large_is_refused():
    many = [replace(ORDERS, signature=f"{number:012x}", leak="x" * 300) for number in range(4000)]

    with pytest.raises(MemguardError):
        edited(read(""), add=many)


NAMES = st.text(max_size=30)


@settings(deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(reason=NAMES, leak=NAMES, tests=st.lists(NAMES, max_size=4, unique=True))
def test_whatever_a_test_is_called_it_comes_back(reason, leak, tests):
    reason, leak = reason.strip() or "x", leak.strip()
    entry = replace(ORDERS, reason=reason, leak=leak, tests=tuple(tests))

    (found,) = read_raw(edited(read(""), add=[entry])).entries

    wanted = replace(entry, reason=None if reason == "?" else reason)
    assert replace(found, line=0) == wanted


def read_raw(text):
    return parse_baseline(text.encode("utf-8", "surrogatepass").decode("utf-8", "surrogatepass"), label="base.yaml")
