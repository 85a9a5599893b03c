"""Text of others in Markdown: shown as it is, whatever it holds, and obeyed by nothing.

Node ids, paths, reprs and reasons may hold Markdown, HTML, links, ``@mentions`` and ``#references``. In code none of
these means anything, so that is where most of it goes; sentences get every character that could mean something spelt as
an entity, which CommonMark reads as the character alone.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

from pytest_memguard.report.text import harmless, shortened

__all__ = ["code", "collapsed", "fenced", "said"]

_SPECIAL = re.compile(
    r"[\\`*\[\]<>&|~$!{}@#]|(?<![a-z0-9])_|_(?![a-z0-9])"  # markup, HTML, mathematics, references
    r"|(?<=:)//|(?<=www)\.|(?<=ftp)\.|(?<=GH)-"  # what becomes a link by itself
    r"|\A[-=]|\A\+(?=\s|$)|\A\d(?=\d{0,8}[.)])",  # what begins a list, rules a line or makes a heading
    re.IGNORECASE,
)
# A comment behind them keeps GitHub from notifying somebody, or linking an issue that has that number by chance.
_REFERRING = "@#-"
_BACKTICKS = re.compile("`+")


def code(text: str, *, most: int = 300) -> str:
    """*text* as code within a line, its middle left out where it takes more than *most* columns; not for tables."""
    text = shortened(text, most)
    ticks = "`" * (_longest_run(text) + 1)
    # One space on each side is not part of the code: without it a backtick there would belong to the fence.
    side = " " if not text.strip() or text.startswith(("`", " ")) or text.endswith(("`", " ")) else ""
    return f"{ticks}{side}{text}{side}{ticks}"


def said(text: str, *, most: int = 1_000) -> str:
    """*text* as part of a sentence."""
    return _SPECIAL.sub(_meaningless, shortened(text, most).strip())


def fenced(lines: Iterable[str]) -> str:
    """*lines* as a block of code, which ends where they do."""
    body = [harmless(line) for line in lines]
    fence = "`" * max(max(map(_longest_run, body), default=0) + 1, 3)
    return "\n".join([f"{fence}text", *body, fence])


def collapsed(title: str, body: str) -> str:
    """*body*, which is Markdown, below a *title*, which is plain text, that opens it."""
    return f"<details><summary>{html.escape(harmless(title))}</summary>\n\n{body}\n\n</details>"


def _longest_run(text: str) -> int:
    return max(map(len, _BACKTICKS.findall(text)), default=0)


def _meaningless(found: re.Match[str]) -> str:
    text = found[0]
    return f"{text}<!-- -->" if text in _REFERRING else "".join(f"&#{ord(char)};" for char in text)
