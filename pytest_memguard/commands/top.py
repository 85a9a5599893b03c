"""``memguard top``: a live run, drawn anew every second."""

from __future__ import annotations

import argparse
import json
import select
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from time import monotonic
from typing import Any

from pytest_memguard.commands.addressing import add_address, as_json, new_id, run_of, standing_of
from pytest_memguard.commands.printing import is_plain, print_text, terminal_width
from pytest_memguard.errors import SettingError
from pytest_memguard.live.asking import Answer, LiveError, Run, ask
from pytest_memguard.live.wire import Request
from pytest_memguard.report.screen import Shown, screen
from pytest_memguard.report.text import Line
from pytest_memguard.units import UnitError, format_duration, parse_duration

__all__ = ["add"]

_PATIENCE_S = 3.0
_SHORTEST_S = 0.2
_CODES = {"bold": "1", "red": "31", "green": "32", "yellow": "33"}
# Another screen and no cursor; and back.
_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
_HOME, _REST_OF_LINE, _BELOW = "\x1b[H", "\x1b[K", "\x1b[J"


def add(commands: Any) -> None:
    """Describe the command to the parser."""
    text = "watch a run that is still going: what runs, memory, pressure, what was found last; q ends it"
    top = commands.add_parser("top", help=text, description=text.capitalize() + ".")
    add_address(top)
    top.add_argument("--interval", default="1s", metavar="DURATION", help="how often to draw (1s)")
    top.add_argument("--once", action="store_true", help="one screen, as it is where the output is no terminal")
    top.set_defaults(command=_top)


def _top(options: argparse.Namespace) -> None:
    interval_s = _interval(options.interval)
    run = run_of(options)
    if options.json:
        print_text(json.dumps([as_json(answer) for answer in _ask(run)]))
    elif options.once or not sys.stdout.isatty():
        for each in _drawn(run, _ask(run), terminal_width(), 1000):
            print_text(each.text)
    else:
        _follow(run, interval_s)


def _interval(text: str) -> float:
    try:
        return max(parse_duration(text), _SHORTEST_S)
    except UnitError as error:
        raise SettingError("duration", text, origin="--interval", allowed=str(error)) from None


def _ask(run: Run) -> list[Answer]:
    return ask(run, Request(id=new_id(), ask="memory"), timeout_s=_PATIENCE_S)


def _follow(run: Run, interval_s: float) -> None:
    """Until ``q``, Ctrl-C, or the end of the run, which is told below the last screen."""
    last: list[Line] = []
    heard = monotonic()
    with _terminal():
        while True:
            start = monotonic()
            answers = _ask(run)
            if all(answer.error is not None and not answer.late for answer in answers):
                break
            if last and all(answer.late for answer in answers):
                silent = f"no answer for {format_duration(monotonic() - heard)}; at last:"
                _draw([Line(text=silent, markup=("yellow",)), *last[1:]])
            else:
                heard = monotonic()
                width, height = shutil.get_terminal_size()
                last = _drawn(run, answers, width, height - 1)
                _draw(last)
            if _key_within(max(0.0, interval_s - (monotonic() - start))):
                return
    for each in last:
        print_text(each.text)
    print_text("the run has ended")


def _drawn(run: Run, answers: Sequence[Answer], width: int, height: int) -> list[Line]:
    shown = []
    for answer in answers:
        try:
            standing = None if answer.error is not None else standing_of(answer.result["standing"])
        except (LiveError, TypeError, KeyError) as error:
            shown.append(Shown(answer.process.worker, None, str(error).partition("\n")[0]))
        else:
            shown.append(Shown(answer.process.worker, standing, answer.error))
    going_s = max((each.standing.at_s for each in shown if each.standing is not None), default=0.0)
    now = datetime.now().astimezone().strftime("%H:%M:%S")
    title = f"memguard top  {now}  pid {run.pid} in {run.processes[0].directory}  {format_duration(going_s)}"
    return screen(title, shown, width, height, plain=is_plain())


def _draw(lines: Sequence[Line]) -> None:
    body = "".join(f"{_coloured(each)}{_REST_OF_LINE}\n" for each in lines)
    sys.stdout.write(_HOME + body + _BELOW)
    sys.stdout.flush()


def _coloured(each: Line) -> str:
    codes = ";".join(_CODES[name] for name in each.markup if name in _CODES)
    return f"\x1b[{codes}m{each.text}\x1b[0m" if codes else each.text


@contextmanager
def _terminal() -> Iterator[None]:
    """Keys come one at a time and are not shown; all as before when it is left, whatever happens."""
    restore = _keys_at_once()
    sys.stdout.write(_ENTER)
    try:
        yield
    finally:
        sys.stdout.write(_LEAVE)
        sys.stdout.flush()
        restore()


def _keys_at_once() -> Any:
    if not sys.stdin.isatty():
        return lambda: None
    import termios  # noqa: PLC0415 - not everywhere
    import tty  # noqa: PLC0415

    number = sys.stdin.fileno()
    before = termios.tcgetattr(number)
    tty.setcbreak(number)
    return lambda: termios.tcsetattr(number, termios.TCSADRAIN, before)


def _key_within(seconds: float) -> bool:
    """Whether ``q`` was pressed within that time."""
    if not sys.stdin.isatty():
        select.select([], [], [], seconds)
        return False
    end = monotonic() + seconds
    while (left := end - monotonic()) > 0:
        if select.select([sys.stdin], [], [], left)[0] and sys.stdin.read(1) in ("q", "Q", ""):
            return True
    return False
