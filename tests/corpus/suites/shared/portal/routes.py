"""Routes: pure functions from a path to an answer."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

STATUS = {"home": 200, "login": 200, "logout": 302, "old": 301, "admin": 403, "missing": 404}


def status(name: str) -> int:
    return STATUS.get(name, 404)


def query(url: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(url).query)


def body(**values: object) -> str:
    return json.dumps(values, sort_keys=True)
