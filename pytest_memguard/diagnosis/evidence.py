"""What a diagnosis found: the value for the report, and what only this process can use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from pytest_memguard.diagnosis.owners import Owner
from pytest_memguard.model import Diagnosis, Origin
from pytest_memguard.values import dataclass


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """A diagnosis and the objects behind it. Keep it no longer than it is looked at: it keeps these alive.

    ``types_per_run``: objects that the garbage collector tracks, by type name, that each repetition leaves behind.
    ``types_replaced``: as many more are always new, because a repetition puts them in the place of others.
    ``chain``: the objects of the retainer path, from the root's holder (globals, a class, ..) to the survivor.
    ``holder``: the container that grew, if it has a length; ``holder_per_run``: by how many entries (0: unknown).
    ``origin``: where in the life of the test it grows (None: unknown), with the name of the fixture, or, unless
    ``named``, that of its function.
    ``owner``: whose code holds it (None: unknown); ``pytest`` means that only the test machinery does.
    """

    diagnosis: Diagnosis
    types_per_run: Mapping[str, int] = field(default_factory=dict)
    types_replaced: Mapping[str, int] = field(default_factory=dict)
    chain: tuple[Any, ...] = field(default=(), repr=False)
    holder: Any = field(default=None, repr=False)
    holder_per_run: int = 0
    owner: Owner | None = None
    origin: Origin | None = None
    named: bool = True
