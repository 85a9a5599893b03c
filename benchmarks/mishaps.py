"""What can go wrong around a run: code that comes before everything else, and tests that do the unusual."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Mishap:
    """``before`` runs before pytest loads any plugin; ``test`` is a file between two ordinary ones.

    ``start`` is what starts the run, with ``{}`` for the command; ``folder`` is the suite's, as bytes.
    """

    name: str
    before: str = ""
    test: str = ""
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    start: str = "exec {}"
    folder: bytes = b"shop"


_REFUSE = """
import builtins, io, os
def refusing(function):
    def refused(path, *args, **kwargs):
        name = path if isinstance(path, (str, bytes)) else str(path)
        name = os.fsdecode(name)
        if name.startswith({prefix!r}):
            raise {error}
        return function(path, *args, **kwargs)
    return refused
for name in ("open", "listdir", "stat", "readlink", "scandir", "access"):
    setattr(os, name, refusing(getattr(os, name)))
builtins.open = io.open = refusing(builtins.open)
"""
_NOT_FOUND = 'FileNotFoundError(2, "No such file or directory", name)'
_DENIED = 'PermissionError(13, "Permission denied", name)'

PROBES = (
    Mishap(name="/proc is not there", before=_REFUSE.format(prefix="/proc", error=_NOT_FOUND)),
    Mishap(name="/proc may not be read", before=_REFUSE.format(prefix="/proc", error=_DENIED)),
    Mishap(name="cgroups are not there", before=_REFUSE.format(prefix="/sys", error=_NOT_FOUND)),
    Mishap(name="neither /proc nor cgroups", before=_REFUSE.format(prefix=("/proc", "/sys"), error=_NOT_FOUND)),
    Mishap(
        name="psutil denies everything",
        before="""
import psutil
def denied(*args, **kwargs):
    raise psutil.AccessDenied(1)
for name in ("memory_info", "memory_full_info", "children", "open_files", "num_fds", "connections", "net_connections"):
    if hasattr(psutil.Process, name):
        setattr(psutil.Process, name, denied)
for name in ("virtual_memory", "swap_memory", "heap_info", "heap_trim", "pids"):
    if hasattr(psutil, name):
        setattr(psutil, name, denied)
""",
    ),
    Mishap(
        name="no heap metric, no glibc",
        before="""
import ctypes, psutil
for name in ("heap_info", "heap_trim"):
    vars(psutil).pop(name, None)
def nothing(*args, **kwargs):
    raise OSError("no C library")
ctypes.PyDLL = ctypes.CDLL = nothing
""",
    ),
    Mishap(name="PYTHONMALLOC=malloc", environment={"PYTHONMALLOC": "malloc"}),
    Mishap(name="PYTHONMALLOC=debug", environment={"PYTHONMALLOC": "debug"}),
    Mishap(name="development mode", environment={"PYTHONDEVMODE": "1"}),
    Mishap(name="garbage collection is off", before="import gc; gc.disable()"),
    Mishap(
        name="no thread can be started",
        before="""
import threading
def start(self):
    raise RuntimeError("can't start new thread")
threading.Thread.start = start
""",
    ),
    Mishap(name="tracemalloc is on", environment={"PYTHONTRACEMALLOC": "5"}),
    Mishap(
        name="clocks go back",
        before="""
import itertools, time
ticks = itertools.count(10_000, -1)
time.perf_counter = time.monotonic = time.time = lambda: float(next(ticks))
time.perf_counter_ns = time.monotonic_ns = time.time_ns = lambda: next(ticks) * 10**9
""",
    ),
    Mishap(
        name="clocks stand still", before="import time; time.perf_counter = time.monotonic = time.time = lambda: 5.0"
    ),
)

SYSTEM = (
    Mishap(
        name="no file longer than 2 KiB",
        start="(ulimit -f 2; exec {}) 2>&1 | cat; exit ${PIPESTATUS[0]}",
        arguments=("-p", "no:cacheprovider"),
    ),
    Mishap(name="the report goes to a full device", arguments=("--memguard-json=/dev/full",)),
    Mishap(
        name="a full disk under everything",
        start=(
            "mkdir -p full && unshare -m sh -c 'mount -t tmpfs -o size=64k none full"
            " && mkdir full/tmp && (head -c 1000000 /dev/zero > full/filler; true) 2>/dev/null"
            ' && TMPDIR=$PWD/full/tmp exec "$@"\' - {}'
        ),
        arguments=("-p", "no:cacheprovider", "--memguard-json=full/r.json", "--memguard-history=full/h.db"),
    ),
    Mishap(
        name="a read-only tree",
        start=(
            "unshare -m sh -c 'mount --bind $PWD $PWD && mount -o remount,bind,ro $PWD && cd $PWD && exec \"$@\"' - {}"
        ),
        arguments=("-W", "ignore"),
    ),
    Mishap(name="no folder for temporary files", environment={"TMPDIR": "/nowhere", "HOME": "/nowhere"}),
    Mishap(
        name="40 descriptors, all taken by a test that fails",
        start="ulimit -n 40; exec {}",
        test="""
