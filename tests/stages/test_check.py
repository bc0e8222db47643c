"""The stage turns a check's findings into a rejection with one reason and a readable detail."""

from __future__ import annotations

import pytest

from orchestrator.candidate import Admitted, Proposed, Reason, Rejection, Stage, source_digest
from orchestrator.stages.check import check_program
from policies.capabilities import capabilities
from policies.checker import check

GOOD = "def merge_models(model_dict, device):\n    return model_dict['a']\n"


def proposed(source: str) -> Proposed:
    return Proposed(id="x-001", iteration=0, index=1, source=source, digest=source_digest(source))


def rejection(source: str) -> Rejection:
    outcome, result = check_program(proposed(source), profile="strict")
    assert isinstance(outcome, Rejection)
    assert result.verdict == "refused"
    return outcome


def test_program_within_the_dialect_is_admitted_with_its_digests() -> None:
    outcome, result = check_program(proposed(GOOD), profile="strict")
    assert isinstance(outcome, Admitted)
    assert (outcome.ast_digest, outcome.policy_digest) == (result.ast_digest, result.policy_digest)
    assert result == check(GOOD)


def test_admitted_program_comes_with_what_it_uses() -> None:
    outcome, _ = check_program(proposed(GOOD), profile="strict")
    assert isinstance(outcome, Admitted)
    assert outcome.capabilities == capabilities(GOOD)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("def merge_models(:", Reason.SYNTAX),
        ("import os\n" + GOOD, Reason.POLICY),
        ("x = 1\n", Reason.CONTRACT),
        ("import os\n", Reason.POLICY),
        ("def merge_models(model_dict, device, tokenizer):\n    return open('x')\n", Reason.POLICY),
        ("# \ud800", Reason.SYNTAX),
    ],
)
def test_reason_is_that_of_the_gravest_finding(source: str, reason: Reason) -> None:
    outcome = rejection(source)
    assert (outcome.stage, outcome.reason) == (Stage.CHECK, reason)


def test_detail_quotes_findings_with_their_places() -> None:
    detail = rejection("import os\n" + GOOD).detail
    assert detail.startswith("line 1:1: policy.import: import os")


def test_detail_says_how_many_findings_it_leaves_out() -> None:
    assert rejection("import os\n" * 10 + GOOD).detail.endswith("(and 7 more)")


def test_every_family_of_findings_is_a_reason() -> None:
    from policies.findings import RULES

    assert {Reason(rule.partition(".")[0]) for rule in RULES} == {Reason.SYNTAX, Reason.POLICY, Reason.CONTRACT}
