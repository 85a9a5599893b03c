"""A page as a parser sees it: elements with their attributes, text and place, as far as HTML 5 is written here."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

_VOID = frozenset({"meta", "link", "br", "wbr", "input", "img", "hr"})


@dataclass
class Element:
    tag: str
    attributes: dict[str, str | None]
    parent: Element | None = None
    children: list[Element | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(child if isinstance(child, str) else child.text for child in self.children)

    def __iter__(self) -> Iterator[Element]:
        yield self
        for child in self.children:
            if isinstance(child, Element):
                yield from child

    def all(self, tag: str = "", **attributes: str) -> list[Element]:
        """Those with that tag and these attributes; ``class_`` is one of the classes."""
        wanted = attributes.pop("class_", None)
        return [
            element
            for element in self
            if tag in ("", element.tag)
            and all(element.attributes.get(name) == value for name, value in attributes.items())
            and (wanted is None or wanted in (element.attributes.get("class") or "").split())
        ]

    def one(self, tag: str = "", **attributes: str) -> Element:
        (found,) = self.all(tag, **attributes)
        return found


class _Builder(HTMLParser):
    """``script`` and ``style`` end where a browser ends them; everything else must be closed as it was opened."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("", {})
        self._at = self.root
        self.comments: list[str] = []

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        assert len(set(names)) == len(names), f"<{tag}> has an attribute twice: {names}"
        element = Element(tag, dict(attrs), self._at)
        self._at.children.append(element)
        if tag not in _VOID:
            self._at = element

    def handle_startendtag(self, tag, attrs):
        self._at.children.append(Element(tag, dict(attrs), self._at))

    def handle_endtag(self, tag):
        assert tag == self._at.tag, f"</{tag}> ends <{self._at.tag}>"
        self._at = self._at.parent

    def handle_data(self, data):
        self._at.children.append(data)

    def handle_comment(self, data):
        self.comments.append(data)

    def close(self):
        super().close()
        assert self._at is self.root, f"<{self._at.tag}> has no end"
        assert self.comments == []


@dataclass
class Page:
    """A whole page; ``data`` is what its scripts have."""

    root: Element

    @property
    def data(self) -> Any:
        return json.loads(self.root.one("script", id="data").text)

    @property
    def policy(self) -> dict[str, list[str]]:
        meta = self.root.all("meta", **{"http-equiv": "Content-Security-Policy"})[0]
        parts = (part.split() for part in meta.attributes["content"].split(";"))
        return {name: values for name, *values in parts}

    @property
    def library(self) -> str:
        packed = self.root.one("script", id="plot-library").text
        return zlib.decompress(base64.b64decode(packed), 16 + zlib.MAX_WBITS).decode("utf-8")

    @property
    def seen(self) -> str:
        """The text that a reader sees, white space as one space."""
        hidden = {
            id(part) for tag in ("script", "style") for element in self.root.all(tag) for part in element.children
        }

        def texts(element):
            for child in element.children:
                if isinstance(child, str):
                    if id(child) not in hidden:
                        yield child
                else:
                    yield from texts(child)

        return " ".join("".join(texts(self.root)).split())


def parsed(text: str) -> Page:
    """The page; fails where elements are not closed in the order in which they were opened."""
    builder = _Builder()
    builder.feed(text)
    builder.close()
    return Page(builder.root)


def source_hash(text: str) -> str:
    """As a policy has it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode('ascii')}'"
