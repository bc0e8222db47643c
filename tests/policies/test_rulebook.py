"""What people read about rules is true: each example is refused by its rule, and what stands beside it is admitted."""

from __future__ import annotations

import pytest

from policies.checker import check
from policies.findings import RULES
from policies.rulebook import Rule, rulebook

WITH_EXAMPLE = [rule for rule in rulebook().values() if rule.refused]


def test_every_rule_has_a_text_and_no_other_has() -> None:
    assert list(rulebook()) == list(RULES)
    assert all(rule.what and rule.why for rule in rulebook().values())


def test_only_the_second_net_has_no_example() -> None:
    assert rulebook().keys() - {rule.id for rule in WITH_EXAMPLE} == {"policy.rewrite"}


@pytest.mark.parametrize("rule", WITH_EXAMPLE, ids=lambda rule: rule.id)
def test_example_is_refused_by_its_rule(rule: Rule) -> None:
    assert rule.id in {finding.rule for finding in check(rule.example).findings}


@pytest.mark.parametrize("rule", WITH_EXAMPLE, ids=lambda rule: rule.id)
def test_what_to_write_instead_is_admitted(rule: Rule) -> None:
    assert check(rule.instead).findings == ()


def test_family_is_what_stands_before_the_dot() -> None:
    assert {rule.family for rule in rulebook().values()} == {"syntax", "policy", "contract"}
