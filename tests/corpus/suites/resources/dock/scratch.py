"""Temporary files."""

import gc
import os
import tempfile
import uuid

_root = []


def crate():
    return tempfile.mkdtemp(prefix="crate-")  # leak: crate


def bill(text):
    with tempfile.NamedTemporaryFile("w", suffix=".bill", delete=False) as stream:  # leak: bill
        stream.write(text)


def note(text):
    path = os.path.join(tempfile.gettempdir(), f"note-{uuid.uuid4().hex}.txt")
    with open(path, "w", encoding="utf-8") as stream:  # leak: note
        stream.write(text)


class Knot:
    def __init__(self):
        self.me = self


def keep_garbage():
    gc.collect()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        Knot()  # leak: knot
        gc.collect()
    finally:
        gc.set_debug(0)


# -- innocent from here on


def root():
    """One folder for the whole process."""
    if not _root:
        _root.append(tempfile.mkdtemp(prefix="dock-root-"))
    return _root[0]
