"""Pages for people: one file each that holds all it shows, and is the same on a machine without a network.

``sheet`` makes a page of a template: the frame with header, navigation and footer, colours for light and dark, the data
for scripts, the library for plots, and a policy under which a browser runs and loads nothing else. ``embedding`` alone
puts text on a page as it is; everything else is escaped. What is on the page of a run is in ``run`` and its parts.

Jinja2 and plotly are of the extra ``html``, and are loaded by nothing but a page that was asked for: importing this
package does not, ``sheet`` does.
"""

from __future__ import annotations

from importlib.util import find_spec

from pytest_memguard.errors import MemguardError

__all__ = ["MissingExtraError", "check_extra"]

_NEEDED = {"jinja2": "Jinja2", "plotly": "plotly"}


class MissingExtraError(MemguardError):
    """Something was asked for that needs packages which are not installed."""

    slug = "missing-extra"


def check_extra(*, setting: str, origin: str) -> None:
    """Refuse a page where what it is made with is not there; nothing is imported for that.

    *setting* and *origin* say what was asked for and where. Raises :class:`MissingExtraError`.
    """
    missing = [name for module, name in _NEEDED.items() if not _is_there(module)]
    if missing:
        are = "is" if len(missing) == 1 else "are"
        raise MissingExtraError(
            f"cannot make {setting} from {origin}: {' and '.join(missing)} {are} missing",
            remedy='install what it needs: pip install "pytest-memguard[html]"',
        )


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):  # something without a place of its own has taken the name
        return False
