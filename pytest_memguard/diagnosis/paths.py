"""Which source files are the user's, and what they are called in a report."""

from __future__ import annotations

import os
import sysconfig

_INSTALLED = frozenset({"site-packages", "dist-packages"})


class Paths:
    """User code is what lies below ``rootdir``, outside any virtual environment and outside the standard library."""

    __slots__ = ("_environments", "_known", "_stdlib", "rootdir")

    def __init__(self, rootdir: str) -> None:
        self.rootdir = os.path.abspath(rootdir)
        self._stdlib = tuple(
            {os.path.join(os.path.abspath(p), "") for n in ("stdlib", "platstdlib") if (p := sysconfig.get_path(n))}
        )
        self._known: dict[str, bool] = {}
        self._environments: dict[str, bool] = {}

    def is_user_file(self, filename: str) -> bool:
        """Whether that source file is the user's own. Examples of a doctest are; ``<string>`` and the like are not."""
        known = self._known.get(filename)
        if known is None:
            known = self._known[filename] = self._look(filename)
        return known

    def is_stdlib_file(self, filename: str) -> bool:
        """Whether that file came with the interpreter."""
        return filename.startswith("<frozen ") or (
            filename.startswith(self._stdlib) and _INSTALLED.isdisjoint(_parts(filename))
        )

    def relative(self, filename: str) -> str:
        """Relative to ``rootdir`` with slashes; another package's file as ``package:path``; else as it is."""
        if filename.startswith("<"):
            return filename
        below = self._below(filename)
        if below is not None and _INSTALLED.isdisjoint(below.split(os.sep)) and not self.is_stdlib_file(filename):
            return below.replace(os.sep, "/")
        parts = _parts(os.path.abspath(filename))
        for index in range(len(parts) - 2, -1, -1):
            if parts[index] in _INSTALLED:
                return _in_package(parts[index + 1 :])
        for base in self._stdlib:
            if filename.startswith(base):
                return _in_package(_parts(filename[len(base) :]))
        return filename

    def _below(self, filename: str) -> str | None:
        """The path from ``rootdir``, also where one of the two is reached through a symbolic link."""
        for root, path in (
            (self.rootdir, os.path.abspath(filename)),
            (os.path.realpath(self.rootdir), os.path.realpath(filename)),
        ):
            if path.startswith(os.path.join(root, "")):
                return path[len(os.path.join(root, "")) :]
        return None

    def _look(self, filename: str) -> bool:
        if filename.startswith("<"):
            return filename.startswith("<doctest ")
        below = self._below(filename)
        if below is None or self.is_stdlib_file(filename):
            return False
        folders = below.split(os.sep)[:-1]
        if not _INSTALLED.isdisjoint(folders):
            return False
        return not any(self._is_environment(os.sep.join(folders[: n + 1])) for n in range(len(folders)))

    def _is_environment(self, folder: str) -> bool:
        known = self._environments.get(folder)
        if known is None:
            path = os.path.join(self.rootdir, folder, "pyvenv.cfg")
            known = self._environments[folder] = os.path.isfile(path)
        return known


def _parts(path: str) -> list[str]:
    return path.split(os.sep)


def _in_package(parts: list[str]) -> str:
    """``click:testing.py`` of ``click/testing.py``, ``six:six.py`` of ``six.py``."""
    package = parts[0].partition(".")[0]
    return f"{package}:{'/'.join(parts[1:] or parts)}"
