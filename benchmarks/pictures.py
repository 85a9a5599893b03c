"""The pictures of README and documentation, taken anew: a run of examples/ in the terminal and as a page, a history."""

from __future__ import annotations

import argparse
import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks import figures
from benchmarks.browser import launched, opened
from benchmarks.made_history import write_history
from benchmarks.places import ROOT, BenchmarkError, cache, empty

_FOLDER = ROOT / "docs" / "pictures"
_MOST_BYTES = 600_000
_COLOURS = 64
_SIZES = {1440: 900, 390: 844}
_COLUMNS = 104
# Without the one that rich would have loaded from a network.
_FONTS = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"
_TERMINAL = f"""<svg class="rich-terminal" viewBox="0 0 {{width}} {{height}}" xmlns="http://www.w3.org/2000/svg">
<style>
.{{unique_id}}-matrix {{{{ font-family: {_FONTS}; font-size: {{char_height}}px; line-height: {{line_height}}px; }}}}
.{{unique_id}}-title {{{{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}}}
{{styles}}
</style>
<defs><clipPath id="{{unique_id}}-clip-terminal">
<rect x="0" y="0" width="{{terminal_width}}" height="{{terminal_height}}"/></clipPath>{{lines}}</defs>
{{chrome}}
<g transform="translate({{terminal_x}}, {{terminal_y}})" clip-path="url(#{{unique_id}}-clip-terminal)">
{{backgrounds}}<g class="{{unique_id}}-matrix">{{matrix}}</g></g>
</svg>
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``python -m benchmarks pictures``."""
    parser.add_argument("--folder", default=str(_FOLDER), metavar="DIR", help="where to (docs/pictures)")


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Take every picture; fails where they are more than a repository should have to carry."""
    folder, scratch = Path(options.folder), empty(cache("pictures"))
    folder.mkdir(parents=True, exist_ok=True)
    figures.progress("a run of examples/")
    printed = _run(scratch)
    (folder / "terminal.svg").write_text(_terminal(printed), "utf-8", newline="\n")
    figures.progress("a history")
    _history(scratch)
    with launched() as browser:
        for name, take in _views(scratch).items():
            for width, scheme in _looks(name):
                figures.progress(f"{name}, {width} px, {scheme}")
                shot = _shot(browser, take, width, scheme)
                (folder / f"{name}-{scheme}-{width}.png").write_bytes(_small(shot))
    sizes = {file.name: file.stat().st_size for file in sorted(folder.iterdir())}
    figures.say(figures.table(("", "kB"), [(name, f"{size / 1000:.0f}") for name, size in sizes.items()]))
    total = sum(sizes.values())
    figures.say(f"{total / 1000:.0f} kB in all; wanted: at most {_MOST_BYTES / 1000:.0f}")
    return {"sizes": sizes, "failed": total > _MOST_BYTES}


def _run(scratch: Path) -> str:
    """What a run of examples/ prints, in colours; its page is in *scratch*."""
    command = [sys.executable, "-m", "pytest", "examples", "--memguard", "--color=yes", "--no-header", "--tb=no"]
    command += ["-p", "no:cacheprovider", f"--memguard-html={scratch / 'report.html'}"]
    environment = {**os.environ, "COLUMNS": str(_COLUMNS), "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode != 1:
        raise BenchmarkError(f"examples/ should fail because of their leaks:\n{done.stdout}")
    return done.stdout


def _terminal(printed: str) -> str:
    """A terminal that shows *printed*, as SVG."""
    try:
        from rich.console import Console  # noqa: PLC0415 - of the extra `pictures`
        from rich.terminal_theme import MONOKAI  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415
    except ImportError:
        raise BenchmarkError('rich is not installed: pip install -e ".[pictures]"') from None
    console = Console(record=True, width=_COLUMNS, file=io.StringIO(), force_terminal=True, color_system="standard")
    console.print(Text("$ pytest --memguard examples", style="bold"))
    console.print(Text.from_ansi(printed.strip()))
    picture: str = console.export_svg(
        title="pytest --memguard", theme=MONOKAI, code_format=_TERMINAL, unique_id="memguard", font_aspect_ratio=0.602
    )
    return "\n".join(line.rstrip() for line in picture.splitlines()) + "\n"


def _history(scratch: Path) -> None:
    path = scratch / "memory-history.db"
    write_history(str(path), runs=40, tests=400)
    command = [
        sys.executable,
        "-m",
        "pytest_memguard",
        "history",
        f"--file={path}",
        f"--html={scratch / 'history.html'}",
    ]
    subprocess.run(command, cwd=scratch, check=True, stdout=subprocess.DEVNULL)


def _views(scratch: Path) -> dict[str, Callable[[Any], bytes]]:
    """By name, what opens a page in a tab and takes the picture."""
    report, history = (scratch / "report.html").as_uri(), (scratch / "history.html").as_uri()

    def window(address: str, plot: str) -> Callable[[Any], bytes]:
        def take(tab: Any) -> bytes:
            tab.goto(address)
            tab.locator(plot).scroll_into_view_if_needed()
            tab.wait_for_selector(f"{plot}.is-live")
            tab.evaluate("() => scrollTo(0, 0)")
            tab.wait_for_timeout(300)
            return bytes(tab.screenshot())

        return take

    def finding(tab: Any) -> bytes:
        tab.goto(report)
        return bytes(tab.locator("article.card").first.screenshot())

    return {"report": window(report, "#memory-plot"), "finding": finding, "history": window(history, "#runs-plot")}


def _looks(name: str) -> Iterator[tuple[int, str]]:
    """Width and scheme of the pictures of one view: one finding is for the width of a page of text."""
    for width in _SIZES if name != "finding" else (1440,):
        yield from ((width, scheme) for scheme in ("light", "dark"))


def _shot(browser: Any, take: Callable[[Any], bytes], width: int, scheme: str) -> bytes:
    with opened(browser, width=width, height=_SIZES[width], scheme=scheme) as tab:
        return take(tab)


def _small(picture: bytes) -> bytes:
    """The same picture of a few colours, a third of the size."""
    try:
        from PIL import Image  # noqa: PLC0415 - of the extra `pictures`
    except ImportError:
        raise BenchmarkError('Pillow is not installed: pip install -e ".[pictures]"') from None
    made = io.BytesIO()
    reduced = Image.open(io.BytesIO(picture)).convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
    reduced.save(made, "PNG", optimize=True)
    return made.getvalue()
