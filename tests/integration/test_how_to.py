"""What the how-to pages on cleanups, components and pressure show is what happens."""

from __future__ import annotations

import re
import signal
import subprocess
import sys

import pytest

from pytest_memguard.cleanup import open_cleanup
from pytest_memguard.components import ComponentRegistry
from pytest_memguard.settings import Settings
from tests import how_to


def test_cleanups_by_plan_and_by_marker(tmp_path):
    how_to.write(
        tmp_path,
        how_to.CLEANUP,
        the_settings="memguard.yaml",
        the_application="shop.py",
        the_tests="test_shop.py",
    )

    status, output = how_to.run(tmp_path)

    assert status == 0, output
    assert how_to.missing(how_to.CLEANUP, "the output", output) == [], output


def test_the_table_of_strategies_has_every_one_in_the_order_of_levels():
    manager = open_cleanup(
        Settings(),
        components=ComponentRegistry(),
        reader=lambda _metric: None,
        clock=lambda: 0.0,
        start_s=0.0,
    )
    registry = manager.registry
    levels = ("gentle", "moderate", "aggressive", "emergency")
    real = [(level, name) for level in levels for name in registry.names if registry[name].level == level]

    told = [(row[0], row[1].strip("`")) for row in how_to.rows(how_to.CLEANUP) if row[0] in levels]

    assert told == real


def test_strategies_can_be_chosen(tmp_path):
    how_to.write(
        tmp_path, how_to.CLEANUP, choosing="memguard.yaml", the_application="shop.py", the_tests="test_shop.py"
    )

    status, output = how_to.run(tmp_path)

    assert status == 0, output
    assert "  moderate   by schedule" in output
    assert "full_gc" in output
    assert "young_gc" not in output


def test_a_strategy_of_ones_own(tmp_path):
    how_to.write(
        tmp_path,
        how_to.CLEANUP,
        the_settings="memguard.yaml",
        the_application="shop.py",
        the_tests="test_shop.py",
        your_own="conftest.py",
    )

    status, output = how_to.run(tmp_path)

    assert status == 0, output
    assert "  labels " in output


def test_a_run_ends_before_its_memory_does(tmp_path):
    how_to.write(tmp_path, how_to.PRESSURE, the_settings="memguard.yaml", the_tests="test_pictures.py")

    status, output = how_to.run(tmp_path)

    assert status == 1, output
    assert how_to.missing(how_to.PRESSURE, "the output", output) == [], output


def test_the_test_that_killed_a_run(tmp_path, monkeypatch):
    how_to.write(tmp_path, how_to.KILLED, the_tests="test_pictures.py")
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # these runs have no cache
    monkeypatch.setenv("COLUMNS", "100")
    assert how_to.run(tmp_path)[0] == -signal.SIGKILL
    monkeypatch.setenv("SPARE_ME", "yes")
    _, following = how_to.run(tmp_path, "--memguard-confirm=none")

    command = [sys.executable, "-m", "pytest_memguard", "postmortem"]
    shown = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    assert how_to.missing(how_to.KILLED, "the mention", following) == [], following
    assert how_to.missing(how_to.KILLED, "the postmortem", shown) == [], shown


def test_growth_over_many_runs_is_told_and_shown(tmp_path):
    how_to.write(tmp_path, how_to.HISTORY, the_settings="memguard.yaml", the_tests="test_import.py")
    before = [how_to.run(tmp_path) for _ in range(5)]
    tests = tmp_path / "test_import.py"
    tests.write_text(tests.read_text("utf-8").replace("20_000_000", "60_000_000"), "utf-8")

    _, output = how_to.run(tmp_path)

    assert [status for status, _ in before] == [0] * 5
    assert "more memory" not in "".join(text for _, text in before)
    assert how_to.missing(how_to.HISTORY, "the output", output) == [], output
    runs = how_to.memguard(tmp_path, "history")
    assert how_to.missing(how_to.HISTORY, "the runs", runs) == [], runs
    course = how_to.memguard(tmp_path, "history", "::test_import")
    assert how_to.missing(how_to.HISTORY, "the course", course) == [], course
    page = how_to.memguard(tmp_path, "history", "--html", "memory-history.html")
    assert how_to.missing(how_to.HISTORY, "the page", page) == [], page
    assert "test_import.py::test_import" in (tmp_path / "memory-history.html").read_text("utf-8")


def test_every_line_of_the_original_system_has_its_place_and_its_test():
    rows = [row for row in how_to.rows(how_to.ORIGINAL) if not row[0].startswith("original ")]
    package = how_to.ROOT / "pytest_memguard"
    wrong = []
    for row in rows:
        if len(row) != 3 or not all(row):
            wrong.append(row)
            continue
        places = re.findall(r"`([\w/]+(?:\.py|/))`", row[1])
        wrong.extend(place for place in places if not ((package / place).exists() or (how_to.ROOT / place).exists()))
        file, _, test = row[2].strip("`").partition("::")
        path = how_to.ROOT / file
        if not path.exists() or not re.search(rf"^ *def {test}\(", path.read_text("utf-8"), re.MULTILINE):
            wrong.append(row[2])

    assert wrong == []
    assert len(rows) > 100


@pytest.fixture
def messages(tmp_path):
    how_to.write(
        tmp_path,
        how_to.COMPONENTS,
        the_settings="memguard.yaml",
        the_messages="shop/messages.py",
        the_accounts="shop/accounts.py",
        the_tests="test_a_messages.py",
        the_next_module="test_b_left.py",
    )
    (tmp_path / "shop" / "__init__.py").touch()
    (tmp_path / "conftest.py").touch()  # puts the folder on the path
    return tmp_path


def test_components_are_counted_bounded_shut_down_and_restarted(messages):
    status, output = how_to.run(messages, "--memguard-confirm=none")

    assert status == 0, output
    assert how_to.missing(how_to.COMPONENTS, "the output", output) == [], output


def test_without_cleanups_the_next_module_finds_what_was_left(messages):
    (messages / "memguard.yaml").unlink()

    status, output = how_to.run(messages, "--memguard-confirm=none")

    assert status == 1, output
    assert "1 failed, 2 passed" in output
