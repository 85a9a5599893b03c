"""What the tutorial and the pages on frameworks, workers, doubts and troubles show is what happens."""

from __future__ import annotations

import json
import re

import pytest

from tests import how_to
from tests.readme import TUTORIAL, block


def test_the_tutorial_finds_mends_and_looks_closer(tmp_path):
    how_to.write(tmp_path, TUTORIAL, the_test="test_cart.py")
    file = tmp_path / "test_cart.py"

    _, output = how_to.typed(tmp_path, TUTORIAL, "looking closer")

    assert how_to.missing(TUTORIAL, "the failure", output) == [], output
    assert "1 failed, 1 passed" in output
    assert "python leak confirmed" in output.partition("short test summary")[2]
    file.write_text(file.read_text("utf-8").replace("_orders = []\n", block(TUTORIAL, "the cure")), "utf-8")
    status, output = how_to.shown(tmp_path)
    assert status == 0, output
    assert how_to.missing(TUTORIAL, "the cured run", output) == [], output


def test_what_is_doubted_can_be_looked_at_and_accepted(tmp_path):
    how_to.write(tmp_path, how_to.NO_LEAK, the_test="test_shop.py")
    file = tmp_path / "test_shop.py"
    signature = re.search(r"\[(\w{6})\]", block(how_to.NO_LEAK, "the finding"))[1]

    _, output = how_to.typed(tmp_path, how_to.NO_LEAK, "looking", LEAK=signature)

    assert how_to.missing(how_to.NO_LEAK, "the finding", output) == [], output
    assert "python leak confirmed" in output.partition("short test summary")[2]
    marked = block(how_to.NO_LEAK, "the marker") + "def test_is_new"
    file.write_text(file.read_text("utf-8").replace("def test_is_new", marked), "utf-8")
    status, output = how_to.shown(tmp_path)
    assert status == 0, output
    assert how_to.missing(how_to.NO_LEAK, "accepted", output) == [], output


def test_one_leak_of_two_workers(tmp_path):
    pytest.importorskip("xdist", reason="pytest-xdist is not installed")
    how_to.write(
        tmp_path,
        how_to.XDIST,
        the_application="shop.py",
        the_first_tests="test_first.py",
        the_second_tests="test_second.py",
    )
    (tmp_path / "conftest.py").touch()  # puts the folder on the path

    status, output = how_to.shown(tmp_path, "-n", "2", "--dist", "loadfile")

    assert status == 1, output
    assert how_to.missing(how_to.XDIST, "the output", output) == [], output
    assert "1 failed, 5 passed" in output


def test_a_django_suite(tmp_path):
    pytest.importorskip("django", reason="Django is not installed (pip install -e '.[libraries]')")
    how_to.write(
        tmp_path,
        how_to.DJANGO,
        the_application="shop.py",
        the_settings="conftest.py",
        the_tests="test_shop.py",
        accepting_the_client="memguard.yaml",
    )

    status, output = how_to.shown(tmp_path)

    assert status == 1, output
    assert how_to.missing(how_to.DJANGO, "the output", output) == [], output
    assert "1 failed, 3 passed" in output
    assert block(how_to.DJANGO, "many in a round").strip() == "@pytest.mark.memguard(runs=40)"


def test_fastapi_and_tasks(tmp_path):
    pytest.importorskip("fastapi", reason="FastAPI is not installed (pip install -e '.[libraries]')")
    how_to.write(tmp_path, how_to.ASYNC, the_application="shop.py", the_tests="test_shop.py", a_task="test_tasks.py")
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_default_fixture_loop_scope = function\n", "utf-8")
    (tmp_path / "conftest.py").touch()

    status, output = how_to.shown(tmp_path, asyncio=True)

    assert status == 1, output
    assert how_to.missing(how_to.ASYNC, "the output", output) == [], output
    assert how_to.missing(how_to.ASYNC, "the task", output) == [], output
    assert "2 failed, 3 passed" in output


def test_what_cannot_be_run_twice_under_a_limit_of_the_shell(tmp_path):
    how_to.write(tmp_path, how_to.TROUBLESHOOTING, the_tests="test_shop.py")

    status, output = how_to.typed(tmp_path, how_to.PRESSURE, "a limit of the shell")

    assert status == 0, output
    assert how_to.missing(how_to.TROUBLESHOOTING, "the output", output) == [], output
    assert block(how_to.PRESSURE, "the limit of the shell") in output


def test_markers_of_this_plugin_and_of_others(tmp_path):
    how_to.write(tmp_path, how_to.MARKERS, markers="test_markers.py")
    (tmp_path / "test_coming_from.py").write_text(block(how_to.COMING_FROM, "the tests"), "utf-8")

    status, output = how_to.shown(tmp_path, "--memguard-json=report.json")

    assert status == 0, output
    tests = json.loads((tmp_path / "report.json").read_text("utf-8"))["tests"]
    verdicts = {test["nodeid"].partition("::")[2]: test["verdict"] for test in tests}
    assert verdicts.pop("test_audit") == "suppressed"
    assert verdicts.pop("test_not_checked") == verdicts.pop("test_never_repeated") == "unchecked"
    assert set(verdicts.values()) <= {"clean", "one-off"}
    assert len(verdicts) == 6
