"""Annotations of GitHub Actions: where they point, how many there are, and what cannot get out of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_memguard.gate import ONLY_WARNS
from pytest_memguard.model import AllocationSite, Diagnosis
from pytest_memguard.report.github import path_below, workflow_commands
from tests.unit.reported import LEAK, LIMIT, LOW, SUPPRESSED, THIRD_PARTY, run


def commands(*leaks, below="", **parts):
    return list(workflow_commands(run(*leaks, **parts), below=below))


def located(command):
    """File and line of one command."""
    found = dict(entry.partition("=")[::2] for entry in command.split("::")[1].partition(" ")[2].split(","))
    return found.get("file"), found.get("line")


def at(*files, retained=()):
    """A leak with these allocation sites."""
    made = [AllocationSite(file=file, line=7, function="f", bytes=1, count=1) for file in (*files, *retained)]
    diagnosis = Diagnosis(sites=tuple(made[: len(files)]), retained_at=tuple(made[len(files) :]))
    return replace(LEAK, diagnosis=diagnosis)


@pytest.mark.parametrize(
    ("leak", "below", "place"),
    [
        (at("shop/cart.py"), "", ("shop/cart.py", "7")),
        (at("shop/cart.py"), ".", ("shop/cart.py", "7")),
        (at("shop/cart.py"), "services/a,b", ("services/a%2Cb/shop/cart.py", "7")),
        (at("shop/cart.py"), None, (None, None)),
        (at("../lib/cart.py"), "services", ("lib/cart.py", "7")),
        (at("../../cart.py"), "services", ("services/tests/test_cart.py", None)),
        (at("/usr/lib/x.py", "requests:api.py", "shop/cart.py"), "", ("shop/cart.py", "7")),
        (at("<string>", retained=["shop/orders.py"]), "", ("shop/orders.py", "7")),
        (at("requests:api.py"), "", ("tests/test_cart.py", None)),
        (at("C:\\x.py"), "", ("tests/test_cart.py", None)),
        (at(), "", ("tests/test_cart.py", None)),
        (replace(at(), nodeid="/abs/test_x.py::test", witnesses=()), "", (None, None)),
    ],
)
def test_the_place_is_the_first_one_in_the_checkout(leak, below, place):
    (command,) = commands(leak, below=below)

    assert located(command) == place


@pytest.mark.parametrize(
    ("rootdir", "checkout", "below"),
    [("/w/repo", "/w/repo", "."), ("/w/repo/a/b", "/w/repo", "a/b"), ("/w", "/w/repo", None), ("/x", "/w", None)],
)
def test_rootdir_may_be_anywhere(rootdir, checkout, below):
    assert path_below(rootdir, checkout) == below


def test_levels_say_what_fails_the_run():
    only_warned = replace(LEAK, gates=False, reason=ONLY_WARNS)
    found = commands(LEAK, only_warned, SUPPRESSED, LOW, THIRD_PARTY, limits=(LIMIT, replace(LIMIT, gates=False)))

    assert [command.partition(" ")[0] for command in found] == ["::error"] * 2 + ["::warning"] * 3 + ["::notice"] * 2


def test_there_are_never_more_than_github_shows():
    many = [replace(LEAK, nodeid=f"t.py::test_{number}") for number in range(25)]
    found = commands(*many, *[replace(leak, gates=False, severity="low") for leak in many])

    errors = [command for command in found if command.startswith("::error ")]
    assert len(errors) == 10
    assert errors[-1].startswith("::error title=memguard%3A 16 more::16 more like these")
    assert len(found) == 20
    assert len(commands(*many[:10])) == 10


@pytest.mark.parametrize(
    "value", ["\n::error::x", "\r::stop-commands::x", "%0A::set-env::", "a,b=c:d", "\u2028::x", "\x85"]
)
def test_no_value_ends_a_command_or_a_property(value):
    hostile = replace(LEAK, nodeid=f"t{value}.py::test[{value}]", advice=value, resources=(value,))
    (command,) = commands(hostile)

    assert len(command.splitlines()) == 1
    head, _, message = command.removeprefix("::error ").partition("::")
    assert [entry.partition("=")[0] for entry in head.split(",")] == ["file", "line", "title"]
    assert "%0A::" not in message


def test_the_command_that_repeats_it_is_whole_or_not_there():
    long = replace(LEAK, nodeid=f"t.py::test[{'x' * 600}]")
    too_long = replace(LEAK, nodeid=f"t.py::test[{'x' * 6000}]")

    assert commands(long)[0].endswith(f'repeat: pytest --memguard "{long.nodeid}"')
    assert "repeat:" not in commands(too_long)[0]
    assert len(commands(too_long)[0]) < 5_000
