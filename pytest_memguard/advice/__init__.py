"""The usual cure of each shape of leak that is recognised: a table of rules, tried in order, and one sentence for each.

A rule looks at nothing but a finding. To add one, put it into the table before the more general ones that it is a case
of.
"""

from __future__ import annotations

from pytest_memguard.advice.rules import RULES, Rule
from pytest_memguard.model import Finding

__all__ = ["RULES", "Rule", "advise", "shape"]


def advise(finding: Finding) -> str | None:
    """The cure of the first shape that a finding has; None where nothing is recognised."""
    rule = shape(finding)
    return None if rule is None else rule.cure


def shape(finding: Finding) -> Rule | None:
    """The first rule of the table that applies."""
    return next((rule for rule in RULES if rule.applies(finding)), None)
