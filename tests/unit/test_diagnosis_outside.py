"""Holders that the garbage collector cannot see, growth without new objects, and what has no Python side at all."""

from __future__ import annotations

import atexit
import codecs
import gc
import os
import signal

import pytest

from tests.unit.diagnosis_lab import laboratory


@pytest.fixture
def lab(tmp_path):
    with laboratory(tmp_path) as lab:
        yield lab


@pytest.mark.parametrize("name", ["app", "pytest_app"])
def test_locals_of_a_running_thread(lab, name):
    app = lab.module(
        name,
        """
        import queue
        import threading

        JOBS, DONE = queue.Queue(), queue.Queue()

        class Job:
            pass

        def consume():
            seen = []
            while (job := JOBS.get()) is not None:
                seen.append(job)
                del job
                DONE.put(None)

        WORKER = threading.Thread(target=consume, name="worker-1")

        def test():
            JOBS.put(Job())  # <-
            DONE.get()
        """,
    )
    app.WORKER.start()
    try:
        evidence = lab.diagnose(app.test)
    finally:
        app.JOBS.put(None)
        app.WORKER.join()

    (retainer,) = evidence.diagnosis.retainers
    assert retainer.root == "thread 'worker-1' frame consume local seen"
    assert retainer.path == "thread 'worker-1' frame consume local seen[*]"
    assert retainer.type == f"shop.{name}.Job"
    assert evidence.diagnosis.component == f"shop.{name}"
    assert evidence.diagnosis.sites[0].line == lab.marked_line(name)


def test_looking_at_a_thread_keeps_none_of_its_locals_alive(lab):
    app = lab.module(
        "app",
        """
        import queue
        import threading
        import weakref

        JOBS, DONE = queue.Queue(), queue.Queue()

        class Job:
            pass

        def consume():
            seen = []
            while (job := JOBS.get()) is not None:
                seen.append(job)
                del job
                if JOBS.empty() and len(seen) > 100:
                    seen = []
                DONE.put(None)

        WORKER = threading.Thread(target=consume)

        def test():
            JOBS.put(Job())
            DONE.get()

        def put(job):
            JOBS.put(job)
            reference = weakref.ref(job)
            del job
            DONE.get()
            return reference
        """,
    )
    app.WORKER.start()
    try:
        lab.diagnose(app.test)
        reference = app.put(app.Job())
        for _ in range(101):
            app.test()
        assert reference() is None
    finally:
        app.JOBS.put(None)
        app.WORKER.join()


def test_functions_that_wait_for_the_end_of_the_process(lab):
    app = lab.module(
        "app",
        """
        import atexit

        class Connection:
            def close(self):
                pass

        MADE = []

        def test():
            connection = Connection()  # <-
            atexit.register(connection.close)
            MADE.append(id(connection))
        """,
    )
    try:
        diagnosis = lab.diagnose(app.test).diagnosis
    finally:
        for obj in gc.get_objects():
            if type(obj) is app.Connection:
                atexit.unregister(obj.close)

    (retainer,) = diagnosis.retainers
    assert retainer.path == "atexit[*].__self__"
    assert retainer.root == "atexit"
    assert retainer.type == "shop.app.Connection"
    assert retainer.steps == ("atexit", "[*] method", ".__self__ shop.app.Connection")


def test_a_signal_handler_that_wraps_the_one_before(lab):
    app = lab.module(
        "app",
        """
        import signal

        class Shutdown:
            def __init__(self, before):
                self.before = before

            def __call__(self, number, frame):
                pass

        def test():
            signal.signal(signal.SIGUSR2, Shutdown(signal.getsignal(signal.SIGUSR2)))
        """,
    )
    before = signal.getsignal(signal.SIGUSR2)
    try:
        diagnosis = lab.diagnose(app.test).diagnosis
    finally:
        signal.signal(signal.SIGUSR2, before)

    (retainer,) = diagnosis.retainers
    assert retainer.path == "handler of SIGUSR2.before"
    assert retainer.type == "shop.app.Shutdown"


