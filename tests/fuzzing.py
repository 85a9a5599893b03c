"""What may come from outside, changed at random: it is read, or refused with a message, and no file is lost by it.

``TARGETS`` has the properties; the tests run few examples of each, ``python -m benchmarks fuzz`` as many as asked for.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import itertools
import json
import signal
import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from pytest_memguard.cli import main
from pytest_memguard.errors import MemguardError
from pytest_memguard.live.desk import Desk
from pytest_memguard.live.door import Letter
from pytest_memguard.live.wire import Request, WireError, decode_answer, encode_answer, encode_request
from pytest_memguard.recorder import Recorder
from pytest_memguard.settings import MarkerSettings, Resolved, Settings
from pytest_memguard.settings.baselineedit import edited
from pytest_memguard.settings.baselinefile import BaselineEntry, parse_baseline
from pytest_memguard.settings.fields import specs
from pytest_memguard.settings.marks import MARK_NAMES, Mark, settings_of_marks
from pytest_memguard.settings.resolve import Given, read, resolve
from pytest_memguard.settings.yamlfile import read as read_yaml
from pytest_memguard.settings.yamlkeys import layer_of
from tests import golden
from tests.unit.history_lab import logbook, measured, report, runs_of, write

PATIENCE_S = 30
_MIB = 1 << 20
_SETTINGS = b"""\
memory:
  limit: 400MiB
  thresholds: {warning: 0.8, critical: 90%, emergency: 0.95, rss: 1073741824}
  alerts: &calm {enabled: true, cooldown: 300000}
  confirm:
    mode: all
    packages: [shop]
    floors: {blocks: 1, heap: "256 B"}
  strategies: {between_tests: gentle, every: 10}
  components:
    orders: {track: ["shop.orders:all"], limits: {all: 50}, cleanup: {gentle: "shop.orders:expire"}}
  suppressions:
    - {test: "tests/test_a.py::*", reason: known, expires: 2027-01-31}
  report: {json: report.json, failOn: [leak, limit]}
"""
_BASELINE = b"""\
# accepted
schema: 1
leaks:
  - signature: "3fa9c1d2e4ab"   # orders
    reason: "the audit log"
    first_seen: 2026-11-23
    expires: 2027-01-31
    leak: "python, shop.Order"
    tests:
      - tests/test_cart.py::test_checkout
  - {signature: "beef01beef01", reason: "?"}
