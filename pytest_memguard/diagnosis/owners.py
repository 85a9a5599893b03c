"""Whose a module is: the user's, a library's, the standard library's, or part of the machinery that runs the tests."""

from __future__ import annotations

import sys
from typing import Literal

from pytest_memguard.diagnosis import anatomy
from pytest_memguard.diagnosis.paths import Paths

Owner = Literal["user", "library", "stdlib", "pytest"]

_MACHINERY = frozenset(
    {"_pytest", "pytest", "pluggy", "pytest_memguard", "iniconfig", "xdist", "execnet", "tracemalloc"}
)
_OURS = __name__.partition(".")[0]


class Owners:
    """Answers by module name, remembered: classes are looked up by the hundred thousand."""

    __slots__ = ("_known", "paths")

    def __init__(self, paths: Paths) -> None:
        self.paths = paths
        self._known: dict[str, Owner] = {}

    def of(self, module: str) -> Owner:
        """The owner of a module. A plugin that the user is writing himself is the user's."""
        known = self._known.get(module)
        if known is None:
            known = self._known[module] = self._look(module)
        return known

    def of_type(self, cls: type) -> Owner:
        """The owner of the module that a class says it is from."""
        return self.of(anatomy.module_of(cls))

    def is_machinery(self, module: str) -> bool:
        """Whether it belongs to pytest, its plugins or memguard: never a root, never a frame worth showing."""
        return self.of(module) == "pytest"

    def is_ours(self, module: str) -> bool:
        """Whether it is memguard itself: what that refers to, it only looks at."""
        return module.partition(".")[0] == _OURS

    def runs_tests(self, filename: str) -> bool:
        """Whether code of that file is the test machinery's."""
        if is_own_file(filename):
            return True
        return is_machinery_file(filename) and not self.paths.is_user_file(filename)

    def _look(self, module: str) -> Owner:
        top = module.partition(".")[0]
        filename = file_of(module)
        user = filename is not None and self.paths.is_user_file(filename)
        if top == _OURS or (not user and is_machinery_name(module)):
            return "pytest"
        if user:
            return "user"
        if filename is None:
            # C code, or a module that is gone from sys.modules or never was in it.
            return "stdlib" if top in sys.stdlib_module_names or top in ("", "builtins") else "library"
        return "stdlib" if self.paths.is_stdlib_file(filename) else "library"


def file_of(module: str) -> str | None:
    """The source file of a loaded module."""
    namespace = anatomy.module_namespace(sys.modules.get(module))
    return None if namespace is None else anatomy.exact_str(namespace.get("__file__"))


def is_test_module(module: str) -> bool:
    """Whether the name is one that pytest collects, or a conftest."""
    last = module.rpartition(".")[2]
    return last == "conftest" or last.startswith("test_") or last.endswith("_test")


def is_machinery_name(name: str) -> bool:
    """Whether a module, or a type by its full name, is by that name part of what runs the tests."""
    return (
        name.partition(".")[0] in _MACHINERY
        or name.startswith(("pytest_", "_hypothesis_pytestplugin"))
        or name.endswith(".pytest_plugin")
    )


def is_own_file(filename: str) -> bool:
    """Whether a frame of that file is memguard's."""
    return filename.startswith(_OWN_FOLDER)


def is_importer_file(filename: str) -> bool:
    """Whether a frame of that file is the import system's."""
    return filename.startswith("<frozen importlib") or "importlib" in _folders(filename)


def is_machinery_file(filename: str) -> bool:
    """Whether a frame of that file says nothing about who allocates: the test runner, the importer, the tracer."""
    folders = _folders(filename)
    name = filename.replace("\\", "/").rpartition("/")[2].partition(".")[0]
    return (
        is_importer_file(filename)
        or name in ("tracemalloc", "pluggy")
        or any(folder in _MACHINERY or folder.startswith("pytest_") for folder in folders)
        or (name.startswith("pytest_") and bool(folders) and folders[-1].endswith("-packages"))
    )


def _folders(filename: str) -> list[str]:
    """The last folders of a path: a package and what it contains."""
    return filename.replace("\\", "/").split("/")[-4:-1]


_OWN_FOLDER = __file__[: -len("diagnosis/owners.py")]
