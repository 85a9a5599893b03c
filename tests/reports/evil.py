"""Texts that mean something to a browser, a terminal or a template, and a report that is made of nothing else."""

from __future__ import annotations

from dataclasses import replace

from pytest_memguard.acceptance import Acceptance
from pytest_memguard.model import Diagnosis, Finding, Retainer, RunReport
from tests.unit import reported as r

EVIL = (
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "--></style><style>*{display:none}</style>",
    '" onmouseover="alert(1)" x=\'',
    "' autofocus onfocus=alert(1) '",
    "<img src=x onerror=alert(1)>",
    "javascript:alert(1)",
    "{{ 7 * 7 }}{% for x in y %}&lt;&#60;",
    "\u2028\u2029\u202e\u2066\x00\x1b[31m\x7f\ufeff",
    "\udcff\ud800 lone",
    "a\r\n\t\x0b\x0cb",
    "]]>",
    "https://evil.example/?q=",
)


def hostile(text: str) -> RunReport:
    """A report in which everything that is text is *text*."""
    leak = hostile_leak(text)
    test = replace(r.record(leak.nodeid, text, text, outcome=text), worker=text)
    collected = replace(r.COLLECTIONS, costliest=(replace(r.COLLECTIONS.costliest[0], nodeid=text),))
    return replace(
        r.run(
            leak,
            replace(leak, gates=False, suppressed_by=text),
            tests=(test, replace(test, nodeid=text, verdict="inconclusive"), r.record(text, "unchecked", text)),
            limits=(replace(r.LIMIT, nodeid=text, origin=text),),
            pressure=(replace(r.PRESSURE, level=text, nodeid=leak.nodeid, limit_source=text, cause=text),),
            cleanups=(
                replace(r.CLEANUP, level=text, trigger=text, nodeid=leak.nodeid),
                replace(r.CLEANUP, refused=text),
            ),
            strategies=(replace(r.FAILS, name=text, level=text, category=text, last_error=text),),
            failures=(replace(r.STOPPED, nodeid=text, reason=text, worker=text),),
            grown=(replace(r.GROWN, nodeid=text, metric=text),),
            accepted=(_accepted(text),),
            components=(
                replace(
                    r.USAGE, component=text, worker=text, state=text, error=text, limits={text: 1}, grown_most_by=text
                ),
            ),
            warnings=(text,),
            errors=(text,),
            session={
                "started": text,
                "peak_nodeid": text,
                "growth": replace(r.GROWTH, reason=text, first_nodeid=text, last_nodeid=text),
                "collections": collected,
            },
        ),
        version=text,
        environment=replace(
            r.ENVIRONMENT, python=text, platform=text, limit_bytes=1, limit_source=text, probes={text: text}
        ),
    )


def hostile_leak(text: str) -> Finding:
    """A leak in which everything that is text is *text*."""
    return replace(
        r.LEAK,
        nodeid=f"tests/{text}.py::test[{text}]",
        witnesses=(f"tests/{text}.py::test[{text}]", text),
        kind=text,
        phase=text,
        fixture=text,
        reason=text,
        resources=(text,),
        advice=text,
        rounds=(replace(r.LEAK.rounds[0], metric=text),),
        diagnosis=Diagnosis(
            types=(replace(r.LEAK.diagnosis.types[0], type=text),),
            sites=(replace(r.LEAK.diagnosis.sites[0], file=text, function=text, source=text),),
            retained_at=(replace(r.LEAK.diagnosis.sites[0], file=f"{text}2", function=text, source=text),),
            retainers=(Retainer(path=text, root=text, type=text, steps=(text, text), suspect=0),) * 2,
            component=text,
            signature=text,
            notes=(text,),
        ),
    )


def _accepted(text: str) -> Acceptance:
    return Acceptance(
        source=text, origin=text, patterns={text: text}, reason=text, state=text, first_seen=text, expires=text
    )
