"""The documentation can be built without a network, and all that it links to is there."""

from __future__ import annotations

import subprocess
import sys
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import pytest

from tests.how_to import DOCS

pytest.importorskip("furo", reason="Sphinx and furo are not installed (pip install -e '.[docs]')")

LOADED = {"link": "href", "script": "src", "img": "src"}
#: What a browser does not load by itself.
UNLOADED = frozenset({"search", "index", "next", "prev", "canonical", "author"})


class Page(HTMLParser):
    """The places of a page, what it links to, and what it loads."""

    def __init__(self, text):
        super().__init__()
        self.places = set()
        self.links = []
        self.loaded = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.places.update(value for name, value in attrs if name in ("id", "name") and value)
        if tag == "a" and found.get("href"):
            self.links.append(found["href"])
        if LOADED.get(tag) in found and found.get("rel") not in UNLOADED:
            self.loaded.append(found[LOADED[tag]])


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder with the pages, made with warnings as errors."""
    folder = tmp_path_factory.mktemp("html")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-n", "-q", "-b", "html", "-d", f"{folder}/.trees"]
    done = subprocess.run([*command, DOCS, folder], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return folder


def test_every_link_within_leads_somewhere(built):
    pages = {path.relative_to(built).as_posix(): Page(path.read_text("utf-8")) for path in built.rglob("*.html")}
    broken = []
    for name, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (built / name).parent / unquote(parts.path) if parts.path else built / name
            known = pages.get(target.resolve().relative_to(built.resolve()).as_posix())
            if not target.exists() or (parts.fragment and known and unquote(parts.fragment) not in known.places):
                broken.append((name, link))

    assert len(pages) > 30
    assert broken == []


def test_nothing_is_loaded_from_elsewhere(built):
    loaded = {
        what for path in built.rglob("*.html") for what in Page(path.read_text("utf-8")).loaded if not _is_local(what)
    }

    assert loaded == set()
    styles = "".join(path.read_text("utf-8") for path in built.rglob("*.css"))
    assert "url(http" not in styles
    assert "@import" not in styles


def test_the_json_schema_can_be_had(built):
    (schema,) = built.rglob("schema1.json")

    assert schema.read_text("utf-8") == (DOCS.parent / "pytest_memguard/report/schema1.json").read_text("utf-8")


def _is_local(link):
    parts = urlsplit(link)
    return parts.scheme in ("", "data") and not parts.netloc
