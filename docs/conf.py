"""How Sphinx builds the documentation: Markdown, the theme, and nothing from the network."""

from __future__ import annotations

from sphinx.application import Sphinx

from pytest_memguard import __version__

project = "pytest-memguard"
author = "The pytest-memguard contributors"
project_copyright = author
version = release = __version__

extensions = ["myst_parser", "sphinx_copybutton"]
exclude_patterns = ["_build"]
nitpicky = True
smartquotes = False  # what is in quotes is to be typed

# Headings can be linked to as they are on the pages of a repository.
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence", "deflist"]
# Pages show input that is wrong on purpose: an ini file or YAML that no highlighter can read.
suppress_warnings = ["misc.highlighting_failure"]

copybutton_prompt_text = r"\$ "
copybutton_prompt_is_regexp = True

html_theme = "furo"
html_title = f"pytest-memguard {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_copyright = False
html_show_sphinx = False
html_copy_source = False


def setup(app: Sphinx) -> None:
    """The first page of the repository is the first page here."""
    app.connect("source-read", _to_the_index)


def _to_the_index(_app: Sphinx, _page: str, source: list[str]) -> None:
    source[0] = source[0].replace("](../../README.md)", "](../index.md)")
