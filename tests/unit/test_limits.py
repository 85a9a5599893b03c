"""Limits of memory and what is used of them, read from recorded trees of the files in which kernels show them."""

from __future__ import annotations

import os
import resource

import pytest

from pytest_memguard.probes.limits import CONFIGURED, FILL_RATE, open_limits
from pytest_memguard.probes.stall import open_stall

MIB = 1 << 20
GIB = 1 << 30
PAGE = os.sysconf("SC_PAGE_SIZE")

MEMINFO = """\
MemTotal:       16777216 kB
MemFree:         1048576 kB
MemAvailable:   12582912 kB
Cached:          8388608 kB
SwapTotal:             0 kB
SwapFree:              0 kB
"""
# 512 MiB mapped, 100 MiB resident, 80 MiB private.
STATM = f"{512 * MIB // PAGE} {100 * MIB // PAGE} 2000 700 0 {80 * MIB // PAGE} 0\n"
UNLIMITED_V1 = "9223372036854771712\n"

# As a host shows a service of its own, as Docker shows a container with and without a namespace of its own.
V2_MOUNT = "30 23 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
V1_MOUNT = "35 31 0:32 {root} /sys/fs/cgroup/memory ro,nosuid master:17 - cgroup cgroup rw,memory\n"
V1_OTHERS = "34 31 0:31 / /sys/fs/cgroup/cpuset rw,relatime - cgroup cgroup rw,cpuset\n"


