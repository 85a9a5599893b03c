"""Records of what was done, kept in one list for the whole process."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Record:
    actor: str
    action: str
    rows: tuple[int, ...]


_RECORDS: list[Record] = []


def record(action: str, times: int) -> int:
    for n in range(times):
        _RECORDS.append(Record("tester", action, tuple(range(300, 310 + n))))  # leak: shared-records
    return times