"""
_NEW = BaselineEntry(
    signature="0123456789ab", reason="new", leak="python, shop.Bill", tests=("tests/test_b.py::test_b",)
)


class HangError(AssertionError):
    """Reading took longer than ``PATIENCE_S``."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """``check`` gets an example of ``examples`` and a folder of its own; whatever it raises is a fault."""

    name: str
    examples: Any
    check: Callable[[Any, Path], None]

    def run(self, example: Any) -> None:
        """One example, within ``PATIENCE_S``."""
        before = signal.signal(signal.SIGALRM, _hang)
        signal.setitimer(signal.ITIMER_REAL, PATIENCE_S)
        try:
            with tempfile.TemporaryDirectory() as folder:
                self.check(example, Path(folder))
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)


def _hang(*_args: object) -> None:
    raise HangError(f"not done after {PATIENCE_S} s")


# -- changes


_ODD = st.sampled_from([b"\0", b"\xff\xfe", b"\x1b[2J", b"&a *a", b"!!python/object:os.system", b"1e999", b"-" * 300])
_CHANGE = st.tuples(
    st.sampled_from(["put", "cut", "flip", "again", "end"]),
    st.floats(0, 1),
    st.integers(1, 40),
    st.binary(min_size=1, max_size=12) | _ODD,
)
CHANGES = st.lists(_CHANGE, min_size=1, max_size=6)


def changed(whole: bytes, changes: list[tuple[str, float, int, bytes]]) -> bytes:
    """The bytes with pieces put in, cut out, turned over, repeated, or all that follows lost."""
    for kind, where, length, piece in changes:
        at = int(where * len(whole))
        if kind == "put":
            whole = whole[:at] + piece + whole[at:]
        elif kind == "cut":
            whole = whole[:at] + whole[at + length :]
        elif kind == "flip":
            whole = whole[:at] + bytes(byte ^ 0x55 for byte in whole[at : at + length]) + whole[at + length :]
        elif kind == "again":
            whole = whole[:at] + whole[at : at + length] * 3 + whole[at:]
        else:
            whole = whole[:at]
    return whole


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.binary(max_size=4)
    | st.sampled_from(["50 MB", "1 KB", "5s", "80%", "all", "never", "leak,limit", "\ud800", "9" * 400, 10**400]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def _replaced(value: Any, place: Iterator[int], chosen: dict[int, Any]) -> Any:
    """A copy in which the *chosen* ones of its places, counted by *place*, are another value."""
    number = next(place)
    if number in chosen:
        return chosen[number]
    if isinstance(value, dict):
        return {key: _replaced(entry, place, chosen) for key, entry in value.items()}
    return [_replaced(entry, place, chosen) for entry in value] if isinstance(value, list) else value


# -- settings


def _settings_file(changes: Any, folder: Path) -> None:
    path = folder / "memguard.yaml"
    path.write_bytes(changed(_SETTINGS, changes))
    with contextlib.suppress(MemguardError):
        resolve([layer_of(read_yaml(str(path), label=path.name, origin="here"), label=path.name)])


def _options(values: dict[str, Any], _folder: Path) -> None:
    table = {spec.name: spec for spec in specs(Settings)}
    layer = {}
    for name, value in values.items():
        with contextlib.suppress(MemguardError):
            layer[name] = Given(value=read(table[name], value, name=name, origin="the command line"), origin="there")
    with contextlib.suppress(MemguardError):
        resolve([], command_line=layer)


def _markers(marks: list[tuple[str, list[Any], dict[str, Any]]], _folder: Path) -> None:
    given = [
        Mark(name=name, args=tuple(args), kwargs=kwargs, where="test_a.py", nodeid="test_a.py::test_a")
        for name, args, kwargs in marks
    ]
    with contextlib.suppress(MemguardError):
        settings_of_marks(given, _defaults())


@cache
def _defaults() -> Resolved:
    return resolve([])


_KEYWORDS = [spec.name for spec in specs(MarkerSettings)]
_MARKS = st.lists(
    st.tuples(
        st.sampled_from(sorted(MARK_NAMES)),
        st.lists(VALUES, max_size=1),
        st.dictionaries(st.sampled_from(_KEYWORDS) | st.text(max_size=6), VALUES, max_size=4),
    ),
    max_size=3,
)

# -- files that are kept


def _baseline(changes: Any, folder: Path) -> None:
    path = folder / "memguard-baseline.yaml"
    path.write_bytes(changed(_BASELINE, changes))
    _command(["baseline", "show", str(path)], untouched=path)
    try:
        text = path.read_text("utf-8")
        known = parse_baseline(text, label="base.yaml")
        after = parse_baseline(edited(known, add=[_NEW]), label="base.yaml")
    except (MemguardError, UnicodeDecodeError):
        return
    assert {entry.signature for entry in known.entries} | {_NEW.signature} == {e.signature for e in after.entries}


@cache
def _history() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history.db"
        for number in range(3):
            tests = [measured(f"tests/test_{n}.py::test_{n}", peak=(n + number) * _MIB) for n in range(20)]
            write(path, report(*tests))
        return path.read_bytes()


def _history_file(changes: Any, folder: Path) -> None:
    path = folder / "history.db"
    path.write_bytes(changed(_history(), changes))
    before = _digest(path)
    _command(["history", "--file", str(path)], untouched=path)
    _command(["history", "--json", "--file", str(path), "test_3"], untouched=path)
    book = logbook(path)
    book.grown([measured(peak=90 * _MIB)])
    book.write(report(measured()))
    if book.warnings:  # damaged: aside, whole, and begun anew; or not a history, and left alone
        assert before in {_digest(each) for each in folder.iterdir() if each.is_file()}, book.warnings
    else:  # what none of its rows was asked for may still be damaged
        with contextlib.suppress(MemguardError):
            assert runs_of(path)


# -- reports


@cache
def _report() -> bytes:
    return golden.text_of(golden.EVERYTHING, "json").encode()


def _report_bytes(changes: Any, folder: Path) -> None:
    path = folder / "report.json"
    path.write_bytes(changed(_report(), changes))
    _every_command(path)


def _report_values(chosen: dict[int, Any], folder: Path) -> None:
    path = folder / "report.json"
    data = _replaced(json.loads(_report()), itertools.count(), {k: v for k, v in chosen.items() if k})
    path.write_text(json.dumps(data, default=repr), "utf-8")
    _every_command(path)


def _every_command(path: Path) -> None:
    for name in ("text", "json", "markdown", "junit", "github"):
        _command(["render", "--format", name, str(path)], untouched=path)
    _command(["merge", str(path), str(path), "-o", str(path.with_name("all.md"))], untouched=path)
    _command(["explain", "3fa9c1", str(path)], untouched=path)
    _command(["explain", "--json", "3", str(path)], untouched=path)
    _command(["baseline", "update", str(path.with_name("base.yaml")), str(path), "--reason", "known"], untouched=path)


def _command(arguments: list[str], *, untouched: Path) -> None:
    """A command of ``memguard``: it ends by itself, with a message where it refuses, and leaves the file alone."""
    before = _digest(untouched)
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = main(arguments)
        except SystemExit as end:
            status = int(end.code or 0)
    assert status in (0, 1, 2), (arguments, status)
    assert status == 0 or err.getvalue().strip(), arguments
    assert "Traceback" not in err.getvalue(), err.getvalue()
    assert _digest(untouched) == before, arguments


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


# -- a run that is asked, and one that was killed


class _Post:
    """Letters that have come, and the answers to them."""

    def __init__(self, letters: list[bytes]) -> None:
        self.letters = deque(Letter(each, f"{number}-a.ask") for number, each in enumerate(letters))
        self.answers: list[bytes] = []

    def receive(self) -> Letter | None:
        return self.letters.popleft() if self.letters else None

    def answer(self, _sender: str, line: bytes) -> bool:
        self.answers.append(line)
        return True

    def hush(self, _quiet: object) -> None:
        pass


def _letters(letters: list[tuple[str, Any]], _folder: Path) -> None:
    sent = [changed(encode_request(Request(id="a1", ask=ask)), changes) for ask, changes in letters]
    post = _Post(sent)
    desk = Desk(
        post, do=lambda request: {"did": request.ask}, said={"pid": 7}, now=lambda: {"nodeid": "t"}, clock=lambda: 0.0
    )
    desk.visit()
    desk.between()
    for line in post.answers:
        assert decode_answer(line)["pid"] == 7
    answer = encode_answer({"id": "a1", "pid": 7, "levels": ["gentle"] * 20})
    for _, changes in letters:
        with contextlib.suppress(WireError):
            decode_answer(changed(answer, changes))


@cache
def _recording() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        recorder = Recorder(lambda: 100.0)
        recorder.open(
            str(Path(folder) / "run-1-00000000.ring"),
            {"pid": 1, "run": "r", "worker": "main", "role": "main", "rootdir": folder, "started": 1.7e9},
        )
        for number in range(30):
            recorder.begins(f"test_{number}.py::test", number * _MIB, 100.0)
            recorder.ends((number + 1) * _MIB, (number + 2) * _MIB, "passed", 100.0)
        recorder.begins("test_last.py::test", 50 * _MIB, 100.0)
        whole = Path(recorder.path).read_bytes()
        recorder.close()
    return whole


def _recording_file(changes: Any, folder: Path) -> None:
    path = folder / "run-1-00000000.ring"
    path.write_bytes(changed(_recording(), changes))
    _command(["postmortem", str(path)], untouched=path)
    _command(["postmortem", "--json", str(folder)], untouched=path)


_NAMES = [spec.name for spec in specs(Settings)]
_ASKED = st.sampled_from(["memory", "protection", "reset", "cleanup", "gc"])
TARGETS = (
    Target(name="settings file", examples=CHANGES, check=_settings_file),
    Target(name="options", examples=st.dictionaries(st.sampled_from(_NAMES), VALUES, max_size=6), check=_options),
    Target(name="markers", examples=_MARKS, check=_markers),
    Target(name="baseline", examples=CHANGES, check=_baseline),
    Target(name="history", examples=CHANGES, check=_history_file),
    Target(name="report, its bytes", examples=CHANGES, check=_report_bytes),
    Target(
        name="report, its values",
        examples=st.dictionaries(st.integers(0, 700), VALUES, min_size=1, max_size=20),
        check=_report_values,
    ),
    Target(name="live socket", examples=st.lists(st.tuples(_ASKED, CHANGES), max_size=5), check=_letters),
    Target(name="flight recorder", examples=CHANGES, check=_recording_file),
)
