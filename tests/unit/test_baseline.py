"""The file of a baseline: replaced whole, by one at a time, and never lost."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_memguard.accepting import Evidence
from pytest_memguard.baseline import AcceptedLeaks, BaselineFile, entry_of
from pytest_memguard.errors import MemguardError
from pytest_memguard.model import Diagnosis
from pytest_memguard.settings.baselineedit import edited
from pytest_memguard.settings.baselinefile import BaselineEntry
from tests.unit.reported import CHECKOUT, LEAK, NATIVE

TODAY = dt.date(2026, 11, 23)
ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def file(tmp_path):
    return BaselineFile(path=tmp_path / "base.yaml", label="base.yaml", origin="the command line")


def added(*signatures):
    entries = [BaselineEntry(signature=signature, reason="r") for signature in signatures]
    return lambda current: edited(current, add=[e for e in entries if current.matching(e.signature) is None])


def signatures(file):
    return [entry.signature for entry in file.read().entries]


def accepted(file, *, updates=True):
    return AcceptedLeaks((), file, updates=updates, today=TODAY)


def test_an_entry_has_no_figures_and_no_lines():
    entry = entry_of(replace(LEAK, witnesses=tuple(f"t.py::test_{n}" for n in range(50))), first_seen=TODAY)

    assert entry == BaselineEntry(
        signature="3fa9c1d2e4",
        reason=None,
        first_seen=TODAY,
        leak="python, shop.cart.Order, kept by shop.cart._ORDERS[*], allocated by shop/cart.py in checkout",
        tests=tuple(f"t.py::test_{n}" for n in range(10)),
    )


def test_updates_at_the_same_time_lose_nothing(file):
    program = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from pytest_memguard.baseline import BaselineFile
        from tests.unit.test_baseline import added
        file = BaselineFile(path=Path(sys.argv[1]), label="base.yaml", origin="here")
        for number in range(5):
            file.change(added(f"{sys.argv[2]}{number:05d}"))
        """
    )
    started = [
        subprocess.Popen([sys.executable, "-c", program, str(file.path), letter], cwd=ROOT, stderr=subprocess.PIPE)
        for letter in "abcd"
    ]
    for process in started:
        _, err = process.communicate()
        assert process.returncode == 0, err

    assert sorted(signatures(file)) == sorted(f"{letter}{number:05d}" for letter in "abcd" for number in range(5))
    assert [path.name for path in file.path.parent.iterdir()] == ["base.yaml"]


def test_a_link_stays_and_so_does_the_mode(file, tmp_path):
    real = tmp_path / "elsewhere" / "real.yaml"
    real.parent.mkdir()
    real.write_text("leaks:\n", "utf-8")
    real.chmod(0o640)
    file.path.symlink_to(real)

    file.change(added("aaaaaa"))

    assert file.path.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    assert signatures(file) == ["aaaaaa"]
    assert [path.name for path in real.parent.iterdir()] == ["real.yaml"]


def test_a_link_to_a_file_that_is_not_there_yet(file, tmp_path):
    file.path.symlink_to("real.yaml")
    with pytest.raises(MemguardError, match="does not exist"):
        file.read()

    file.change(added("aaaaaa"))

    assert file.path.is_symlink()
    assert (tmp_path / "real.yaml").is_file()


def test_what_has_nothing_to_change_is_not_touched(file):
    file.path.write_text('leaks: [{signature: "aaaaaa", reason: x}]  # mine', "utf-8")
    before = file.path.stat()

    file.change(added("aaaaaa"))

    assert file.path.stat().st_mtime_ns == before.st_mtime_ns
    assert file.path.stat().st_ino == before.st_ino


def test_a_file_that_somebody_breaks_meanwhile_is_left_alone(file):
    file.path.write_text("leaks:\n", "utf-8")
    run = accepted(file)
    file.path.write_text("leaks: [", "utf-8")

    (found,) = run.settle([LEAK], lambda: Evidence(complete=True))

    assert file.path.read_text("utf-8") == "leaks: ["
    assert found.gates
    assert run.warnings[0].startswith(
        "the baseline was not updated, so the new leaks count: baseline base.yaml, line 1 is not valid YAML"
    )


def test_where_nothing_can_be_written_the_leaks_count(tmp_path):
    file = BaselineFile(path=Path("/proc/self/base.yaml"), label="base.yaml", origin="the command line")
    run = accepted(file)

    (found,) = run.settle([LEAK], lambda: Evidence(complete=True))

    assert found.gates
    (warning,) = run.warnings
    assert "cannot write the baseline '/proc/self/base.yaml'" in warning


def test_what_is_written_is_accepted_at_once(file):
    nameless = replace(NATIVE, diagnosis=Diagnosis())
    run = accepted(file)

    settled = run.settle([LEAK, nameless], lambda: Evidence(complete=True))

    assert [finding.gates for finding in settled] == [False, False]
    assert all(finding.diagnosis.signature for finding in settled)
    assert run.warnings[0] == "base.yaml: accepted 2 new"
    assert "without a reason" in run.warnings[1]
    again = accepted(file, updates=False)
    assert [finding.gates for finding in again.settle([LEAK, nameless], Evidence)] == [False, False]


def test_an_update_takes_out_what_is_fixed_and_nothing_else(file):
    accepted(file).settle([LEAK, replace(NATIVE, witnesses=("t.py::other",))], Evidence)

    run = accepted(file)
    run.settle([], lambda: Evidence(complete=True, clean={CHECKOUT}))

    assert run.warnings[0] == "base.yaml: took out 1 that is fixed"
    assert signatures(file) == [NATIVE.diagnosis.signature]


def test_a_file_that_was_asked_for_by_name_is_made_also_for_no_leaks(file):
    accepted(file).settle([], lambda: Evidence(complete=True))
    assert signatures(file) == []

    found = replace(file, path=file.path.with_name("other.yaml"), origin="rootdir")
    accepted(found).settle([], lambda: Evidence(complete=True))
    assert not found.path.exists()


@pytest.mark.parametrize("place", ["none/base.yaml", "folder", "pipe", "link", "loop"])
def test_places_where_no_baseline_can_be(tmp_path, place):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("none/base.yaml")
    (tmp_path / "loop").symlink_to("loop")
    file = BaselineFile(path=tmp_path / place, label=place, origin="the command line")

    for may_be_new in (True, False):
        with pytest.raises(MemguardError):
            file.read(may_be_new=may_be_new)


def test_nowhere_is_no_baseline_at_all_and_cannot_be_updated():
    file = BaselineFile(path=Path("/dev/null"), label="/dev/null", origin="the command line")

    assert file.read().entries == ()
    with pytest.raises(MemguardError, match="is no regular file"):
        file.change(added("aaaaaa"))


def test_one_that_is_named_and_not_there(file):
    with pytest.raises(
        MemguardError, match=r"baseline base.yaml \(from the command line\) does not exist\n  check the"
    ):
        file.read()
