"""Hooks with their examples, the values that they get, and what a confidence is, from the docstrings."""

from __future__ import annotations

import dataclasses
import inspect
import re
import textwrap
from collections.abc import Iterator

from pytest_memguard import acceptance, events, hookspecs, judge, model
from tests.reference.table import table

_VALUES = (
    model.MemoryRecord,
    model.Suspect,
    model.Finding,
    model.Diagnosis,
    model.TypeGrowth,
    model.AllocationSite,
    model.Retainer,
    model.RoundSeries,
    events.PressureEvent,
    events.CleanupResult,
    events.StrategyResult,
    events.ComponentUsage,
    model.RunReport,
    model.SessionSummary,
    acceptance.Acceptance,
)


def hooks() -> str:
    """A section for each hook, in the order in which they are declared."""
    declared = [getattr(hookspecs, name) for name in hookspecs.__all__]
    ordered = sorted(declared, key=lambda hook: hook.__code__.co_firstlineno)
    return "\n".join(_section(hook) for hook in ordered)


def values() -> str:
    """A section for each class of values."""
    parts = []
    for value in _VALUES:
        rows = [(f"`{field.name}`", f"`{field.type}`") for field in dataclasses.fields(value)]
        prose = "\n\n".join(in_markdown(inspect.getdoc(value) or ""))
        parts.append(f"### `{value.__name__}`\n\n{prose}\n\n{table(('field', 'type'), rows)}")
    return "\n".join(parts)


def confidence() -> str:
    """How sure a finding is, as the function says it that computes it."""
    return "\n\n".join(in_markdown(inspect.getdoc(judge.confidence) or ""))


def in_markdown(text: str) -> Iterator[str]:
    """The paragraphs of a docstring; what follows one that ends with ``::`` is Python."""
    blocks = re.split(r"\n{2,}(?=\S)", text.strip())
    for block in blocks:
        lead, found, code = block.partition("::\n\n")
        yield re.sub(r":\w+:`~?([^`]+)`", r"`\1`", lead.replace("``", "`")) + (":" if found else "")
        if found:
            yield f"```python\n{textwrap.dedent(code).rstrip()}\n```"


def _section(hook: object) -> str:
    name = hook.__name__  # type: ignore[attr-defined]
    code = hook.__code__  # type: ignore[attr-defined]
    result = hook.__annotations__["return"]
    returns = "" if result == "None" else f" -> {result}"
    (argument,) = code.co_varnames[: code.co_argcount]
    signature = f"{name}({argument}: {hook.__annotations__[argument]}){returns}"
    prose = "\n\n".join(in_markdown(inspect.getdoc(hook) or ""))
    return f"## `{name}`\n\n```text\n{signature}\n```\n\n{prose}\n"
