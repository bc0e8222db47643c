"""Turns the facts of a run into ledger events. Decides nothing and runs nothing.

Every method appends before it returns, and what is appended is durable: the caller may then start the
next stage. What belongs together (a verdict against a program and its end) is appended at once: all of it is on
record, or none. Event types and their keys are those of docs/events.md.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from evals.splits import Sealed, digest_of
from orchestrator.blobs import BlobStore
from orchestrator.candidate import Proposed, Rejection, Score, Scored, Screened, Verified
from orchestrator.config import RunConfig
from orchestrator.credentials import shown
from orchestrator.drafts import ends, model_of, require_clean, score_of, spec_of, step_of, taken_out
from orchestrator.ledger import Draft, Entry, Ledger, canonical, decimal, sha256_of
from orchestrator.models import MergeInputs
from orchestrator.sandbox.base import Observer
from orchestrator.sandbox.protections import Finding
from orchestrator.stages.learn.dpo import Trained
from orchestrator.stages.learn.preferences import Pair
from orchestrator.state import RESUMED, RunState
from orchestrator.weights import TOLERANCE_ULP
from policies.capabilities import Capabilities
from policies.checker import CheckResult, policy_digest
from policies.profiles import profile

_MAX_AT_ONCE = 1024  # events; a ledger takes no more than 4,096
_MAX_HISTORY = 100
_MAX_FINDINGS = 20
_MAX_FINDING_CHARS = 300
_MAX_FOUND_CHARS = 160


class Recorder:
    """Writes a run's events; its methods are named for what happened."""

    def __init__(self, ledger: Ledger, blobs: BlobStore) -> None:
        self._ledger = ledger
        self._blobs = blobs

    def event(self, event_type: str, data: Mapping[str, Any], *, subject: str = "") -> Entry:
        """Append one event that needs no translation."""
        return self._ledger.append(event_type, subject, data)

    def resumed(self, state: RunState, changed: Sequence[str] = ()) -> None:
        """Record that this process goes on with a run that came as far as `state`, and what was accepted."""
        self.event(
            RESUMED,
            {
                "after": state.ended.type if state.ended else "",
                "stages": [{"iteration": iteration, "stage": stage} for iteration, stage in sorted(state.open_stages)],
                "programs": state.in_flight,
                "containers": sorted(state.open_containers),
                **({"changed": [shown(one, _MAX_FINDING_CHARS) for one in changed]} if changed else {}),
            },
        )

    def lost(self, containers: Mapping[str, Entry]) -> None:
        """Record the end of containers whose process was killed, and which are removed by now."""
        for container_id, entry in containers.items():
            same = {key: entry.data[key] for key in ("purpose", "program_sha256")}
            self.event("sandbox.lost", {"container_id": container_id, **same}, subject=entry.subject)

    def observer(self, proposed: Proposed | None) -> Observer:
        """Return what a sandbox calls with its own events; `None` is a cell, which serves many programs."""
        if proposed is None:
            return functools.partial(self._observed, "", {})
        return functools.partial(self._observed, proposed.id, {"program_sha256": proposed.digest})

    def _observed(self, subject: str, extra: Mapping[str, Any], event_type: str, data: Mapping[str, Any]) -> None:
        self._ledger.append(event_type, subject, {**data, **extra})

    def protections(self, findings: Sequence[Finding], needed: Collection[str]) -> None:
        """Record what protects a container here, as it was seen."""
        self.event(
            "sandbox.protections",
            {
                "protections": [
                    {
                        "name": finding.name,
                        "state": finding.state.value,
                        "needed": finding.name in needed,
                        "found": shown(finding.found, _MAX_FOUND_CHARS),
                    }
                    for finding in findings
                ]
            },
        )

    def canaries(self, held: Sequence[tuple[str, str, str]], *, seconds: float) -> None:
        """Record how each canary was held: (name, digest of its source, what was seen)."""
        self.event(
            "canaries.held",
            {
                "canaries": [
                    {"name": name, "program_sha256": digest, "found": shown(found, _MAX_FINDING_CHARS)}
                    for name, digest, found in held
                ],
                "seconds": decimal(seconds),
            },
        )

    def stage_started(self, stage: str, iteration: int, total: int) -> None:
        self.event("stage.started", {"stage": stage, "iteration": iteration, "total": total})

    def stage_completed(self, stage: str, iteration: int, *, passed: int, rejected: int, seconds: float) -> None:
        self.event(
            "stage.completed",
            {
                "stage": stage,
                "iteration": iteration,
                "passed": passed,
                "rejected": rejected,
                "seconds": decimal(seconds),
            },
        )

    def inputs(self, inputs: MergeInputs, task: Sealed | None, digests: Mapping[str, str] | None = None) -> None:
        """Record the models, the layout of every output, and the items of both splits by digest.

        Without a task (`assay exec`) nothing is scored, and the items' keys are empty. `digests` are of what
        writes programs and of what answers items.
        """
        self.event("inputs.resolved", self.describe_inputs(inputs, task, digests))

    def describe_inputs(
        self, inputs: MergeInputs, task: Sealed | None, digests: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Return the data of `inputs.resolved`; the layout becomes a blob."""
        return {
            **(digests or {}),
            "seed": model_of(inputs.seed),
            "candidates": [{"name": model.name, **model_of(model)} for model in inputs.candidates],
            "tensors": len(inputs.tensors),
            "tensors_sha256": self._blobs.put_bytes(canonical([spec_of(spec) for spec in inputs.tensors])),
            "output_bytes": inputs.output_bytes,
            "num_layers": inputs.num_layers,
            "task": task.search.name if task else "",
            "dev_items": len(task.dev) if task else 0,
            "dev_sha256": digest_of(task.dev) if task else "",
            "test_items": task.test_size if task else 0,
            "test_sha256": task.test_digest if task else "",
        }

    def generated(self, *programs: Proposed) -> None:
        """Record programs; their sources become blobs, so that the ledger stays small.

        Raises:
            LedgerError: a text holds a credential: it was not `cleaned`.
        """
        self._append([draft for proposed in programs for draft in (self._generated(proposed), *taken_out(proposed))])

    def _generated(self, proposed: Proposed) -> Draft:
        require_clean(proposed)
        source = proposed.source.encode("utf-8", "surrogatepass")
        self._blobs.put_bytes(source)
        sampling = proposed.sampling
        return (
            "candidate.generated",
            proposed.id,
            {
                "iteration": proposed.iteration,
                "index": proposed.index,
                "program_sha256": proposed.digest,
                "bytes": len(source),
                "model": sampling.model if sampling else "",
                "adapter_sha256": sampling.adapter if sampling else "",
                "prompt_sha256": sampling.prompt_digest if sampling else "",
                "temperature": decimal(sampling.temperature) if sampling else "",
                "top_p": decimal(sampling.top_p) if sampling else "",
                "seed": sampling.seed if sampling else 0,
                "tokens": sampling.tokens if sampling else 0,
            },
        )

    def policy(
        self,
        proposed: Proposed,
        result: CheckResult | None,
        *,
        policy: str,
        capabilities: Capabilities | None = None,
        rejection: Rejection | None = None,
    ) -> None:
        """Record the verdict of a policy profile; `None` is a check that was skipped on request."""
        findings = result.findings if result else ()
        verdict: Draft = (
            "policy.evaluated",
            proposed.id,
            {
                "program_sha256": proposed.digest,
                "verdict": result.verdict if result else "skipped",
                "profile": profile(policy).name,
                "policy_sha256": policy_digest(policy),
                "ast_sha256": result.ast_digest if result and result.verdict == "admitted" else "",
                "findings": [
                    {
                        "rule": finding.rule,
                        "line": finding.line,
                        "column": finding.column,
                        "message": shown(finding.message, _MAX_FINDING_CHARS),
                    }
                    for finding in findings[:_MAX_FINDINGS]
                ],
                "findings_total": len(findings),
                **({"capabilities": capabilities.as_json()} if capabilities else {}),
            },
        )
        self._ledger.append_many([verdict, *ends(rejection)])

    def screened(self, outcome: Screened | Rejection) -> None:
        rejection = outcome if isinstance(outcome, Rejection) else None
        verdict = self._screen(outcome.proposed, "rejected" if rejection else "passed", outcome)
        self._ledger.append_many([verdict, *ends(rejection)])

    def screen_skipped(self, proposed: Proposed) -> None:
        self._ledger.append_many([self._screen(proposed, "skipped", None)])

    @staticmethod
    def _screen(proposed: Proposed, verdict: str, outcome: Screened | Rejection | None) -> Draft:
        return (
            "screen.completed",
            proposed.id,
            {
                "program_sha256": proposed.digest,
                "verdict": verdict,
                "fingerprint": outcome.fingerprint if isinstance(outcome, Screened) else "",
                "duplicate_of": outcome.duplicate_of if isinstance(outcome, Rejection) else "",
            },
        )

    def verified(self, verified: Verified) -> None:
        tensors = self._blobs.put_bytes(canonical([list(pair) for pair in verified.tensor_sha256]))
        self.event(
            "outputs.verified",
            {
                "program_sha256": verified.proposed.digest,
                "container_id": verified.receipt.container_id,
                "output_sha256": verified.output_sha256,
                "output_bytes": sum(spec.nbytes for spec in verified.tensors),
                "tensors_sha256": tensors,
                "norm_ratio": decimal(verified.norm_ratio),
                "tolerance": {dtype: TOLERANCE_ULP[dtype] for dtype in sorted({s.dtype for s in verified.tensors})},
            },
            subject=verified.proposed.id,
        )

    def rejected(self, rejection: Rejection) -> None:
        """Record the end of a program that is not scored, where no verdict was recorded with it; once."""
        self._ledger.append_many(ends(rejection))

    def scored(self, scored: Scored, score: Score | None = None, *, seconds: float | None = None) -> None:
        """Record a program's score on a split (its dev score unless another is given)."""
        score = score or scored.dev
        self.event(
            "eval.completed",
            {
                "program_sha256": scored.proposed.digest,
                "output_sha256": scored.verified.output_sha256,
                "iteration": scored.proposed.iteration,
                **score_of(score),
                "seconds": decimal(scored.seconds if seconds is None else seconds),
            },
            subject=scored.proposed.id,
        )

    def baseline(
        self, name: str, score: Score, *, seconds: float, parameters: Mapping[str, float] | None = None, points: int = 0
    ) -> None:
        """Record the score of a model that no program made."""
        self.event(
            "baseline.completed",
            {
                "name": name,
                **score_of(score),
                "seconds": decimal(seconds),
                "parameters": {key: decimal(value) for key, value in (parameters or {}).items()},
                "points": points,
            },
        )

    def pairs(
        self,
        iteration: int,
        pairs: Sequence[Pair],
        *,
        prompt_sha256: str,
        entries: Callable[[str], Sequence[int]],
        known: Sequence[Entry] = (),
    ) -> str:
        """Record every preference pair with the entries it rests on; return the digest of the set in order.

        `known` are the entries of the first of them, which are on record.
        """
        drafts: list[Draft] = [
            (
                "dpo.pair_created",
                "",
                {
                    "iteration": iteration,
                    "pair": index,
                    "chosen": pair.chosen.id,
                    "rejected": pair.rejected.id,
                    "chosen_sha256": pair.chosen.digest,
                    "rejected_sha256": pair.rejected.digest,
                    "chosen_entries": list(entries(pair.chosen.id)),
                    "rejected_entries": list(entries(pair.rejected.id)),
                    "rule": pair.rule,
                    "margin": "" if pair.margin is None else decimal(pair.margin),
                    "prompt_sha256": prompt_sha256,
                },
            )
            for index, pair in enumerate(pairs[len(known) :], start=len(known))
        ]
        return sha256_of(canonical([entry.hash for entry in (*known, *self._append(drafts))]))

    def _append(self, drafts: Sequence[Draft]) -> list[Entry]:
        """Append many events; as many at once as a ledger takes, all of these or none."""
        starts = range(0, len(drafts), _MAX_AT_ONCE)
        return [entry for at in starts for entry in self._ledger.append_many(drafts[at : at + _MAX_AT_ONCE])]

    def trained(self, iteration: int, trained: Trained, *, pairs_sha256: str, method: str, base: str) -> None:
        """Record the factory that came out of training, and how the training went."""
        last = trained.metrics[-1] if trained.metrics else {}
        self.event(
            "dpo.trained",
            {
                "iteration": iteration,
                "pairs": trained.pairs - trained.dropped,
                "dropped": trained.dropped,
                "pairs_sha256": pairs_sha256,
                "method": method,
                "base_sha256": base,
                "adapter_sha256": trained.adapter_digest,
                "steps": trained.steps,
                "seconds": decimal(trained.seconds),
                "metrics": {name: decimal(value) for name, value in last.items()},
                "history": [step_of(index, metrics) for index, metrics in enumerate(trained.metrics, 1)][
                    -_MAX_HISTORY:
                ],
            },
        )

    def report_written(self, path: Path) -> None:
        data = path.read_bytes()
        self.event("report.written", {"sha256": sha256_of(data), "bytes": len(data)})


def resolved(config: RunConfig) -> dict[str, Any]:
    """Return the whole configuration as JSON without floats (they become decimals)."""
    values: dict[str, Any] = _without_floats(config.model_dump(mode="json"))
    return values


def _without_floats(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_floats(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without_floats(inner) for inner in value]
    return decimal(value) if isinstance(value, float) else value
