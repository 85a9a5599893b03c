"""Options of memguard in a run that leaves it off: who has typed them is told so, once, and nobody else is."""

from __future__ import annotations

import pytest

WITHOUT = "without --memguard"


@pytest.fixture
def shop(suite):
    suite.write("test_a.py", "def test_a(): pass\n")
    return suite


@pytest.mark.parametrize("how", [(), ("-q",), ("--no-header",), ("-W", "error", "-v")], ids=["plain", "q", "h", "v"])
def test_options_that_were_typed_in_vain_are_told_once(shop, how):
    run = shop.run(*how, "--memguard-json=x.json", "--memguard-fail-on", "leak", memguard=False)

    assert run.code == 0
    told = [line for line in run.lines if WITHOUT in line]
    assert told == ["memguard: --memguard-json, --memguard-fail-on do nothing without --memguard"]
    assert run.outcomes == {"passed": 1}


def test_it_is_told_where_the_ini_file_turns_it_off(shop):
    shop.write("pytest.ini", "[pytest]\nmemguard = false\n")
    run = shop.run("--memguard-update-baseline", memguard=False)

    assert [line for line in run.lines if WITHOUT in line] == [
        "memguard: --memguard-update-baseline does nothing without --memguard"
    ]


@pytest.mark.parametrize(
    ("ini", "args"),
    [
        ("memguard_json = x.json\nmemguard_fail_on = never", ()),
        ("addopts = --memguard-json=x.json", ()),
        ("memguard = false", ("--no-memguard", "--memguard-json=x.json")),
        ("memguard = true", ("--memguard-json=x.json", "--memguard-confirm=none")),
    ],
    ids=["ini", "addopts", "off is meant", "on"],
)
def test_nobody_else_is_disturbed(shop, ini, args):
    shop.write("pytest.ini", f"[pytest]\n{ini}\n")
    run = shop.run(*args, memguard=False)

    assert run.code == 0
    assert WITHOUT not in run.out
