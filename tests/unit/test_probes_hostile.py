"""What tests do to the process must not reach the probes, and the probes must not reach the tests' files."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import textwrap

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

PRELUDE = """
    import errno, fcntl, gc, os, resource, sys, threading, time
    from unittest import mock
    from pytest_memguard.probes import Sample, open_probes

    MB = 1 << 20

    def boundary(probes):
        probes._thrift.left = 1  # nothing is left out
        return Sample.of(probes.read())

    def numbers(probes):
        return [kept.number for kept in probes._descriptors._kept]

    def opened():
        return set(os.listdir("/proc/self/fd"))
"""


def run(program, *arguments):
    """Run a program in a process of its own, where it may do its worst; it must be silent and end well."""
    code = textwrap.dedent(PRELUDE) + textwrap.dedent(program)
    command = [sys.executable, "-W", "error", "-c", code, *arguments]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert found.returncode == 0, found.stderr
    assert found.stdout + found.stderr == ""


class TestDescriptors:
    def test_above_what_programs_get_and_not_inherited(self):
        run("""
            resource.setrlimit(resource.RLIMIT_NOFILE, (1024, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
            probes = open_probes()
            assert len(numbers(probes)) == 4
            for number in numbers(probes):
                assert number >= 960, number
                assert fcntl.fcntl(number, fcntl.F_GETFD) & fcntl.FD_CLOEXEC
        """)

    def test_none_is_kept_where_there_are_few(self):
        run("""
            resource.setrlimit(resource.RLIMIT_NOFILE, (19, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
            before = opened()
            probes = open_probes()
            assert opened() == before
            assert boundary(probes).rss > 0
            assert probes.warnings == ()
        """)

    def test_the_table_of_descriptors_stays_small(self):
        run("""
            soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            assert max(numbers(open_probes())) < 4096
        """)

    def test_all_are_given_back(self):
        run("""
            before = opened()
            for _ in range(3):
                probes = open_probes()
                assert len(opened()) == len(before) + 4
                probes.close()
                probes.close()
            assert opened() == before
            assert boundary(probes) == (None,) * 7
            assert probes.warnings == ()
        """)

    def test_closed_by_a_test(self):
        run("""
            probes = open_probes()
            before = boundary(probes)
            os.closerange(3, 10_000)
            after = boundary(probes)
            assert None not in after, after
            assert after.fds == before.fds, (before, after)
            assert len(numbers(probes)) == 4
            assert probes.warnings == ()
            assert None not in boundary(probes)
            probes.close()
        """)

    def test_closed_by_every_test(self):
        run("""
            probes = open_probes()
            for number in range(40):
                os.closerange(3, 10_000)
                boundary(probes)
            sample = boundary(probes)
            assert (sample.rss, sample.peak, sample.fds) == (None, None, None), sample
            assert sample.heap and sample.blocks and sample.threads
            assert {warning.split()[0] for warning in probes.warnings} == {"rss", "fds", "peak"}, probes.warnings
            assert probes.describe()["vms"].startswith("unavailable: OSError")
        """)

    @pytest.mark.parametrize("folder", [None, "/dev/shm"])  # noqa: S108 - tmpfs would take a write at any offset
    def test_numbers_that_belong_to_the_user_by_now(self, tmp_path, folder):
        if folder is not None and not os.path.isdir(folder):
            pytest.skip("this machine has no tmpfs to write to")
        with tempfile.TemporaryDirectory(dir=folder or tmp_path) as place:
            self.take_our_numbers(os.path.join(place, "data"))

    def take_our_numbers(self, path):
        run(
            """
            probes = open_probes()
            boundary(probes)
            theirs = numbers(probes)
            path = sys.argv[1]
            for number in theirs:
                os.close(number)
                low = os.open(path, os.O_RDWR | os.O_CREAT)
                os.dup2(low, number)
                os.close(low)
            os.write(theirs[0], b"precious")
            before = os.stat(path)
            for _ in range(20):
                assert None not in boundary(probes)
            assert not set(theirs) & set(numbers(probes))
            probes.close()
            for number in theirs:
                assert os.fstat(number).st_ino == before.st_ino
            with open(path, "rb") as file:
                assert file.read() == b"precious"
            """,
            path,
        )

    def test_a_pipe_at_our_number_gets_nothing(self):
        run("""
            probes = open_probes()
            readable, writable = os.pipe()
            os.set_blocking(readable, False)
            for number in numbers(probes):
                os.dup2(writable, number)
            for _ in range(3):
                boundary(probes)
            try:
                raise AssertionError(os.read(readable, 10))
            except BlockingIOError:
                pass
            assert probes.warnings == ()
        """)

    def test_none_left_when_the_probes_are_opened(self):
        run("""
            soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (40, hard))
            held = []
            try:
                while True:
                    held.append(os.dup(2))
            except OSError:
                pass
            probes = open_probes()
            sample = boundary(probes)
            assert sample.heap and sample.blocks
            assert sample.peak is None
            assert probes.describe()["peak"] == "unavailable: /proc/self/clear_refs: Too many open files"
        """)

    def test_none_left_when_they_must_be_opened_again(self):
        run("""
            probes = open_probes()
            before = boundary(probes)
            os.closerange(3, 10_000)
            soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
            sample = boundary(probes)
            assert (sample.rss, sample.fds) == (None, None), sample
            assert sample.heap
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            sample = boundary(probes)
            assert sample.rss and sample.fds
            assert sample.peak is None, "the peak of two stretches"
            assert None not in boundary(probes)
            assert all("at some test boundaries" in warning for warning in probes.warnings), probes.warnings
        """)

    def test_a_lower_limit(self):
        run("""
            probes = open_probes()
            soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (16, hard))
            assert None not in boundary(probes)
            assert probes.warnings == ()
        """)

    def test_few_descriptors_allowed(self):
        run("""
            soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (32, hard))
            probes = open_probes()
            assert min(numbers(probes)) >= 24
            assert None not in boundary(probes)
        """)


class TestFork:
    def test_a_child_reads_itself_and_leaves_the_parent_alone(self):
        run("""
            probes = open_probes()
            boundary(probes)
            held = bytearray(b"1") * (40 * MB)
            del held
            child = os.fork()
            if child == 0:
                mine = bytearray(b"1") * (60 * MB)
                sample, again = boundary(probes), boundary(probes)
                good = None not in sample and sample.rss > 60 * MB and again.peak < 100 * MB
                probes.close()
                os._exit(0 if good else 1)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
            sample = boundary(probes)
            assert 40 * MB < sample.peak, sample
            assert sample.rss < 60 * MB, sample
            assert len(numbers(probes)) == 4
            assert probes.warnings == ()
        """)

    @pytest.mark.parametrize("how", ["spawn", "exec"])
    def test_the_peak_of_a_parent_is_not_ours(self, how):
        run(
            """
            import subprocess
            if len(sys.argv) == 3:
                assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 > 150 * MB
                probes = open_probes()
                first = boundary(probes)
                held = bytearray(b"1") * (20 * MB)
                del held
                second, third = boundary(probes), boundary(probes)
                assert first.peak < 100 * MB, first
                assert 18 * MB < second.peak - first.rss < 26 * MB, (first, second)
                assert third.peak - third.rss < 4 * MB, third
                sys.exit()
            held = bytearray(b"1") * (150 * MB)
            command = [sys.executable, "-c", sys.orig_argv[sys.orig_argv.index("-c") + 1], "child", "again"]
            if sys.argv[1] == "spawn":
                sys.exit(subprocess.call(command))
            os.execv(sys.executable, command)
            """,
            how,
        )


class TestReplacedFunctions:
    def test_mocks(self):
        run("""
            probes = open_probes()
            before = boundary(probes)
            names = (
                "os.pread", "os.pwrite", "os.open", "os.close", "os.fstat", "os.stat", "os.listdir", "os.getpid",
                "os.read", "os.write", "resource.getrusage", "resource.getrlimit", "fcntl.fcntl", "time.thread_time_ns",
                "time.perf_counter", "sys.getallocatedblocks", "gc.get_stats", "gc.get_count", "gc.collect",
                "threading.active_count", "threading.enumerate", "psutil.heap_info", "psutil.Process", "builtins.open",
            )
            patches = [mock.patch(name, side_effect=AssertionError(name)) for name in names]
            for patch in patches:
                patch.start()
            samples = [probes.sample() if number % 3 == 0 else boundary(probes) for number in range(40)]
            for patch in patches:
                patch.stop()
            assert all(None not in sample for sample in samples)
            assert probes.warnings == ()
            assert samples[-1].fds == before.fds
        """)

    def test_modules_replaced_everywhere(self):
        run("""
            probes = open_probes()
            fake = object()
            hidden = {}
            for name, module in list(sys.modules.items()):
                if not name.startswith("pytest_memguard"):
                    continue
                for key, value in list(vars(module).items()):
                    if value in (os, time, gc, sys, threading, resource, fcntl) or callable(value) and getattr(
                        value, "__module__", None
                    ) in ("posix", "time", "gc", "threading"):
                        hidden[module, key] = value
                        setattr(module, key, fake)
            os.closerange(3, 10_000)
            samples = [probes.sample() if number % 3 == 0 else boundary(probes) for number in range(40)]
            for (module, key), value in hidden.items():
                setattr(module, key, value)
            assert len(hidden) > 10
            assert all(None not in sample for sample in samples)
            assert probes.warnings == ()
        """)

    def test_a_probe_that_raises_steps_aside_once_and_aloud(self):
        run("""
            import psutil
            probes = open_probes()
            with mock.patch.object(psutil._psplatform, "heap_info", side_effect=RuntimeError("mocked")):
                broken = [boundary(probes) for _ in range(3)]
            later = boundary(probes)
            assert all(sample.heap is None and sample.rss and sample.peak for sample in (*broken, later))
            assert probes.warnings == ("heap is no longer read: RuntimeError: mocked",)
            assert probes.describe()["heap"] == "unavailable: RuntimeError: mocked"
            assert probes.reader("heap") is None
        """)

    def test_no_memory_left_for_one_reading(self):
        run("""
            import psutil
            probes = open_probes()
            with mock.patch.object(psutil._psplatform, "heap_info", side_effect=MemoryError):
                samples = boundary(probes), probes.sample()
            assert all(sample.heap is None and sample.blocks for sample in samples)
            assert None not in boundary(probes)
            assert probes.warnings == ("heap could not be read at some test boundaries: MemoryError: ",)
        """)

    def test_an_interrupt_goes_through(self):
        run("""
            import psutil
            probes = open_probes()
            for read in (boundary, type(probes).sample):
                with mock.patch.object(psutil._psplatform, "heap_info", side_effect=KeyboardInterrupt):
                    try:
                        read(probes)
                    except KeyboardInterrupt:
                        continue
                raise AssertionError("swallowed")
        """)

    def test_another_working_directory_and_user(self, tmp_path):
        if os.getuid() != 0:
            pytest.skip("only root can become somebody else")
        run(
            """
            probes = open_probes()
            os.chdir(sys.argv[1])
            os.rmdir(sys.argv[1])
            os.setresuid(65534, 65534, 0)
            assert all(None not in boundary(probes) for _ in range(3))
            assert probes.warnings == ()
            """,
            str(tmp_path),
        )
