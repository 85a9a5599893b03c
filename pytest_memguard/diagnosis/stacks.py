"""Which phase of a test, and which fixture's function, a stack of frames is from: by the frames of the test runner."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterable, Iterator

from pytest_memguard.diagnosis import anatomy
from pytest_memguard.diagnosis.paths import Paths
from pytest_memguard.diagnosis.source import Sources
from pytest_memguard.model import Origin, Phase

_FIXTURES = "/_pytest/fixtures.py"
_HOOKS: dict[str, Phase] = {
    "pytest_runtest_setup": "setup",
    "pytest_runtest_call": "call",
    "pytest_runtest_teardown": "teardown",
}
_METHODS: dict[str, Phase] = {
    "_callSetUp": "setup",
    "_callTearDown": "teardown",
    "doCleanups": "teardown",
    "_callCleanup": "teardown",
}


class Stacks:
    """Answers within one diagnosis."""

    __slots__ = ("_cases", "_hooks", "_paths", "_sources")

    def __init__(self, paths: Paths, sources: Sources) -> None:
        self._paths = paths
        self._sources = sources
        self._hooks = dict(_lines_of("_pytest.runner", None, _HOOKS))
        self._cases = dict(_lines_of("unittest.case", "TestCase", _METHODS))
        self._cases.update(_lines_of("unittest.async_case", "IsolatedAsyncioTestCase", _METHODS))

    def origin(self, frames: Iterable[tuple[str, int]]) -> Origin | None:
        """The origin of frames, the innermost first; its ``fixture`` is the name of the *function*. None: no telling.

        A finalizer that a fixture's function defines is known by that function.
        """
        last: tuple[str, int] | None = None
        function: str | None = None
        inner: Phase | None = None
        for frame in frames:
            if function is None and last is not None and frame[0].replace("\\", "/").endswith(_FIXTURES):
                function = self._function(last)
            inner = inner or self._cases.get(frame)
            phase = self._hooks.get(frame) or self._own_hook(frame)
            if phase is not None:
                return Origin(phase=inner or phase, fixture=function)
            last = frame if self._paths.is_user_file(frame[0]) else last
        return None

    def _function(self, frame: tuple[str, int]) -> str | None:
        name = self._sources.function(*frame).partition(".<locals>")[0].rpartition(".")[2]
        return name or None

    def _own_hook(self, frame: tuple[str, int]) -> Phase | None:
        """The suite's own implementation of a hook."""
        return _HOOKS.get(self._sources.function(*frame)) if self._paths.is_user_file(frame[0]) else None


def _lines_of(module: str, cls: str | None, wanted: dict[str, Phase]) -> Iterator[tuple[tuple[str, int], Phase]]:
    """All lines of these functions, as far as the module is loaded."""
    namespace = anatomy.module_namespace(sys.modules.get(module))
    if namespace is not None and cls is not None:
        owner = namespace.get(cls)
        namespace = dict(anatomy.class_namespace(owner)) if isinstance(owner, type) else None
    for name, phase in wanted.items():
        function = None if namespace is None else namespace.get(name)
        if isinstance(function, types.FunctionType):
            code = function.__code__
            for _, _, line in code.co_lines():
                if line is not None:
                    yield (code.co_filename, line), phase
