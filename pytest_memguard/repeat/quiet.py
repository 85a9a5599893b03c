"""Keep repetitions out of everything that a user sees: reports, warnings, logs, output, the JUnit file."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

# Hooks through which a repetition would show: reports, warnings, the debugger.
_MUTED_HOOKS = (
    "pytest_runtest_logreport",
    "pytest_runtest_logstart",
    "pytest_runtest_logfinish",
    "pytest_warning_recorded",
    "pytest_exception_interact",
)


class MutedHook:
    """A hook whose implementations are out of the way for a while."""

    __slots__ = ("_caller", "_history", "_implementations")

    def __init__(self, caller: Any) -> None:
        self._caller = caller
        self._implementations = list(caller._hookimpls)
        history = getattr(caller, "_call_history", None)
        self._history = len(history) if history is not None else None
        caller._hookimpls.clear()

    def forget(self) -> None:
        """Drop the calls that a historic hook remembered meanwhile."""
        if self._history is not None:
            del self._caller._call_history[self._history :]

    def restore(self) -> None:
        """Put the implementations back, before those that were registered meanwhile."""
        self.forget()
        self._caller._hookimpls[:0] = self._implementations


@contextlib.contextmanager
def quiet(config: pytest.Config) -> Iterator[Callable[[], None]]:
    """While entered nothing of a test shows; yields what is to be called after each repetition."""
    hooks = config.pluginmanager.hook
    muted: list[MutedHook] = []
    with contextlib.ExitStack() as stack:
        for name in _MUTED_HOOKS:
            hook = MutedHook(getattr(hooks, name))
            muted.append(hook)
            stack.callback(hook.restore)
        stack.enter_context(_silent_logging(config))
        stack.enter_context(_silent_stdio(config))
        junit = [_JUnit(p) for p in config.pluginmanager.get_plugins() if type(p).__name__ == "LogXML"]
        for xml in junit:
            stack.callback(xml.restore)
        stack.enter_context(_option(config, "setupshow", value=False))
        imports = _ImportHook()

        def forget() -> None:
            for hook in muted:
                hook.forget()
            for xml in junit:
                xml.forget()
            imports.forget()

        yield forget


@contextlib.contextmanager
def _silent_logging(config: pytest.Config) -> Iterator[None]:
    """Repetitions write neither to the live log nor to the log file."""
    plugin = config.pluginmanager.getplugin("logging-plugin")
    handlers = [getattr(plugin, name, None) for name in ("log_cli_handler", "log_file_handler")]

    def refuse(_record: object) -> bool:
        return False

    for handler in handlers:
        if handler is not None:
            handler.addFilter(refuse)
    try:
        yield
    finally:
        for handler in handlers:
            if handler is not None:
                handler.removeFilter(refuse)


@contextlib.contextmanager
def _silent_stdio(config: pytest.Config) -> Iterator[None]:
    """With ``-s`` the output of repetitions goes nowhere instead of to the terminal a second time."""
    if config.getoption("capture", "fd") not in ("no", "tee-sys"):
        yield
        return
    with open(os.devnull, "w", encoding="utf-8") as nowhere, contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.redirect_stdout(nowhere))
        stack.enter_context(contextlib.redirect_stderr(nowhere))
        yield


class _JUnit:
    """Other containers for what tests record for the JUnit file, while they are repeated."""

    __slots__ = ("_saved", "_xml")

    def __init__(self, xml: Any) -> None:
        self._xml = xml
        names = ("node_reporters", "node_reporters_ordered", "global_properties", "open_reports", "stats")
        self._saved = {name: vars(xml)[name] for name in names if name in vars(xml)}
        for name, container in self._saved.items():
            setattr(xml, name, type(container)())
        xml.stats = dict.fromkeys(self._saved.get("stats", ()), 0)

    def forget(self) -> None:
        """Drop what the last repetition has recorded: Hypothesis adds its statistics, for one."""
        for name in self._saved:
            if name != "stats":
                vars(self._xml)[name].clear()

    def restore(self) -> None:
        """Put the suite's own containers back."""
        vars(self._xml).update(self._saved)


class _ImportHook:
    """What pytest's import hook remembers of each module name that was ever asked for."""

    __slots__ = ("_saved",)

    def __init__(self) -> None:
        names = ("_marked_for_rewrite_cache", "_rewritten_names")
        caches = [vars(finder).get(name) for finder in sys.meta_path if hasattr(finder, "__dict__") for name in names]
        self._saved = [(cache, dict(cache)) for cache in caches if type(cache) is dict]
        for cache, saved in self._saved:  # the table of a copy is smaller than one that was filled by hand
            cache.clear()
            cache.update(saved)

    def forget(self) -> None:
        """Drop the names of the last repetition, which were made up where a test imports what it has written."""
        for cache, saved in self._saved:
            if len(cache) != len(saved):
                cache.clear()
                cache.update(saved)


@contextlib.contextmanager
def _option(config: pytest.Config, name: str, *, value: object) -> Iterator[None]:
    if not hasattr(config.option, name):
        yield
        return
    before = getattr(config.option, name)
    setattr(config.option, name, value)
    try:
        yield
    finally:
        setattr(config.option, name, before)
