"""Takes a program from text to `Admitted`, or says why not. Executes nothing; a filter, never the wall.

    Proposed -> Admitted | Rejection

A refusal may become training signal: it is the program's own doing.
"""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.candidate import Admitted, Proposed, Reason, Rejection, Stage
from policies import checker
from policies.capabilities import capabilities
from policies.checker import CheckResult
from policies.findings import Finding

MAX_DETAIL_FINDINGS = 3  # all of them are in the CheckResult
# A program that is not Python has no policy, and one outside the policy has no contract worth naming.
_SEVERITY = (Reason.SYNTAX, Reason.POLICY, Reason.CONTRACT)


def check_program(proposed: Proposed, *, profile: str) -> tuple[Admitted | Rejection, CheckResult]:
    """Apply the policy to one program; the check's result comes beside the outcome, for the record.

    Raises:
        UnknownProfileError: there is no such profile.
    """
    result = checker.check(proposed.source, profile)
    if result.verdict == "refused":
        return _rejection(proposed, result.findings), result
    admitted = Admitted(
        proposed=proposed,
        policy_digest=result.policy_digest,
        ast_digest=result.ast_digest,
        capabilities=capabilities(proposed.source, profile),
    )
    return admitted, result


def _rejection(proposed: Proposed, findings: Sequence[Finding]) -> Rejection:
    """Reject for the gravest kind of finding, and quote the first few of that kind."""
    reason = min((Reason(finding.reason) for finding in findings), key=_SEVERITY.index)
    shown = [finding for finding in findings if finding.reason == reason]
    detail = "; ".join(str(finding) for finding in shown[:MAX_DETAIL_FINDINGS])
    rest = len(findings) - len(shown[:MAX_DETAIL_FINDINGS])
    if rest:
        detail += f" (and {rest} more)"
    return Rejection(proposed=proposed, stage=Stage.CHECK, reason=reason, detail=detail)
