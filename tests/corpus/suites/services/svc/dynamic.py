"""Modules and code made at run time."""

from __future__ import annotations

import itertools
import linecache
import sys
import types

_serial = itertools.count()


def load(source: str) -> types.ModuleType:
    module = types.ModuleType(f"svc_plugin_{next(_serial)}")
    exec(compile(source, module.__name__, "exec"), module.__dict__)
    sys.modules[module.__name__] = module  # leak: sys-modules
    return module


def load_private(source: str) -> types.ModuleType:
    module = types.ModuleType("svc_private")
    sys.modules["svc_private"] = module
    try:
        exec(compile(source, "svc_private", "exec"), module.__dict__)
    finally:
        del sys.modules["svc_private"]
    return module


def generated(source: str) -> dict[str, object]:
    """Code whose source can be shown in tracebacks, as class generators do it."""
    name = f"<generated {next(_serial)}>"
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)  # leak: generated-source
    namespace: dict[str, object] = {}
    exec(compile(source, name, "exec"), namespace)
    return namespace
