"""Logging set-up, done well and done badly."""

from __future__ import annotations

import logging
import uuid

ROOT = logging.getLogger("svc")
AUDIT = logging.getLogger("svc.audit")
LEVELS = ("debug", "info", "warning", "error")
CHILDREN = tuple(logging.getLogger(f"svc.part{n}") for n in range(12))


class RequestFilter(logging.Filter):
    def __init__(self, request: str) -> None:
        super().__init__()
        self.request = request

    def filter(self, record: logging.LogRecord) -> bool:
        record.request = self.request
        return True


class Counting(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.count += 1


def configure() -> logging.Logger:
    AUDIT.addHandler(logging.NullHandler())  # leak: handler-per-call
    return AUDIT


def tag_requests(request: str) -> logging.Logger:
    ROOT.addFilter(RequestFilter(request))  # leak: filter-per-call
    return ROOT


def request_logger() -> logging.Logger:
    return logging.getLogger(f"svc.request.{uuid.uuid4().hex}")  # leak: logger-per-request


def counted(message: str) -> int:
    handler = Counting()
    ROOT.addHandler(handler)
    try:
        ROOT.warning(message)
    finally:
        ROOT.removeHandler(handler)
    return handler.count
