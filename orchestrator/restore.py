"""Gives back what the stages returned before a run was cut off, from its record and its blobs.

Each method answers for one stage: what it returned for this program, or None where that is not on record
and the stage has to do its work. Nothing is judged anew, and nothing is recorded.
"""

from __future__ import annotations

import json

from orchestrator.blobs import BlobStore
from orchestrator.candidate import (
    Admitted,
    Proposed,
    Reason,
    Receipt,
    Rejection,
    Sampling,
    Score,
    Scored,
    Screened,
    Stage,
    Unchecked,
    Verified,
)
from orchestrator.errors import LedgerError
from orchestrator.ledger import Entry
from orchestrator.models import MergeInputs
from orchestrator.state import IterationState, ProgramState, RunState

_NOTHING = IterationState()


class Past:
    """What is on record of a run; of one that has just begun, nothing."""

    def __init__(self, state: RunState, blobs: BlobStore, inputs: MergeInputs) -> None:
        self.state = state
        self._blobs = blobs
        self._inputs = inputs

    def iteration(self, number: int) -> IterationState:
        """How far an iteration came."""
        return self.state.iterations.get(number, _NOTHING)

    def fingerprints(self) -> dict[str, str]:
        """Return functional fingerprint -> id of the first program that has it."""
        seen: dict[str, str] = {}
        for name, program in self.state.programs.items():
            if program.screen is not None and program.screen.data["verdict"] == "passed":
                seen.setdefault(program.screen.data["fingerprint"], name)
        return seen

    def proposed(self, iteration: int) -> dict[int, Proposed]:
        """Return the programs of an iteration that are on record, by their index.

        Raises:
            BlobError: a source is gone or was altered.
        """
        ids = self.iteration(iteration).programs
        return {index: self._proposed(self.state.programs[name].generated) for index, name in ids.items()}

    def checked(self, proposed: Proposed) -> Admitted | Rejection | None:
        """Return what `check` said."""
        program = self.state.programs.get(proposed.id)
        if program is None or program.policy is None:
            return None
        if program.policy.data["verdict"] == "refused":
            return _rejection(program, proposed, program.policy)
        data = program.policy.data
        return Admitted(proposed=proposed, policy_digest=data["policy_sha256"], ast_digest=data["ast_sha256"])

    def screened(self, admitted: Admitted) -> Screened | Rejection | None:
        """Return what `screen` said."""
        program = self.state.programs.get(admitted.proposed.id)
        if program is None or program.screen is None:
            return None
        if program.screen.data["verdict"] == "rejected":
            return _rejection(program, admitted.proposed, program.screen)
        return Screened(admitted=admitted, fingerprint=program.screen.data["fingerprint"])

    def verdict(self, screened: Screened | Unchecked) -> Verified | Rejection | None:
        """Return what `run` or `verify` said. The weights may have been dropped since."""
        program = self.state.programs.get(screened.proposed.id)
        if program is None:
            return None
        if program.rejected is not None:
            return _rejection(program, screened.proposed, program.rejected)
        return None if program.verified is None else self._verified(screened, program, program.verified)

    def scored(self, verified: Verified) -> Scored | None:
        """Return what `evaluate` said on dev."""
        program = self.state.programs.get(verified.proposed.id)
        entry = program.scores.get("dev") if program else None
        return Scored(verified=verified, dev=score_of(entry), seconds=_number(entry, "seconds")) if entry else None

    def tested(self, program_id: str) -> bool:
        """Whether a finalist's score on the test split is on record."""
        program = self.state.programs.get(program_id)
        return program is not None and "test" in program.scores

    def _proposed(self, entry: Entry) -> Proposed:
        data = entry.data
        sampling = Sampling(
            model=data["model"],
            prompt_digest=data["prompt_sha256"],
            temperature=_number(entry, "temperature"),
            top_p=_number(entry, "top_p"),
            seed=data["seed"],
            tokens=data["tokens"],
            adapter=data["adapter_sha256"],
        )
        return Proposed(
            id=entry.subject,
            iteration=data["iteration"],
            index=data["index"],
            source=self._blobs.read(data["program_sha256"]).decode("utf-8", "surrogatepass"),
            digest=data["program_sha256"],
            sampling=sampling if data["model"] else None,
        )

    def _verified(self, screened: Screened | Unchecked, program: ProgramState, entry: Entry) -> Verified:
        data = entry.data
        tensors = json.loads(self._blobs.read(data["tensors_sha256"]))
        return Verified(
            program=screened,
            receipt=_receipt(data["container_id"], program.exits.get(data["container_id"])),
            output_sha256=data["output_sha256"],
            tensor_sha256=tuple((name, digest) for name, digest in tensors),
            tensors=self._inputs.tensors,
            weights=self._blobs.root / data["output_sha256"],
            norm_ratio=_number(entry, "norm_ratio"),
        )


def score_of(entry: Entry) -> Score:
    """Return the per-item results that an `eval.completed` or `baseline.completed` holds."""
    return Score(split=entry.data["split"], correct=tuple(mark == "1" for mark in entry.data["correct"]))


def _rejection(program: ProgramState, proposed: Proposed, verdict: Entry) -> Rejection:
    """Return a program's end. A verdict against it is recorded together with its end, or neither is."""
    if program.rejected is None:
        raise LedgerError(
            f"program {proposed.id}: entry {verdict.index} turns it away, and no candidate.rejected says why",
            remedy="the record lacks what was written with that entry; report it",
        )
    data = program.rejected.data
    return Rejection(
        proposed=proposed,
        stage=Stage(data["stage"]),
        reason=Reason(data["reason"]),
        detail=data["detail"],
        duplicate_of=program.screen.data["duplicate_of"] if program.screen else "",
    )


def _receipt(container_id: str, exited: Entry | None) -> Receipt:
    """Return what is on record of a container; what it printed is there as digests only."""
    data = exited.data if exited else {}
    return Receipt(
        container_id=container_id,
        image_id="",
        exit_code=data.get("exit_code"),
        oom_killed=data.get("oom_killed", False),
        timed_out=data.get("timed_out", False),
        wall_seconds=float(data.get("wall_seconds") or 0),
        startup_seconds=float(data.get("startup_seconds") or 0),
        peak_memory_bytes=data.get("peak_memory_bytes", 0),
        stdout="",
        stderr="",
        truncated=data.get("truncated", False),
    )


def _number(entry: Entry, key: str) -> float:
    return float(entry.data[key] or 0)
