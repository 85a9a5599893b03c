"""What the rules ask of a finding."""

from __future__ import annotations

import re
from itertools import pairwise

from pytest_memguard.model import Finding

_OPEN = (
    "_io.",
    "sqlite3.",
    "socket.",
    "ssl.",
    "zipfile.",
    "tarfile.",
    "mmap.",
    "select.",
    "subprocess.Popen",
    "asyncio.streams.",
    "concurrent.futures.",
    "multiprocessing.pool.",
    "tempfile.",
    "urllib3.connectionpool.",
    "requests.sessions.",
    "httpx.",
    "aiohttp.client.",
    "sqlalchemy.orm.session.",
    "sqlalchemy.engine.base.Connection",
)
_IN_MEMORY = ("_io.BytesIO", "_io.StringIO")
_SUSPENDED = ("generator", "async_generator")
_EXCEPTION = re.compile(r"(^|\.)\w*(Error|Exception|Warning)$")
_SUBSCRIBING = re.compile(
    r"(?i)\b(subscribe|connect|register|observe|attach|listen|add_?(listener|observer|callback|done_callback|handler)|on)\w*\("
)


def path(finding: Finding) -> str:
    """The retainer path, or nothing."""
    return next((retainer.path for retainer in finding.diagnosis.retainers), "")


def root(finding: Finding) -> str:
    """Where the path begins, or nothing."""
    return next((retainer.root for retainer in finding.diagnosis.retainers), "")


def kept(finding: Finding) -> str:
    """The type of what is kept."""
    return next((retainer.type for retainer in finding.diagnosis.retainers), "")


def holder(finding: Finding) -> str:
    """The type of the first container on the path whose entries come and go."""
    for retainer in finding.diagnosis.retainers:
        for before, (step, after) in enumerate(pairwise(retainer.steps)):
            if after.startswith("[*]"):
                return step.partition(" ")[2] if before else step.rpartition("(")[2].rstrip(")")
    return ""


def text(finding: Finding) -> str:
    """The source lines shown."""
    return "\n".join(site.source for site in (*finding.diagnosis.retained_at, *finding.diagnosis.sites[:2]))


def types(finding: Finding) -> tuple[str, ...]:
    """What each run leaves behind, by name."""
    return tuple(growth.type for growth in finding.diagnosis.types)


def is_kind(kind: str, finding: Finding) -> bool:
    """Whether it is of that kind."""
    return finding.kind == kind


def root_is(start: str, finding: Finding) -> bool:
    """Whether the path begins with that."""
    return root(finding).startswith(start)


def path_has(part: str, finding: Finding) -> bool:
    """Whether that is a part of the path."""
    return part in path(finding)


def is_method_cache(finding: Finding) -> bool:
    """The cache has the name of a class that its entries are instances of."""
    start = root(finding)
    owner = start.removeprefix("cache of ").rpartition(".")[0]
    return start.startswith("cache of ") and owner in (kept(finding), *types(finding))


def is_exception(finding: Finding) -> bool:
    """Whether an exception, or its traceback, is on the path."""
    steps = [step.rpartition(" ")[2].strip("()") for retainer in finding.diagnosis.retainers for step in retainer.steps]
    return ".__traceback__" in path(finding) or any(map(_EXCEPTION.search, (*steps[1:], kept(finding))))


def is_class(finding: Finding) -> bool:
    """Whether classes are what is kept."""
    return kept(finding) == "type" or (types(finding)[:1] == ("type",) and not root_is("cache of ", finding))


def is_weak_key(finding: Finding) -> bool:
    """Whether a value of a mapping with weak keys refers to its key."""
    return any("weak-keyed mapping" in note for note in finding.diagnosis.notes)


def is_open(finding: Finding) -> bool:
    """Whether it is something that has to be closed."""
    return any(name.startswith(_OPEN) and name not in _IN_MEMORY for name in (kept(finding), *types(finding)[:2]))


def is_suspended(finding: Finding) -> bool:
    """Whether generators are what is kept."""
    return kept(finding) in _SUSPENDED or types(finding)[:1] in [(name,) for name in _SUSPENDED]


def is_coroutine(finding: Finding) -> bool:
    """Whether coroutines are what is kept."""
    return kept(finding) == "coroutine" or types(finding)[:1] == ("coroutine",)


def is_task(finding: Finding) -> bool:
    """Whether tasks of asyncio are."""
    return finding.kind == "task" or any(name.endswith(("asyncio.Task", "tasks.Task")) for name in types(finding)[:3])


def is_subscription(finding: Finding) -> bool:
    """Whether a bound method is kept, or what keeps it was called by a name that subscriptions have."""
    found = path(finding)
    return ".__self__" in found or (".<locals>." not in found and bool(_SUBSCRIBING.search(text(finding))))


def is_closure(finding: Finding) -> bool:
    """Whether a function, or what goes with one, is an entry and keeps it."""
    return any(
        part in path(finding).partition("[*]")[2] for part in (".<locals>.", ".args[", ".keywords[", ".func")
    ) or kept(finding) in (
        "function",
        "functools.partial",
        "method",
    )


def is_longer(finding: Finding) -> bool:
    """Whether it is one value that is replaced by a longer one."""
    return kept(finding) in ("str", "bytes", "tuple", "frozenset") and not path(finding).endswith("]")


def is_buffer(finding: Finding) -> bool:
    """Whether it is one buffer that gets longer."""
    return kept(finding) in ("bytearray", "array.array", *_IN_MEMORY) and not path(finding).endswith("]")


def is_chain(finding: Finding) -> bool:
    """Whether attributes alone lead to it, one object to the next."""
    retainer = next(iter(finding.diagnosis.retainers), None)
    return retainer is not None and "[" not in retainer.path and len(retainer.steps) > 1


def is_mock(finding: Finding) -> bool:
    """Whether the calls that a mock remembers are on the path."""
    return any(part in path(finding) for part in ("_mock_", "mock_calls", "call_args_list", "method_calls"))


def is_thread_local(finding: Finding) -> bool:
    """Whether a ``threading.local`` is on the path."""
    steps = (step for retainer in finding.diagnosis.retainers for step in retainer.steps)
    return any("_thread._local" in step for step in steps)


def is_mapping(finding: Finding) -> bool:
    """Whether what keeps it is a mapping."""
    return path_has("[*]", finding) and holder(finding).rpartition(".")[2] in (
        "dict",
        "defaultdict",
        "OrderedDict",
        "Counter",
    )


def is_setup(finding: Finding) -> bool:
    """Whether it happens in the setup of a fixture."""
    return finding.fixture is not None and finding.phase == "setup"


def is_teardown(finding: Finding) -> bool:
    """Whether it happens in a teardown."""
    return finding.phase == "teardown"


def is_lost_reference(finding: Finding) -> bool:
    """Whether a reference count is higher than explained, of what is new in each run."""
    return any("given a reference back" in note or "more than the objects" in note for note in finding.diagnosis.notes)


def is_native_with_site(finding: Finding) -> bool:
    """Whether it is memory of C code, and the line that calls it is known."""
    return finding.kind == "native" and bool(finding.diagnosis.sites)
