"""Memory that may still be taken, within a control group and without."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from pytest_memguard.probes import spare_memory

MIB = 1 << 20


@pytest.fixture
def cgroups(tmp_path: Path) -> Path:
    folder = tmp_path / "cgroup"
    folder.mkdir()
    return folder


def limited(folder: Path, limit: str, use: int, *, names: tuple[str, str] = ("memory.max", "memory.current")) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / names[0]).write_text(f"{limit}\n")
    (folder / names[1]).write_text(f"{use}\n")


def test_without_a_group_it_is_what_the_machine_has(cgroups, tmp_path):
    found = spare_memory(cgroups, tmp_path / "none")

    assert found == pytest.approx(psutil.virtual_memory().available, rel=0.5)


def test_the_root_group_of_a_container_counts(cgroups, tmp_path):
    limited(cgroups, str(10 * MIB), 4 * MIB)

    assert spare_memory(cgroups, tmp_path / "none") == 6 * MIB


def test_the_group_of_the_process_counts(cgroups, tmp_path):
    limited(cgroups / "jobs" / "a", str(3 * MIB), MIB)
    membership = tmp_path / "membership"
    membership.write_text("1:name=systemd:/x\n0::/jobs/a\n")

    assert spare_memory(cgroups, membership) == 2 * MIB


def test_version_1_counts(cgroups, tmp_path):
    limited(cgroups / "memory", str(3 * MIB), 4 * MIB, names=("memory.limit_in_bytes", "memory.usage_in_bytes"))

    assert spare_memory(cgroups, tmp_path / "none") == 0


@pytest.mark.parametrize("limit", ["max", "", "many"])
def test_no_limit_is_none(cgroups, tmp_path, limit):
    limited(cgroups, limit, 4)

    assert spare_memory(cgroups, tmp_path / "none") > 4 * MIB


def test_a_garbled_membership_is_passed_over(cgroups, tmp_path):
    membership = tmp_path / "membership"
    membership.write_bytes(b"\xff\n:::\nno colons\n0::\n")

    assert spare_memory(cgroups, membership) > 0


def test_a_machine_that_does_not_tell_is_no_fault(cgroups, tmp_path, monkeypatch):
    def denied():
        raise psutil.AccessDenied

    monkeypatch.setattr(psutil, "virtual_memory", denied)

    assert spare_memory(cgroups, tmp_path / "none") is None