def test_an_object_that_c_code_holds(lab):
    app = lab.module(
        "app",
        """
        import ctypes

        class Leaky:
            pass

        def test():
            leaky = Leaky()  # <-
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(leaky))
        """,
    )

    diagnosis = lab.diagnose(app.test).diagnosis

    (retainer,) = diagnosis.retainers
    assert retainer.root == "(held outside Python)"
    assert retainer.type == "shop.app.Leaky"
    assert retainer.steps == ("(held outside Python)", "shop.app.Leaky")
    held, modules = diagnosis.notes
    assert held.startswith("held outside Python: shop.app.Leaky has one reference more than the objects that refer to")
    assert modules == "compiled modules that it runs through: ctypes"
    assert (diagnosis.sites[0].file, diagnosis.sites[0].line) == ("shop/app.py", lab.marked_line("app"))
    assert diagnosis.component == "shop.app"


class Note:
    pass


def test_what_only_the_test_runner_holds_is_said_to_be_its_own(lab, request):
    stash, keys = request.config.stash, []

    def note():
        keys.append(pytest.StashKey())
        stash[keys[-1]] = Note()

    try:
        evidence = lab.diagnose(note)
    finally:
        for key in keys:
            del stash[key]

    assert evidence.diagnosis.types[0].type == f"{__name__}.Note"
    assert evidence.diagnosis.retainers == ()
    assert evidence.owner == "pytest"
    assert evidence.diagnosis.component.startswith("_pytest.")
    assert "only the test machinery holds it" in evidence.diagnosis.notes[0]


def test_objects_of_the_test_runner_that_an_application_keeps_are_no_way_to_blame_the_runner(lab):
    app = lab.module(
        "app",
        """
        import pytest

        ERRORS = []

        def test():
            with pytest.raises(ValueError) as caught:
                int("x")
            ERRORS.append(caught)
        """,
    )

    evidence = lab.diagnose(app.test)

    (retainer,) = evidence.diagnosis.retainers
    assert retainer.root == "shop.app.ERRORS"
    assert retainer.path.startswith("shop.app.ERRORS[*]")
    assert evidence.owner == "user"


def test_a_list_that_gets_the_same_object_again_and_again(lab):
    app = lab.module(
        "app",
        """
        HISTORY = []
        STATE = object()

        def test():
            HISTORY.append(STATE)
        """,
    )

    evidence = lab.diagnose(app.test, native=True)

    (retainer,) = evidence.diagnosis.retainers
    assert retainer.path == "shop.app.HISTORY[*]"
    assert retainer.type == "object"
    assert evidence.holder is app.HISTORY
    assert evidence.holder_per_run == 1


def test_of_several_containers_the_one_that_grew_most_is_shown(lab):
    app = lab.module(
        "app",
        """
        ATTEMPTS, BLOBS, COUNTS = [], [], {}

        def test():
            ATTEMPTS.append(1)
            BLOBS.append(bytes(1000))
            COUNTS[len(COUNTS)] = 1
        """,
    )

    evidence = lab.diagnose(app.test)

    assert [retainer.path for retainer in evidence.diagnosis.retainers] == ["shop.app.BLOBS[*]"]
    assert evidence.holder is app.BLOBS


@pytest.mark.parametrize(
    ("make", "grow", "kind"),
    [
        ("bytearray()", "BUFFER.extend(b'x' * 100)", "bytearray"),
        ("io.StringIO()", "BUFFER.write('x' * 100)", "_io.StringIO"),
        ("io.BytesIO()", "BUFFER.write(b'x' * 100)", "_io.BytesIO"),
        ("array.array('b')", "BUFFER.extend(b'x' * 100)", "array.array"),
    ],
)
def test_a_buffer_that_grows_in_place(lab, make, grow, kind):
    app = lab.module("app", f"import array, io\nBUFFER = {make}\ndef test():\n    {grow}\n")

    evidence = lab.diagnose(app.test, native=True)

    (retainer,) = evidence.diagnosis.retainers
    assert retainer.path == retainer.root == "shop.app.BUFFER"
    assert retainer.type == kind
    assert evidence.holder is app.BUFFER
    assert evidence.holder_per_run == 100


