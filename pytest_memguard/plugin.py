"""The pytest plugin: hooks that hand over to the guard. With memguard off nothing here is more than an option."""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from pytest_memguard import hookspecs, options

if TYPE_CHECKING:
    from pytest_memguard.fixture import MemguardFixture
    from pytest_memguard.gone import Watched
    from pytest_memguard.session import MemguardSession

_NAME = "memguard-session"
_in_vain = pytest.StashKey["str | None"]()  # what no header has told yet


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare options and ini entries."""
    options.add_options(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Declare the hooks of ``hookspecs``."""
    pluginmanager.add_hookspecs(hookspecs)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(args: list[str]) -> None:
    """Refuse misspelt options with the nearest name."""
    options.check_arguments(args)


def pytest_configure(config: pytest.Config) -> None:
    """Turn memguard on, where it is wanted."""
    options.register_markers(config)
    if not options.enabled(config):
        config.stash[_in_vain] = options.told_in_vain(config)
        return
    resolved = options.load(config)
    with _unrewritten(config):
        # Imported here: with memguard off, psutil and all that measures must not be loaded.
        from pytest_memguard.flight import Flight  # noqa: PLC0415
        from pytest_memguard.session import MemguardSession  # noqa: PLC0415
        from pytest_memguard.xdist import register_ends  # noqa: PLC0415

    session = MemguardSession(config, resolved)
    config.pluginmanager.register(session, _NAME)
    register_ends(config, session.guard)
    config.add_cleanup(session.guard.close)
    config.pluginmanager.register(Flight(config, session.guard, lambda: session.limit))


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say that options were given for nothing."""
    told = config.stash.get(_in_vain, None)
    config.stash[_in_vain] = None
    return told


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Without a header (``-q``, ``--no-header``) nobody has read it yet."""
    told = config.stash.get(_in_vain, None)
    if told is not None:
        terminalreporter.write_line(told)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """``--memguard-show-config``: print and leave."""
    if not options.wants_show_config(config):
        return None
    resolved = options.load(config)
    # pytest has no terminal writer yet: nothing is configured, and nothing is captured either.
    sys.stdout.write(options.show_config(resolved, width=shutil.get_terminal_size().columns) + "\n")
    return 0


@contextlib.contextmanager
def _unrewritten(config: pytest.Config) -> Iterator[None]:
    """Import past pytest's hook for assertions: there are none here, and it takes as long as the import itself."""
    hook: Any = getattr(config.pluginmanager, "rewrite_hook", None)
    if hook not in sys.meta_path:
        yield
        return
    place = sys.meta_path.index(hook)
    del sys.meta_path[place]
    try:
        yield
    finally:
        sys.meta_path.insert(place, hook)


@pytest.fixture
def memguard(request: pytest.FixtureRequest) -> Iterator[MemguardFixture]:
    """Memory of the present test: ``assert_no_leak``, ``watch``, ``limit``, ``checkpoint``, ``component``.

    ``assert_no_leak`` and ``watch`` work without ``--memguard``, too; the others then measure nothing and pass.
    """
    from pytest_memguard.components.scope import Scope  # noqa: PLC0415
    from pytest_memguard.fixture import MemguardFixture  # noqa: PLC0415

    config, item = request.config, request.node

    def on_watch(watched: list[Watched]) -> None:
        from pytest_memguard.leftovers import Leftovers  # noqa: PLC0415

        Leftovers.of(config).expect(item.nodeid, item.location, watched)

    session: MemguardSession | None = config.pluginmanager.getplugin(_NAME)
    components = Scope(None if session is None else session.guard.components, origin=item.nodeid)
    fixture = MemguardFixture(
        lap=None if session is None else session.guard.lap,
        mark=None if session is None else session.guard.points.take,
        gap=None if session is None else session.guard.gap,
        repeating=session is not None and session.is_repeating,
        rootdir=str(config.rootpath),
        on_watch=on_watch,
        components=components,
    )
    try:
        yield fixture
        fixture.close()
    finally:
        components.close()
