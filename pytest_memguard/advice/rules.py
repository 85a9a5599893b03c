"""The table of shapes; the first one that a finding has counts, so the more special ones come first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from pytest_memguard.advice.clues import (
    holder,
    is_buffer,
    is_chain,
    is_class,
    is_closure,
    is_coroutine,
    is_exception,
    is_kind,
    is_longer,
    is_lost_reference,
    is_mapping,
    is_method_cache,
    is_mock,
    is_native_with_site,
    is_open,
    is_setup,
    is_subscription,
    is_suspended,
    is_task,
    is_teardown,
    is_thread_local,
    is_weak_key,
    path_has,
    root,
    root_is,
)
from pytest_memguard.model import Finding

_OUTSIDE = "(held outside Python)"


@dataclass(frozen=True, slots=True)
class Rule:
    """One shape of leak: its name, whether a finding has it, and what usually mends it."""

    name: str
    applies: Callable[[Finding], bool]
    cure: str


RULES: tuple[Rule, ...] = (
    # What is no memory of Python's.
    Rule("task", is_task, "await or cancel the task before the test ends: keep it and gather it, or use a TaskGroup"),
    Rule(
        "thread",
        partial(is_kind, "thread"),
        "tell the thread to stop and join() it in the teardown; an executor ends its threads when used in `with`",
    ),
    Rule("process", partial(is_kind, "process"), "terminate() the child process and wait() for it in the teardown"),
    Rule("timer", partial(is_kind, "timer"), "cancel() the timer or handle in the teardown"),
    Rule("socket", partial(is_kind, "socket"), "close() the socket, or the client that owns it, or use it in `with`"),
    Rule("fd", partial(is_kind, "fd"), "close what the descriptor belongs to, best by opening it in `with`"),
    Rule(
        "tempfile",
        partial(is_kind, "tempfile"),
        "make temporary files with tmp_path or in `with`, or remove them in the teardown",
    ),
    Rule(
        "garbage",
        partial(is_kind, "garbage"),
        "give the extension type tp_traverse and tp_clear, or break its reference cycle by hand",
    ),
    Rule(
        "native",
        is_native_with_site,
        "give back what the C function called there allocates, by its counterpart (free, close, release) and on "
        "every path",
    ),
    Rule(
        "reference count",
        is_lost_reference,
        "in the C code, give back every reference that it owns with one Py_DECREF on every path, errors included; "
        "memguard.assert_no_leak on one function after the other shows which does not",
    ),
    Rule(
        "container of C code",
        partial(root_is, _OUTSIDE),
        "look for what takes the entry away from the C code again (unregister, clear, close), or let it go with what "
        "owns it",
    ),
    # Caches.
    Rule(
        "cached method",
        is_method_cache,
        "a cache on a method keeps every instance that it was called on: cache in the instance "
        "(functools.cached_property, or a dict of its own), or give the cache a maxsize",
    ),
    Rule(
        "unbounded cache",
        partial(root_is, "cache of "),
        "give the cache a maxsize, call its cache_clear() when the entries are of no use any more, or key it by an id "
        "instead of the object",
    ),
    # Registries of the standard library.
    Rule(
        "logging handler",
        partial(path_has, ".handlers[*]"),
        "add the handler once, where the program starts, or take it off with removeHandler() and close() it",
    ),
    Rule(
        "logging filter",
        partial(path_has, ".filters[*]"),
        "add the filter once, or take it off with removeFilter()",
    ),
    Rule(
        "logger a call",
        partial(root_is, "logging.Logger.manager"),
        "loggers live for ever: use one with a fixed name, and put what differs into the message, `extra` or a "
        "LoggerAdapter",
    ),
    Rule(
        "atexit",
        partial(root_is, "atexit"),
        "register with atexit once, or atexit.unregister() when done; for the end of an object's life there is "
        "weakref.finalize",
    ),
    Rule(
        "finalizer",
        partial(root_is, "weakref.finalize"),
        "the object that the finalizer waits for does not die: watch one that does, or detach() the finalizer",
    ),
    Rule(
        "module",
        partial(root_is, "sys.modules"),
        "take the module out of sys.modules when done (monkeypatch.delitem), or use a fixed name",
    ),
    Rule(
        "context variable",
        partial(root_is, "context"),
        "reset the variable with the token that set() returned, in a `finally`: var.reset(token)",
    ),
    Rule(
        "registered type",
        partial(path_has, ".registry[*]"),
        "register classes once, at import: each class made in a function or a test is another entry that stays",
    ),
    Rule(
        "callback of the interpreter",
        lambda finding: (
            root(finding) in ("gc.callbacks", "os.register_at_fork", "codecs.register")
            or root_is("sys.", finding)
            or root_is("threading.", finding)
        ),
        "undo the registration in the interpreter when done (remove it again), or register once at import",
    ),
    # What keeps more than it seems to.
    Rule(
        "mock",
        is_mock,
        "a mock remembers the arguments of every call: make it anew for each test (a fixture, mock.patch), or call "
        "reset_mock()",
    ),
    Rule(
        "stored exception",
        is_exception,
        "an exception keeps the locals of every frame of its traceback: store its text, or error.with_traceback(None)",
    ),
    Rule(
        "weak key",
        is_weak_key,
        "in a mapping with weak keys no value may refer to its key: keep an id or a weak reference in the value",
    ),
    Rule(
        "exit stack",
        partial(path_has, "_exit_callbacks"),
        "close the ExitStack, best by using it in `with`: until then it keeps all that it is to close",
    ),
    Rule(
        "default argument",
        partial(path_has, "(default of "),
        "a default value is made once and shared by all calls: use None for the default, and make a new one inside",
    ),
    Rule(
        "frame of a thread",
        partial(root_is, "thread "),
        "a thread that does not end keeps its locals: bound what it collects, let go of each piece of work when it is "
        "done, or stop and join the thread",
    ),
    Rule(
        "missing close",
        is_open,
        "close it when done, best by using it in `with`; what keeps it open keeps it alive",
    ),
    Rule(
        "coroutine",
        is_coroutine,
        "await the coroutine, or close() it where it is not wanted any more",
    ),
    Rule(
        "suspended generator",
        is_suspended,
        "run the generator to its end or close() it, and keep its results rather than the generator",
    ),
    Rule(
        "class a call",
        is_class,
        "a class is made anew by each call of the function around it: make it once, at module level or in a cache",
    ),
    Rule(
        "subscription",
        is_subscription,
        "take the subscription back (unsubscribe, disconnect, remove) when the subscriber goes, or hold subscribers by "
        "weakref.WeakMethod",
    ),
    Rule(
        "callback",
        is_closure,
        "a callback keeps what it closes over: take it out of its registry when done, or have it refer to less",
    ),
    # Where it happens says what to do.
    Rule(
        "fixture that accumulates",
        partial(root_is, "fixture "),
        "a fixture of a higher scope lives on between tests: give it function scope, or undo in each test what it adds",
    ),
    Rule(
        "fixture without teardown",
        is_setup,
        "undo in the fixture what its setup does: `yield` the value, and take it back after",
    ),
    Rule("teardown", is_teardown, "what the teardown stores stays: let it only take back what the setup has made"),
    # Containers, of a kind that says what would bound them.
    Rule("text", is_longer, "the value is longer after each call: begin anew for each use, or bound its length"),
    Rule("buffer", is_buffer, "empty the buffer when it has been read, or make one for each use"),
    Rule(
        "deque",
        lambda finding: holder(finding) == "collections.deque",
        "give the deque a maxlen",
    ),
    Rule(
        "chain",
        is_chain,
        "each new object refers to the one before: set that reference to None when the older one is of no use any more",
    ),
    Rule(
        "thread-local",
        is_thread_local,
        "what is thread-local lives as long as its thread: empty it at the end of each use",
    ),
    Rule(
        "mapping",
        is_mapping,
        "entries come under new keys and never go: remove them when done, bound their number (an LRU), or use a "
        "weakref.WeakValueDictionary",
    ),
    Rule(
        "collection",
        partial(path_has, "[*]"),
        "it gets longer with each call: remove what is done with, bound it (collections.deque(maxlen=..)), or make it "
        "part of an object that goes",
    ),
)
