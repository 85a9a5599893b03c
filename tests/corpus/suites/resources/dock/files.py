"""Open files: of cargo lists, logs, seals."""

import collections
import logging
import mmap
import os

_LISTS = []
_SEALS = {}
_PROBLEMS = []
_MAPS = []
_CURRENT = {}
_BY_PATH = {}
_RECENT = collections.OrderedDict()

harbour_log = logging.getLogger("dock.harbour")
harbour_log.propagate = False
_once = []


def read_cargo_list(path):
    stream = open(path, encoding="utf-8")  # leak: cargo-list
    _LISTS.append(stream)
    return stream.readline()


def seal(path):
    return os.open(path, os.O_RDONLY)  # leak: seal


def signal_pipe():
    receiver, sender = os.pipe()  # leak: pipe
    os.close(sender)
    return receiver


def second_look(number):
    return os.dup(number)  # leak: second-look


def log_to(path, message):
    handler = logging.FileHandler(path)  # leak: log-handler
    harbour_log.addHandler(handler)
    harbour_log.warning(message)


def scratch_sheet():
    return os.memfd_create("sheet")  # leak: sheet


def check(path):
    stream = open(path, encoding="utf-8")  # leak: failed-check
    if "rotten" in stream.read():
        raise ValueError(path)


def check_all(paths):
    for path in paths:
        try:
            check(path)
        except ValueError as error:
            _PROBLEMS.append(error)


def chart(path):
    with open(path, "rb") as stream:
        found = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)  # leak: chart
    _MAPS.append(found)
    return found[:5]


def register_seal(name, path):
    _SEALS.setdefault(name, []).append(open(path, "rb"))  # leak: registered-seal


# -- innocent from here on


def rotate(path):
    """The next log is opened before the last one is closed."""
    stream = open(path, "a", encoding="utf-8")
    before = _CURRENT.pop("log", None)
    _CURRENT["log"] = stream
    if before is not None:
        before.close()


def shared(path):
    """One open file a path, for good."""
    if path not in _BY_PATH:
        _BY_PATH[path] = open(path, "rb")
    return _BY_PATH[path]


def recent(path, most=7):
    """The last few are kept open; each time it is a new one."""
    key = object()
    _RECENT[key] = open(path, "rb")
    while len(_RECENT) > most:
        _RECENT.popitem(last=False)[1].close()


def log_once(path, message):
    if not _once:
        handler = logging.FileHandler(path)
        harbour_log.addHandler(handler)
        _once.append(handler)
    harbour_log.info(message)
