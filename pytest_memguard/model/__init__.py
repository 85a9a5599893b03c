"""The values that cross a boundary between modules, processes or runs, and their JSON form (schema 1).

Everything here is frozen, made of builtins, and knows nothing of pytest: a renderer, another process or a later
run gets these values and needs nothing else. ``to_json`` gives exact builtins only, because execnet (the transport
of pytest-xdist) refuses enums and subclasses. A metric that could not be read is ``None``, never 0.
"""

from __future__ import annotations

from pytest_memguard.model.findings import (
    AllocationSite,
    Diagnosis,
    Finding,
    Kind,
    Origin,
    Phase,
    Retainer,
    RoundSeries,
    Severity,
    Suspect,
    TypeGrowth,
)
from pytest_memguard.model.record import VERDICTS, Checkpoint, MemoryRecord, Verdict, VerdictName
from pytest_memguard.model.run import (
    Environment,
    GrownTest,
    LimitExceeded,
    Records,
    RunReport,
    SessionGrowth,
    SessionSummary,
)

__all__ = [
    "SCHEMA_VERSION",
    "VERDICTS",
    "AllocationSite",
    "Checkpoint",
    "Diagnosis",
    "Environment",
    "Finding",
    "GrownTest",
    "Kind",
    "LimitExceeded",
    "MemoryRecord",
    "Origin",
    "Phase",
    "Records",
    "Retainer",
    "RoundSeries",
    "RunReport",
    "SessionGrowth",
    "SessionSummary",
    "Severity",
    "Suspect",
    "TypeGrowth",
    "Verdict",
    "VerdictName",
]

SCHEMA_VERSION = 1
