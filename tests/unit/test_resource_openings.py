"""The lines that make resources are found: by the trace of their object, by watching the calls, or not at all."""

from __future__ import annotations

import gc
import os
import sys
import tempfile
import threading
import tracemalloc

import pytest

from pytest_memguard.diagnosis import Holding, Paths
from pytest_memguard.model import AllocationSite
from pytest_memguard.probes import open_children, open_probes
from pytest_memguard.resource_check.trace import Leaked, Tracer, grouped
from pytest_memguard.resources.inventory import open_inventory
from pytest_memguard.resources.loops import Loops
from pytest_memguard.resources.resource import Key

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
    pytest.mark.skipif(sys.getprofile() is not None, reason="somebody else profiles"),
]

HERE = "test_resource_openings.py"


@pytest.fixture
def tracer():
    probes = open_probes()
    inventory = open_inventory(open_children().read, Loops())
    holding = Holding(Paths(os.path.dirname(__file__)), budget_s=1.0, clock=lambda: 0.0)
    yield Tracer(inventory, holding, count_fds=probes.reader("fds"))
    probes.close()


@pytest.fixture(autouse=True)
def as_it_was():
    gc.freeze()  # as during pass 2
    yield
    gc.unfreeze()
    assert sys.getprofile() is None
    assert not tracemalloc.is_tracing()


def line_of(text):
    with open(__file__, encoding="utf-8") as stream:
        return next(number for number, line in enumerate(stream, 1) if line.rstrip().endswith(f"# {text}"))


def traced(tracer, scenario, *kinds):
    def repeat():
        scenario()
        return True

    found = tracer.trace(repeat, gc.collect, kinds)
    return [(each.kind, each.site.file, each.site.line) for each in found]


def test_a_file_object(tracer, tmp_path):
    kept = []

    def scenario():
        kept.append((tmp_path / "x").open("w"))  # file object

    assert traced(tracer, scenario, "fd") == [("fd", HERE, line_of("file object"))]
    kept.pop().close()


def test_a_bare_descriptor_between_others_that_are_closed(tracer, tmp_path):
    kept = []

    def scenario():
        with open(__file__, encoding="utf-8"):
            kept.append(os.open(__file__, os.O_RDONLY))  # bare
        with open(__file__, encoding="utf-8"):
            pass

    assert traced(tracer, scenario, "fd") == [("fd", HERE, line_of("bare"))]
    for number in kept:
        os.close(number)


def test_a_thread_and_a_folder(tracer):
    gate, threads, folders = threading.Event(), [], []

    def scenario():
        threads.append(threading.Thread(target=gate.wait))  # thread
        threads[-1].start()
        folders.append(tempfile.mkdtemp())  # folder

    found = traced(tracer, scenario, "thread", "tempfile")
    assert found == [("thread", HERE, line_of("thread")), ("tempfile", HERE, line_of("folder"))]
    gate.set()
    for thread in threads:
        thread.join()
    for folder in folders:
        os.rmdir(folder)


def test_a_repetition_that_failed(tracer):
    assert tracer.trace(lambda: False, gc.collect, ("fd",)) is None


def test_the_profile_function_of_somebody_else_stays(tracer):
    kept = []

    def profile(*_):
        pass

    def scenario():
        sys.setprofile(profile)
        kept.append(os.open(__file__, os.O_RDONLY))

    def repeat():
        scenario()
        return True

    try:
        tracer.trace(repeat, gc.collect, ("fd",))
        assert sys.getprofile() is profile
    finally:
        sys.setprofile(None)
    for number in kept:
        os.close(number)


def leaked(kind, line=None, *, helper=False):
    site = None if line is None else AllocationSite(file="shop.py", line=line, function="f", bytes=0, count=1)
    return Leaked(key=Key(kind, line), kind=kind, name=kind, stable=kind, is_helper=helper, site=site)


def test_what_one_line_makes_is_one_group_about_the_most_telling():
    (group,) = grouped([leaked("fd", 3), leaked("socket", 3), leaked("socket", 3), leaked("process", 3)])
    assert (group.kind, len(group.members), len(group.others)) == ("process", 1, 3)


def test_lines_are_kept_apart_and_helpers_go_with_the_first():
    groups = grouped([leaked("fd", None, helper=True), leaked("fd", 3), leaked("fd", 4), leaked("socket")])
    assert [(group.kind, group.site and group.site.line) for group in groups] == [
        ("fd", 3),
        ("fd", 4),
        ("socket", None),
    ]
    assert [len(group.others) for group in groups] == [1, 0, 0]


def test_helpers_alone_are_a_group():
    (group,) = grouped([leaked("fd", None, helper=True), leaked("fd", None, helper=True)])
    assert (group.kind, len(group.members), group.identity) == ("fd", 2, None)