import os
kept = []
def test_takes_all():
    while True:
        kept.append(os.open("/dev/null", os.O_RDONLY))
def test_gives_back():
    while kept:
        os.close(kept.pop())
""",
    ),
    Mishap(name="16 descriptors in all", start="ulimit -n 16; exec {}"),
    Mishap(
        name="little address space",
        start="ulimit -v 600000; exec {}",
        test="""
import pytest
def test_too_much():
    with pytest.raises(MemoryError):
        bytearray(2_000_000_000)
def test_too_much_and_fails():
    bytearray(2_000_000_000)
""",
    ),
    Mishap(name="standard output is closed", start="exec {} >&-"),
    Mishap(name="standard streams are all closed", start="exec {} >&- 2>&- <&-"),
    Mishap(name="nobody reads the output", start="{} 2>&1 | head -n 1"),
    Mishap(name="output in ASCII", environment={"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}),
    Mishap(name="a folder whose name is not UTF-8", folder=b"shop\xff"),
    Mishap(name="warnings are errors", arguments=("-W", "error")),
    Mishap(name="optimised twice", environment={"PYTHONOPTIMIZE": "2"}),
)

DEATHS = (
    tuple(
        Mishap(
            name=f"{name} in a test",
            test=f"import os, signal\ndef test_signal():\n    os.kill(os.getpid(), signal.{name})\n",
        )
        for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGABRT", "SIGKILL")
    )
    + tuple(
        Mishap(name=name, test=f"import os, signal, sys, pytest\ndef test_ends():\n    {code}\n")
        for name, code in (
            ("os._exit in a test", "os._exit(7)"),
            ("sys.exit in a test", "sys.exit(7)"),
            ("pytest.exit in a test", 'pytest.exit("enough", 9)'),
            ("KeyboardInterrupt in a test", "raise KeyboardInterrupt"),
        )
    )
    + (
        Mishap(name="SIGTERM while collecting", test="import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\n"),
        Mishap(
            name="SIGINT in a teardown",
            test="""
import os, pytest, signal
@pytest.fixture(scope="module")
def till():
    yield
    os.kill(os.getpid(), signal.SIGINT)
def test_till(till): pass
""",
        ),
        Mishap(
            name="an exception in the suite's own hook",
            before="""
import pytest
def pytest_runtest_logfinish(nodeid):
    if "ordinary_b" in nodeid:
        raise LookupError("own hook")
""",
        ),
    )
)

TESTS = tuple(
    Mishap(name=name, test=test)
    for name, test in (
        (
            "a test forks",
            """
import multiprocessing, os
def test_forks():
    child = os.fork()
    if child == 0:
        os._exit(3)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
def test_pool():
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert pool.map(abs, [-1]) == [1]
        pool.close()
        pool.join()
""",
        ),
        (
            "a forked child ends by an exception",
            """
import os
def test_forks():
    child = os.fork()
    if child == 0:
        raise SystemExit(0)
    os.waitpid(child, 0)
""",
        ),
        (
            "deep recursion",
            """
import sys
kept = []
def deeper(): deeper()
def test_recursion_fails(): deeper()
def test_nested_leak():
    inner = []
    for _ in range(50_000): inner = [inner]
    kept.append(inner)
def test_limit(): sys.setrecursionlimit(60)
def test_limit_again(): sys.setrecursionlimit(1000)
""",
        ),
        (
            "threads that allocate all the time",
            """
import threading, time, pytest
@pytest.fixture(scope="module")
def busy():
    ended = threading.Event()
    def work():
        kept = []
        while not ended.is_set():
            kept.append(object())
            if len(kept) > 500: kept.clear()
            time.sleep(0)
    workers = [threading.Thread(target=work, daemon=True) for _ in range(3)]
    for worker in workers: worker.start()
    yield
    ended.set()
    for worker in workers: worker.join()
def test_among_them(busy): time.sleep(0.01)
def test_and_again(busy): pass
""",
        ),
        (
            "huge names",
            """