@pytest.mark.parametrize(
    ("before", "statement", "root", "kind"),
    [
        ("TEXT = ''", "global TEXT; TEXT += 'x' * 300", "shop.app.TEXT", "str"),
        ("SEEN = ()", "global SEEN; SEEN = (*SEEN, 1.5)", "shop.app.SEEN", "tuple"),
        ("class Log:\n    data = b''", "Log.data += b'x' * 300", "shop.app.Log.data", "bytes"),
        ("class Log: pass\nLOG = Log(); LOG.data = b''", "LOG.data += b'x' * 300", "shop.app.LOG.data", "bytes"),
    ],
)
def test_a_value_that_is_replaced_by_a_longer_one(lab, before, statement, root, kind):
    app = lab.module("app", f"{before}\ndef test():\n    {statement}\n")

    evidence = lab.diagnose(app.test, native=True)

    (retainer,) = evidence.diagnosis.retainers
    assert (retainer.path, retainer.root, retainer.type) == (root, root, kind)
    assert evidence.diagnosis.component == "shop.app"
    assert evidence.owner == "user"
    assert len(evidence.diagnosis.signature) == 12


def test_a_context_variable_whose_value_gets_longer(lab):
    app = lab.module(
        "app",
        """
        import contextvars

        TRAIL = contextvars.ContextVar("shop_trail", default=())

        def test():
            TRAIL.set((*TRAIL.get(), 1.5))
        """,
    )

    (retainer,) = lab.diagnose(app.test).diagnosis.retainers

    assert retainer.path == "context variable 'shop_trail'"


def test_search_functions_of_codecs(lab):
    app = lab.module(
        "app",
        """
        import codecs

        class Codec:
            def search(self, name):
                return None

        MADE = []

        def test():
            codec = Codec().search  # <-
            MADE.append(id(codec))
            codecs.register(codec)
        """,
    )
    try:
        diagnosis = lab.diagnose(app.test).diagnosis
    finally:
        for obj in gc.get_objects():
            if type(obj) is app.Codec:
                codecs.unregister(obj.search)

    (retainer,) = diagnosis.retainers
    assert retainer.path == "codecs.register[*].__self__"
    assert retainer.type == "shop.app.Codec"
    assert diagnosis.component == "codecs"


@pytest.mark.skipif(not hasattr(os, "register_at_fork"), reason="needs fork")
def test_functions_that_wait_for_a_fork(lab):
    app = lab.module(
        "app",
        """
        import logging
        import os

        class Resource:
            def close(self):
                pass

        def test():
            os.register_at_fork(after_in_child=Resource().close)
        """,
    )

    (retainer,) = lab.diagnose(app.test).diagnosis.retainers

    assert retainer.path == "os.register_at_fork[*].__self__"


def test_what_memguard_itself_looks_at_is_not_retained_by_it(lab):
    app = lab.module(
        "app",
        """
        import ctypes

        class Order:
            pass

        BOX = []
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(BOX))
        ADDRESS = id(BOX)
        del BOX

        def box():
            return ctypes.cast(ADDRESS, ctypes.py_object).value

        def test():
            box().append(Order())
        """,
    )
    census = type("Census", (), {"__module__": "pytest_memguard.census"})()
    census.containers = [app.box()]

    evidence = lab.diagnose(app.test)

    assert evidence.diagnosis.retainers[0].path == "(held outside Python)[*]"
    assert evidence.owner is None
    assert census.containers == [app.box()]


def test_memory_of_c_code_has_a_note_and_nothing_made_up(lab):
    app = lab.module(
        "app",
        """
        import ctypes

        malloc = ctypes.CDLL(None).malloc
        malloc.argtypes, malloc.restype = [ctypes.c_size_t], ctypes.c_void_p
        ADDRESSES = (ctypes.c_void_p * 100)()
        USED = ctypes.c_int()

        def test():
            ADDRESSES[USED.value] = malloc(4096)
            USED.value += 1

        def clean():
            free = ctypes.CDLL(None).free
            free.argtypes = [ctypes.c_void_p]
            for number in range(USED.value):
                free(ADDRESSES[number])
        """,
    )
    try:
        diagnosis = lab.diagnose(app.test, native=True).diagnosis
    finally:
        app.clean()

    assert diagnosis.types == ()
    assert diagnosis.sites == ()
    assert diagnosis.retainers == ()
    assert diagnosis.signature == ""
    note, modules = diagnosis.notes
    assert modules == "compiled modules that it runs through: ctypes"
    assert note.startswith("no Python allocation explains the growth, so C code allocates it: `memray run --native")


def test_nothing_that_stays_is_said_to_be_just_that(lab):
    diagnosis = lab.diagnose(lambda: [object()]).diagnosis

    assert diagnosis.retainers == diagnosis.sites == diagnosis.types == ()
    assert diagnosis.notes == (
        "no object that stays was seen: what grew before did not grow in the repetitions of the diagnosis",
    )
