"""What pytest and its plugins keep on a test, saved before a repetition and put back after it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from _pytest import tmpdir

_BRIEFLY: Any = getattr(pytest.Item, "_repr_failure_py", None)
_LEFT_BEHIND = getattr(tmpdir, "tmppath_result_key", None)


@contextlib.contextmanager
def without_leftovers(items: Iterable[pytest.Item]) -> Iterator[None]:
    """While entered, tests are without what their run has left on them and each repetition would replace.

    That replaced object would seem to be retained, because the census of containers holds it.
    """
    stashes = [stash for item in items if isinstance(stash := getattr(item.stash, "_storage", None), dict)]
    taken = [(stash, stash.pop(_LEFT_BEHIND)) for stash in stashes if _LEFT_BEHIND in stash]
    try:
        yield
    finally:
        for stash, value in taken:
            stash[_LEFT_BEHIND] = value


class ItemState:
    """The state of one item around one repetition."""

    __slots__ = ("_dict", "_item", "_keywords", "_lists", "_stash")

    def __init__(self, item: pytest.Item) -> None:
        self._item = item
        self._dict = dict(item.__dict__)
        self._lists = [
            (value, len(value))
            for value in (self._dict.get("_report_sections"), self._dict.get("user_properties"), item.own_markers)
            if isinstance(value, list)
        ]
        stash = getattr(item.stash, "_storage", None)
        self._stash = (stash, dict(stash)) if isinstance(stash, dict) else None
        markers = getattr(item.keywords, "_markers", None)
        self._keywords = (markers, dict(markers)) if isinstance(markers, dict) else None

    def fresh(self) -> None:
        """Give the item what a first run finds: a new instance of its class, filled doctest globals."""
        state = self._item.__dict__
        if _BRIEFLY is not None:
            state["_repr_failure_py"] = _Brief(self._item)
        if isinstance(self._item.parent, pytest.Class):
            state.pop("_instance", None)
            state.pop("_obj", None)
        test = state.get("dtest")
        if test is not None and not test.globs:
            test.globs = _doctest_globals(self._item)

    def restore(self) -> None:
        """Put everything back, the dictionary in its most compact form."""
        item = self._item
        item.__dict__.clear()
        item.__dict__.update(self._dict)
        for value, length in self._lists:
            del value[length:]
        for saved in (self._stash, self._keywords):
            if saved is not None and len(saved[0]) != len(saved[1]):
                saved[0].clear()
                saved[0].update(saved[1])


class _Brief:
    """How a failure is shown that nobody sees but for its message: pytest would parse the whole file for the source."""

    __slots__ = ("_item",)

    def __init__(self, item: pytest.Item) -> None:
        self._item = item

    def __call__(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> Any:
        del style
        return _BRIEFLY(self._item, excinfo, "value")


def _doctest_globals(item: pytest.Item) -> dict[str, Any]:
    """The names that a doctest starts with; running it emptied them (``DocTestRunner.run(clear_globs=True)``)."""
    module = getattr(item.parent, "obj", None)
    if module is None or not hasattr(module, "__dict__"):
        return {"__name__": "__main__"}
    return dict(vars(module))