class Machine:
    """A tree of files as ``/proc`` and ``/sys`` would show them."""

    def __init__(self, path):
        self.root = str(path)
        self.write("proc/meminfo", MEMINFO)
        self.write("proc/self/statm", STATM)

    def write(self, name, text):
        path = os.path.join(self.root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def member(self, membership, mounts):
        self.write("proc/self/cgroup", membership)
        self.write("proc/self/mountinfo", "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n" + mounts)

    def v2(self, folder, *, limit, used, high="max", inactive=0, active=0):
        top = os.path.join("sys/fs/cgroup", folder)
        self.write(f"{top}/memory.max", f"{limit}\n")
        self.write(f"{top}/memory.high", f"{high}\n")
        self.write(f"{top}/memory.current", f"{used}\n")
        self.write(f"{top}/memory.stat", f"anon 1\nfile 2\ninactive_file {inactive}\nactive_file {active}\nslab 3\n")

    def v1(self, folder, *, limit, used, inactive=0, active=0, least=None):
        top = os.path.join("sys/fs/cgroup/memory", folder)
        self.write(f"{top}/memory.limit_in_bytes", f"{limit}\n")
        self.write(f"{top}/memory.usage_in_bytes", f"{used}\n")
        self.write(
            f"{top}/memory.stat",
            f"cache 5\ninactive_file 1\nactive_file 1\nhierarchical_memory_limit {least or limit}\n"
            f"total_cache 9\ntotal_inactive_file {inactive}\ntotal_active_file {active}\n",
        )

    def open(self, soft=None, **options):
        """Limits of this machine and no other: *soft* has those of the process."""
        infinite = resource.RLIM_INFINITY
        return open_limits(root=self.root, ask=lambda which: ((soft or {}).get(which, infinite), infinite), **options)

    def read(self, **options):
        """Limit and usage by source."""
        limits = self.open(**options)
        try:
            usages = limits.read(0.0).usages
        finally:
            limits.close()
        return {usage.source: (usage.limit, usage.used, usage.scope) for usage in usages}


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


PHYSICAL = {"physical": (16 * GIB, 4 * GIB, "machine")}


def test_a_machine_without_groups_has_its_memory_and_page_cache_is_not_used(machine):
    assert machine.read() == PHYSICAL


def test_free_swap_is_memory_that_is_left(machine):
    machine.write("proc/meminfo", MEMINFO.replace("SwapTotal:             0", "SwapTotal:       4194304"))

    assert machine.read()["physical"] == (20 * GIB, 8 * GIB, "machine")


def test_a_machine_that_tells_nothing_is_asked_through_psutil(machine):
    machine.write("proc/meminfo", "MemTotal: 5 kB\n")

    ((limit, used, scope),) = machine.read().values()

    assert limit > used > 0
    assert scope == "machine"


def test_configured_is_compared_with_what_is_resident(machine):
    assert machine.read(configured=400 * MIB)[CONFIGURED] == (400 * MIB, 100 * MIB, "process")


# -- version 2


def test_version_2_counts_without_the_cache_that_the_kernel_takes_back(machine):
    machine.member("0::/app.slice/run.scope\n", V2_MOUNT)
    machine.v2("app.slice/run.scope", limit=512 * MIB, used=450 * MIB, inactive=150 * MIB, active=50 * MIB)

    assert machine.read() == {"cgroup v2": (512 * MIB, 250 * MIB, "group"), **PHYSICAL}


def test_every_group_above_counts_with_its_own_usage(machine):
    machine.member("0::/a/b/c\n", V2_MOUNT)
    machine.v2("a/b/c", limit="max", used=10 * MIB)
    machine.v2("a/b", limit=900 * MIB, used=200 * MIB)
    machine.v2("a", limit=600 * MIB, used=590 * MIB)
    limits = machine.open()

    found = [(usage.limit, usage.used) for usage in limits.read(0.0).usages if usage.scope == "group"]

    assert found == [(900 * MIB, 200 * MIB), (600 * MIB, 590 * MIB)]
    assert limits.smallest().limit == 600 * MIB
    limits.close()


def test_memory_high_is_a_limit_of_its_own(machine):
    machine.member("0::/\n", V2_MOUNT)
    machine.v2("", limit=512 * MIB, high=400 * MIB, used=100 * MIB)

    found = machine.read()

    assert found["cgroup v2"] == (512 * MIB, 100 * MIB, "group")
    assert found["cgroup v2 memory.high"] == (400 * MIB, 100 * MIB, "group")


def test_a_container_with_a_namespace_is_the_root_of_what_it_sees(machine):
    machine.member("0::/\n", V2_MOUNT)
    machine.v2("", limit=256 * MIB, used=64 * MIB)

    assert machine.read()["cgroup v2"] == (256 * MIB, 64 * MIB, "group")


def test_a_process_outside_of_what_its_namespace_shows_has_the_mounted_group(machine):
    machine.member("0::/../other\n", V2_MOUNT)
    machine.v2("", limit=256 * MIB, used=64 * MIB)

    assert machine.read()["cgroup v2"] == (256 * MIB, 64 * MIB, "group")


def test_a_limit_above_what_the_machine_has_is_none(machine):
    machine.member("0::/\n", V2_MOUNT)
    machine.v2("", limit=64 * GIB, used=GIB)

    assert machine.read() == PHYSICAL


# -- version 1


def test_version_1_counts_with_the_groups_below(machine):
    machine.member("4:memory:/app\n3:cpuset:/\n", V1_OTHERS + V1_MOUNT.format(root="/"))
    machine.v1("app", limit=512 * MIB, used=300 * MIB, inactive=90 * MIB, active=10 * MIB)
    machine.v1("", limit=UNLIMITED_V1.strip(), used=GIB)

    assert machine.read() == {"cgroup v1": (512 * MIB, 200 * MIB, "group"), **PHYSICAL}


def test_unlimited_in_version_1_is_a_very_large_number(machine):
    machine.member("4:memory:/app\n", V1_MOUNT.format(root="/"))
    machine.v1("app", limit=UNLIMITED_V1.strip(), used=300 * MIB)

    assert machine.read() == PHYSICAL


def test_a_container_without_a_namespace_sees_the_path_of_the_host(machine):
    machine.member("9:memory:/docker/0a1b\n", V1_MOUNT.format(root="/docker/0a1b"))
    machine.v1("", limit=200 * MIB, used=50 * MIB)

    assert machine.read()["cgroup v1"] == (200 * MIB, 50 * MIB, "group")


def test_a_group_within_such_a_container_counts_with_the_container(machine):
    machine.member("9:memory:/docker/0a1b/tests\n", V1_MOUNT.format(root="/docker/0a1b"))
    machine.v1("tests", limit=100 * MIB, used=50 * MIB)
    machine.v1("", limit=200 * MIB, used=190 * MIB)
    limits = machine.open()

    assert [usage.used for usage in limits.read(0.0).usages if usage.scope == "group"] == [50 * MIB, 190 * MIB]
    limits.close()


def test_a_limit_above_the_container_is_known_without_its_group(machine):
    machine.member("9:memory:/kubepods/pod1/c1\n", V1_MOUNT.format(root="/kubepods/pod1/c1"))
    machine.v1("", limit=UNLIMITED_V1.strip(), used=50 * MIB, least=300 * MIB)

    assert machine.read()["cgroup v1, a group above"] == (300 * MIB, 50 * MIB, "group")


def test_controllers_that_are_mounted_together_are_found(machine):
    mount = V1_MOUNT.format(root="/").replace("rw,memory", "rw,cpu,memory").replace("memory ro", "cpu,memory ro")
    machine.member("4:cpu,memory:/app\n", mount)
    machine.write("sys/fs/cgroup/cpu,memory/app/memory.limit_in_bytes", f"{64 * MIB}")
    machine.write("sys/fs/cgroup/cpu,memory/app/memory.usage_in_bytes", f"{MIB}")

    assert machine.read()["cgroup v1"] == (64 * MIB, MIB, "group")


def test_a_mount_point_with_a_blank_is_escaped_by_the_kernel(machine):
    machine.member("0::/\n", V2_MOUNT.replace("/sys/fs/cgroup", r"/my\040groups"))
    machine.write("my groups/memory.max", f"{64 * MIB}\n")
    machine.write("my groups/memory.current", f"{MIB}\n")

    assert machine.read()["cgroup v2"] == (64 * MIB, MIB, "group")


# -- what cannot be read


@pytest.mark.parametrize("text", ["", "max\n", "-1\n", "a lot\n", "0\n"])
def test_what_is_no_limit_is_none(machine, text):
    machine.member("0::/\n", V2_MOUNT)
    machine.v2("", limit=1, used=MIB)
    machine.write("sys/fs/cgroup/memory.max", text)

    assert machine.read() == PHYSICAL


def test_a_limit_without_its_usage_is_left_out(machine):
    machine.member("0::/\n", V2_MOUNT)
    machine.write("sys/fs/cgroup/memory.max", f"{64 * MIB}\n")

    assert machine.read() == PHYSICAL


@pytest.mark.parametrize("mounts", ["", "nonsense\n", "1 2 3\n", "35 31 0:32 - cgroup2\n", "35 31 0:32 / /x rw -\n"])
def test_mounts_that_are_not_understood_are_no_groups(machine, mounts):
    machine.member("0::/\nnonsense\n4:memory\n", mounts)

    assert machine.read() == PHYSICAL


def test_a_usage_that_can_no_longer_be_read_stays_what_it_was(machine):
    machine.member("0::/\n", V2_MOUNT)
    machine.v2("", limit=64 * MIB, used=MIB)
    limits = machine.open()
    limits.read(0.0)
    machine.write("sys/fs/cgroup/memory.current", "")

    (group, _) = limits.read(100.0).usages

    assert group.used == MIB
    limits.close()


# -- what is read when


def test_what_others_use_is_read_again_when_it_may_have_run_out(machine):
    machine.member("0::/\n", V2_MOUNT)
    machine.v2("", limit=8 * GIB, used=4 * GIB)
    limits = machine.open()

    def used(now, **options):
        return next(usage.used for usage in limits.read(now, **options).usages if usage.scope == "group")

    first = used(10.0)
    machine.v2("", limit=8 * GIB, used=5 * GIB)
    soon = used(10.0 + 4 * GIB / FILL_RATE - 0.01)
    late = used(10.0 + 4 * GIB / FILL_RATE + 0.01)
    machine.v2("", limit=8 * GIB, used=6 * GIB)

    assert [first, soon, late] == [4 * GIB, 4 * GIB, 5 * GIB]
    assert used(10.0 + 4 * GIB / FILL_RATE + 0.02, fresh=True) == 6 * GIB
    limits.close()


def test_how_long_one_may_wait_is_until_the_nearest_limit(machine):
    limits = machine.open(configured=100 * MIB + FILL_RATE // 10)

    assert limits.read(0.0).wait_s == pytest.approx(0.1)
    limits.close()


def test_soft_limits_of_the_process_count_what_the_kernel_compares_them_with(machine):
    found = machine.read(soft={resource.RLIMIT_AS: GIB, resource.RLIMIT_DATA: 200 * MIB})

    assert found["RLIMIT_AS"] == (GIB, 512 * MIB, "process")
    assert found["RLIMIT_DATA"] == (200 * MIB, 80 * MIB, "process")


# -- whose limit it is


@pytest.mark.parametrize(("resident", "workers", "ours"), [(100, 1, False), (2000, 1, True), (300, 8, True)])
def test_a_small_process_does_not_fill_the_machine(machine, resident, workers, ours):
    machine.write("proc/self/statm", f"{4 * GIB // PAGE} {resident * MIB // PAGE} 0 0 0 0 0\n")
    limits = machine.open(workers=workers)

    (usage,) = limits.read(0.0).usages

    assert usage.ours is ours
    limits.close()


@pytest.mark.parametrize(("workers", "used", "ours"), [(1, 1000, True), (4, 900, True), (4, 1100, False)])
def test_a_worker_with_next_to_nothing_does_not_fill_the_group(machine, workers, used, ours):
    machine.member("0::/\n", V2_MOUNT)
    machine.v2("", limit=2 * GIB, used=used * MIB)
    limits = machine.open(workers=workers)

    group, _ = limits.read(0.0).usages

    assert group.ours is ours
    limits.close()


def test_here_something_is_known():
    limits = open_limits()

    assert limits.memory.rss > MIB
    assert limits.smallest().limit > MIB
    limits.close()


# -- stalls

STALL = "some avg10=31.00 avg60=2.00 avg300=0.00 total=1\nfull avg10=12.50 avg60=0.00 avg300=0.00 total=0\n"


def test_the_stalls_of_the_machine_are_read_where_the_group_has_none(machine):
    machine.write("proc/pressure/memory", STALL)
    stall = open_stall(machine.root)

    assert stall.read(0.0) == 0.125
    assert stall.source.endswith("proc/pressure/memory")
    stall.close()


def test_those_of_the_own_group_come_first_and_are_read_every_two_seconds(machine):
    machine.member("0::/app\n", V2_MOUNT)
    machine.v2("app", limit="max", used=1)
    machine.write("proc/pressure/memory", STALL)
    machine.write("sys/fs/cgroup/app/memory.pressure", STALL.replace("12.50", "0.00"))
    stall = open_stall(machine.root)
    first = stall.read(10.0)
    machine.write("sys/fs/cgroup/app/memory.pressure", STALL)

    assert (first, stall.read(11.9), stall.read(12.1)) == (0.0, 0.0, 0.125)
    stall.close()


def test_a_kernel_without_stalls_has_none(machine):
    assert open_stall(machine.root) is None


def test_stalls_that_are_not_understood_are_not_known(machine):
    machine.write("proc/pressure/memory", "nonsense\n")
    stall = open_stall(machine.root)

    assert stall.read(0.0) is None
    stall.close()