import pytest
@pytest.mark.parametrize("value", ["x" * 100_000, "\\ud800", "\\x1b[31m", "a\\nb", "\\0"])
def test_huge(value): pass
@pytest.mark.parametrize("value", [1, 2], ids=["y" * 50_000, "z" * 50_000])
def test_ids(value): assert value == 1
""",
        ),
        (
            "objects that cannot be looked at",
            """
kept = []
class Hostile:
    def __repr__(self): raise ValueError("repr")
    def __len__(self): raise ValueError("len")
    def __eq__(self, other): raise ValueError("eq")
    def __hash__(self): return 1
    def __getattribute__(self, name): raise ValueError(name)
    def __bool__(self): raise ValueError("bool")
def test_hostile_leak(): kept.append(Hostile())
""",
        ),
        (
            "the working directory is deleted",
            """
import os, tempfile
def test_deletes():
    folder = tempfile.mkdtemp()
    os.chdir(folder)
    os.rmdir(folder)
""",
        ),
        ("all descriptors are closed", "import os\ndef test_closes():\n    os.closerange(3, 4096)\n"),
        ("standard streams are closed by a test", "import os\ndef test_closes():\n    os.close(1); os.close(2)\n"),
        (
            "sys.stdout is replaced for good",
            "import sys, io\ndef test_it():\n    sys.stdout = sys.__stdout__ = io.StringIO()\n",
        ),
        ("sys.stdout is None", "import sys\ndef test_it():\n    sys.stdout = sys.stderr = None\n"),
        (
            "modules are taken away",
            """
import sys
def test_takes():
    for name in ("os", "gc", "time", "psutil", "json", "threading", "weakref", "tracemalloc", "sqlite3", "yaml"):
        sys.modules[name] = None
    for name in [n for n in sys.modules if n.startswith("pytest_memguard")]:
        del sys.modules[name]
""",
        ),
        (
            "built-in functions are replaced",
            """
import builtins, gc, os, sys, threading
def never(*args, **kwargs): raise AssertionError("not that")
def test_replaces():
    builtins.open = never
    gc.collect = gc.get_objects = gc.get_referrers = gc.freeze = gc.unfreeze = never
    sys.getallocatedblocks = sys.getsizeof = never
    os.getpid = os.stat = os.read = os.pread = never
    threading.enumerate = threading.active_count = never
""",
        ),
        (
            "tracers and profilers",
            """
import sys, threading
seen = []
def trace(frame, event, arg): return trace
def test_traces(): sys.settrace(trace); threading.settrace(trace)
def test_profiles(): sys.setprofile(trace); threading.setprofile(trace)
def test_while_both(): assert sys.getprofile() is trace
def test_ends(): sys.settrace(None); sys.setprofile(None); threading.settrace(None); threading.setprofile(None)
""",
        ),
        (
            "the locale and the environment change",
            """
import locale, os, time
def test_locale():
    for name in ("de_DE.UTF-8", "C"):
        try: locale.setlocale(locale.LC_ALL, name)
        except locale.Error: pass
def test_zone():
    os.environ["TZ"] = "Asia/Tokyo"
    time.tzset()
def test_environment():
    os.environ.clear()
    os.umask(0o777)
""",
        ),
        (
            "warnings become errors for good",
            "import warnings\ndef test_it():\n    warnings.filters.insert(0, ('error', None, Warning, None, 0))\n",
        ),
        (
            "everything is saved as garbage",
            """
import gc
def test_it():
    gc.set_debug(gc.DEBUG_SAVEALL)
    a = []
    a.append(a)
    del a
    gc.collect()
""",
        ),
        (
            "the collector is turned off for good",
            "import gc\ndef test_it():\n    gc.disable(); gc.set_threshold(0)\n    gc.freeze()\n",
        ),
        (
            "imports do not work any more",
            "import sys\ndef test_it():\n    sys.meta_path.clear(); sys.path.clear(); sys.path_hooks.clear()\n",
        ),
        (
            "signals are taken over",
            """
import signal
def test_it():
    for number in (signal.SIGALRM, signal.SIGURG, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32))
""",
        ),
        (
            "exit functions are dropped, logging is shut down",
            "import atexit, logging\ndef test_it():\n    atexit._clear(); logging.shutdown(); logging.disable()\n",
        ),
        (
            "clocks are replaced for good",
            "import time\ndef test_it():\n    time.time = time.monotonic = time.perf_counter = time.sleep = None\n",
        ),
    )
)

MISHAPS = {
    "What is measured cannot be": PROBES,
    "The system refuses": SYSTEM,
    "The run ends before its time": DEATHS,
    "Tests that do the unusual": TESTS,
}
