"""Which tests a tool calls leaking in one run, and what it says of them: in failing reports, or in our JSON report."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.places import BenchmarkError, cache
from benchmarks.rivals import Rival
from benchmarks.runs import Run, run

_RECORDER = ("-p", "memguard_bench_recorder")


@dataclass(frozen=True, slots=True, kw_only=True)
class Flagged:
    """All tests collected, those called leaking with the text about each, and those that failed for another reason."""

    tests: tuple[str, ...]
    leaking: Mapping[str, str]
    broken: frozenset[str]
    done: Run


def ask(
    rival: Rival | None, command: Sequence[str], *, cwd: Path, report: Path, extra: Mapping[str, str] | None = None
) -> Flagged:
    """One recorded run of ``command`` with the tool (None: without any). Raises BenchmarkError where it breaks off."""
    record = report.with_suffix(".jsonl")
    record.unlink(missing_ok=True)
    report.unlink(missing_ok=True)
    environment = {**dict(rival.extra if rival else ()), **(extra or {}), "RECORD_TO": str(record)}
    output = cache("logs") / "peers.log"
    done = run((*command, *_RECORDER), cwd=cwd, output=output, extra=environment)
    events = [json.loads(line) for line in record.read_text("utf-8").splitlines()] if record.exists() else []
    if not any(event["event"] == "exit" for event in events):
        raise BenchmarkError(f"exit {done.status} of {' '.join(command)}:\n{done.output[-2000:]}")
    tests = tuple(nodeid for event in events if event["event"] == "collected" for nodeid in event["nodeids"])
    failures: dict[str, str] = {}
    for event in events:
        if event["event"] == "report" and event["outcome"] == "failed":
            sections = [text for name, text in event["sections"] if "memray" in name]
            failures[event["nodeid"]] = "\n".join([failures.get(event["nodeid"], ""), event["text"], *sections])
    if rival is not None and rival.is_ours:
        leaking = _ours(json.loads(report.read_text("utf-8"))) if rival.verdicts else {}
        return Flagged(tests=tests, leaking=leaking, broken=frozenset(failures), done=done)
    said = re.compile(rival.says) if rival is not None and rival.says else None
    leaking = {nodeid: text for nodeid, text in failures.items() if said and said.search(text)}
    return Flagged(tests=tests, leaking=leaking, broken=frozenset(failures) - set(leaking), done=done)


def _ours(report: Mapping[str, Any]) -> dict[str, str]:
    """Each test and witness of a finding that is a leak, with sites, retaining lines and holders."""
    said: dict[str, str] = {}
    for leak in report["leaks"]:
        if leak["verdict"] != "leak":
            continue
        places = [f"{site['file']}:{site['line']}" for site in [*leak["sites"], *leak["retained_at"]]]
        holders = [f"{retainer['root']} {retainer['path']}" for retainer in leak["retainers"]]
        text = "\n".join([*places, *holders, *leak["resources"]])
        for nodeid in (leak["nodeid"], *leak["witnesses"]):
            said[nodeid] = f"{said.get(nodeid, '')}\n{text}"
    return said
