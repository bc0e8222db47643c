"""Facts as the data of events: programs' ends, scores, models, steps of a training. Pure; appends nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.candidate import Proposed, Rejection, Score
from orchestrator.credentials import kinds, shown
from orchestrator.errors import LedgerError
from orchestrator.ledger import Draft, decimal
from orchestrator.models import ModelFiles
from sandbox_image.protocol import TensorSpec

_MAX_DETAIL_CHARS = 2_000


def require_clean(proposed: Proposed) -> None:
    """Refuse to record a program's text that was not `cleaned`.

    Raises:
        LedgerError: it holds a credential; names the kind.
    """
    if found := kinds(proposed.source):
        raise LedgerError(f"program {proposed.id}: expected a text without credentials, found {', '.join(found)}")


def taken_out(proposed: Proposed) -> list[Draft]:
    """Return the event that says what was taken out of a program's text, if anything was."""
    if not proposed.taken_out:
        return []
    data = {"program_sha256": proposed.digest, "what": "source", "kinds": dict(proposed.taken_out)}
    return [("redaction.applied", proposed.id, data)]


def ends(rejection: Rejection | None) -> list[Draft]:
    """Return the event of a program's end, if it ends."""
    if rejection is None:
        return []
    data = {
        "program_sha256": rejection.proposed.digest,
        "iteration": rejection.proposed.iteration,
        "stage": rejection.stage.value,
        "reason": rejection.reason.value,
        "detail": shown(rejection.detail, _MAX_DETAIL_CHARS),
    }
    return [("candidate.rejected", rejection.proposed.id, data)]


def score_of(score: Score) -> dict[str, Any]:
    """Return a score as `eval.completed` and `baseline.completed` hold it."""
    return {
        "split": score.split,
        "items": len(score.correct),
        "correct": "".join("01"[right] for right in score.correct),
        "accuracy": decimal(score.accuracy),
    }


def step_of(index: int, metrics: Mapping[str, float]) -> dict[str, Any]:
    """Return one step of a training's history."""
    names = {"loss": "loss", "accuracy": "rewards/accuracies", "margin": "rewards/margins"}
    return {"step": index, **{key: decimal(metrics[name]) for key, name in names.items() if name in metrics}}


def model_of(model: ModelFiles) -> dict[str, Any]:
    """Return where a model lies, with the digests of its files."""
    files = [{"name": path.name, "sha256": digest} for path, digest in zip(model.files, model.sha256, strict=True)]
    return {"path": str(model.path), "files": files}


def spec_of(spec: TensorSpec) -> dict[str, Any]:
    """Return a tensor's place in every output."""
    return {
        "name": spec.name,
        "dtype": spec.dtype,
        "shape": list(spec.shape),
        "offset": spec.offset,
        "nbytes": spec.nbytes,
    }
