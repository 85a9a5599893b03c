"""The folder of recordings: those of runs that go on, and aside, in ``killed``, the last ones of runs that did not end.

Files appear under their name whole, and are moved by one rename: of several runs that find the same one, one gets it.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pytest_memguard.recorder.layout import AFTERWARDS, packed_json
from pytest_memguard.recorder.processes import is_running
from pytest_memguard.recorder.recording import Recording, UnreadableRecordingError, read_recording

__all__ = ["KILLED", "RecordingFolder"]

KILLED = "killed"
_NAME = r"run-[0-9]{1,10}-[0-9a-f]{8}\.ring"
_UNFINISHED = _NAME + r"\.new"
_MOST = 40
_MOST_STRAYS = 10
_MOST_LISTED = 2_000
_OLD_S = 3600.0


class RecordingFolder:
    """One folder, which need not be there."""

    def __init__(self, path: str) -> None:
        self.path = path

    def new_path(self, pid: int) -> str:
        """A name that nobody has had."""
        return os.path.join(self.path, f"run-{pid}-{secrets.token_hex(4)}.ring")

    def current(self) -> list[Recording]:
        """What lies here and can be read, of running processes and of others."""
        return list(_readable(self.path))

    def aside(self) -> list[Recording]:
        """What was set aside, oldest first."""
        return sorted(_readable(os.path.join(self.path, KILLED)), key=lambda found: found.started)

    def dead_runs(self, rootdir: str | None) -> list[list[Recording]]:
        """Runs of which no process is left, each with all its recordings; of that root directory only."""
        runs: dict[str, list[Recording]] = defaultdict(list)
        for found in _readable(self.path, whole=False):
            if rootdir is None or found.rootdir == rootdir:
                runs[found.run].append(found)
        dead = (run for run in runs.values() if not any(is_running(each.process, each.path) for each in run))
        whole = (list(_read(each.path for each in run)) for run in dead)
        return sorted(filter(None, whole), key=lambda run: run[0].started)

    def set_aside(self, run: Sequence[Recording], afterwards: Mapping[str, Any]) -> list[str]:
        """Keep the recordings of a run that did not end, with what is known now; gives the paths that were moved."""
        folder = os.path.join(self.path, KILLED)
        moved = []
        with contextlib.suppress(OSError):
            os.makedirs(folder, mode=0o700, exist_ok=True)
        for recording in run:
            target = os.path.join(folder, os.path.basename(recording.path))
            with contextlib.suppress(OSError):
                os.rename(recording.path, target)
                moved.append(target)
        for path in moved:
            with contextlib.suppress(OSError, ValueError):
                _add(path, packed_json(afterwards))
        if moved:
            self._forget_old(folder)
        return moved

    def remove(self, run: str) -> None:
        """Take away every recording of that run."""
        for recording in _readable(self.path, whole=False):
            if recording.run == run:
                with contextlib.suppress(OSError):
                    os.unlink(recording.path)

    def remove_strays(self, now: float) -> None:
        """Take away what nobody will ask for; *now*: seconds since the epoch.

        That is what a process left that was killed before it had a recording, and in a folder for many projects the
        oldest runs of those that were never run again.
        """
        for run in self.dead_runs(None)[:-_MOST_STRAYS]:
            for recording in run:
                with contextlib.suppress(OSError):
                    os.unlink(recording.path)
        for entry in _listed(self.path, _UNFINISHED):
            with contextlib.suppress(OSError):
                if now - entry.stat(follow_symlinks=False).st_mtime > _OLD_S:
                    os.unlink(entry.path)

    def _forget_old(self, folder: str) -> None:
        times = []
        for entry in _listed(folder, _NAME):
            with contextlib.suppress(OSError):
                times.append((entry.stat(follow_symlinks=False).st_mtime, entry.path))
        for _, path in sorted(times)[:-_MOST]:
            with contextlib.suppress(OSError):
                os.unlink(path)


def _listed(folder: str, names: str) -> Iterator[os.DirEntry[str]]:
    """Regular files with such names, so many that a full folder is bearable."""
    try:
        with os.scandir(folder) as entries:
            for entry, _ in zip(entries, range(_MOST_LISTED), strict=False):
                if re.fullmatch(names, entry.name) and entry.is_file(follow_symlinks=False):
                    yield entry
    except OSError:
        return


def _readable(folder: str, *, whole: bool = True) -> Iterator[Recording]:
    return _read((entry.path for entry in _listed(folder, _NAME)), whole=whole)


def _read(paths: Iterable[str], *, whole: bool = True) -> Iterator[Recording]:
    for path in paths:
        with contextlib.suppress(UnreadableRecordingError):
            yield read_recording(path, whole=whole)


def _add(path: str, data: bytes) -> None:
    """Write *data* where a file has room for what was found out; nobody has it mapped any more."""
    if not stat.S_ISREG(os.lstat(path).st_mode):
        return
    os.chmod(path, 0o600)
    descriptor = os.open(path, os.O_WRONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0))
    try:
        os.lseek(descriptor, AFTERWARDS, os.SEEK_SET)
        os.write(descriptor, data)
    finally:
        os.close(descriptor)
