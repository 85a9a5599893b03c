"""``memguard postmortem``: which test was running when a run was killed, and which had taken the memory."""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from typing import Any

from pytest_memguard.commands.printing import print_text, terminal_width
from pytest_memguard.errors import MemguardError, shown
from pytest_memguard.recorder.folder import KILLED, RecordingFolder
from pytest_memguard.recorder.places import in_cache, in_temp
from pytest_memguard.recorder.postmortem import Postmortem, examine
from pytest_memguard.recorder.processes import is_running
from pytest_memguard.recorder.recording import Recording, read_recording
from pytest_memguard.report.postmortem import postmortem_lines

__all__ = ["add"]


class NothingKilledError(MemguardError):
    """There is no recording to show."""

    slug = "no-recording"


def add(commands: Any) -> None:
    """Describe the command to the parser."""
    text = "show which test was running when a run was killed, which one had taken the memory, and who killed it"
    postmortem = commands.add_parser("postmortem", help=text, description=text[:1].upper() + text[1:] + ".")
    postmortem.add_argument(
        "path",
        metavar="FILE|DIR",
        nargs="?",
        help="a recording, a folder with some, or the root of a project (this folder and those above it)",
    )
    postmortem.add_argument("--json", action="store_true", help="everything as JSON, for another program")
    postmortem.set_defaults(command=_postmortem)


def _postmortem(options: argparse.Namespace) -> None:
    found = _found(options.path)
    if options.json:
        print_text(json.dumps(found.to_json()))
        return
    for line in postmortem_lines(found, terminal_width()):
        print_text(line)


def _found(path: str | None) -> Postmortem:
    from pytest_memguard.probes.limits.kills import kill_counts  # noqa: PLC0415 - psutil, of which others have no use

    kills = kill_counts().to_json()
    if path is not None and not os.path.isdir(path):
        recording = read_recording(path)
        run = [each for each in _beside(path) if each.run == recording.run] or [recording]
        alive = any(is_running(each.process, each.path) for each in run)
        return examine(run, kills_now=kills, still_running=alive)
    folders = list(_folders(os.path.realpath(path or os.curdir), above=path is None))
    runs = [run for folder, rootdirs in folders for run in _runs(folder, rootdirs)]
    if not runs:
        raise NothingKilledError(
            f"no recording of a run that was killed in {shown(path or os.curdir)}",
            remedy="give the folder that pytest was started in, its cache folder, or a recording",
        )
    return examine(max(runs, key=lambda run: max(each.started for each in run)), kills_now=kills)


def _beside(path: str) -> Sequence[Recording]:
    """What lies in the folder of a file."""
    folder = os.path.dirname(os.path.abspath(path))
    return RecordingFolder(os.path.dirname(folder)).aside() if os.path.basename(folder) == KILLED else ()


def _folders(start: str, *, above: bool) -> Iterator[tuple[str, set[str] | None]]:
    """Folders with recordings, each with the root directories whose ones count; ``None``: all."""
    roots = {start}
    yield start, None
    while True:
        yield in_cache(os.path.join(start, ".pytest_cache")), None
        parent = os.path.dirname(start)
        if not above or parent == start:
            break
        start = parent
        roots.add(start)
    yield in_temp(tempfile.gettempdir()), roots


def _runs(path: str, rootdirs: set[str] | None) -> Iterator[list[Recording]]:
    folder = RecordingFolder(os.path.dirname(path) if os.path.basename(path) == KILLED else path)
    by_run: dict[str, list[Recording]] = {}
    for each in folder.aside():
        by_run.setdefault(each.run, []).append(each)
    for run in [*by_run.values(), *folder.dead_runs(None)]:
        if rootdirs is None or os.path.realpath(run[0].rootdir) in rootdirs:
            yield run
