"""The facts about one program as it moves through the stages, and the closed list of rejections.

    Proposed -> Admitted -> Screened -> Ran -> Verified -> Scored

Each stage takes one of these frozen types and returns the next, or a `Rejection`. Progress lives in
the type: `evaluate` accepts only `Verified`, `learn` only `Scored`. Nothing here does any work.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from orchestrator.credentials import net
from policies.capabilities import Capabilities
from sandbox_image.protocol import TensorSpec


class Stage(StrEnum):
    """The stages in the order in which the pipeline calls them."""

    GENERATE = "generate"
    CHECK = "check"
    SCREEN = "screen"
    RUN = "run"
    VERIFY = "verify"
    EVALUATE = "evaluate"
    LEARN = "learn"


class Reason(StrEnum):
    """Why a program was rejected. A closed list: the README documents each one."""

    SYNTAX = "syntax"  # not Python, not UTF-8, or too large to parse
    POLICY = "policy"  # outside the dialect
    CONTRACT = "contract"  # no merge_models, or parameters that the platform cannot supply
    RUNTIME_ERROR = "runtime_error"  # the program raised, or left with an exit code of its own
    WRONG_SHAPE = "wrong_shape"  # not the shape of the parameter
    WRONG_DTYPE = "wrong_dtype"  # not a tensor, or not floating
    NOT_FINITE = "not_finite"  # NaN or infinity in the result
    NONDETERMINISTIC = "nondeterministic"  # two calls with the same input and seed differ
    DUPLICATE = "duplicate"  # computes what an earlier program computes
    TIMEOUT = "timeout"  # still running at the deadline; killed by the host
    OUT_OF_MEMORY = "out_of_memory"  # ended at the memory limit
    KILLED = "killed"  # ended by a signal that the platform did not send
    OUTPUT_MISSING = "output_missing"  # a tensor was never written
    OUTPUT_SIZE = "output_size"  # the output file no longer has its length
    OUTPUT_NORM = "output_norm"  # merged task vector outside the bounds of [verify]
    IDENTICAL_TO_SEED = "identical_to_seed"  # merged weights are the seed's, byte for byte
    PROTOCOL = "protocol"  # output flood, or an exit that does not fit what was seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How the factory came to write a program."""

    model: str
    prompt_digest: str
    temperature: float
    top_p: float
    seed: int
    tokens: int
    adapter: str = ""  # digest of the trained factory weights; empty for the untrained factory


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """A program as text, from the factory or from a file. Nothing is known of it yet."""

    id: str  # unique in the run: "i2-017", or "x-003" for `assay exec`
    iteration: int
    index: int
    source: str
    digest: str  # sha256 of the UTF-8 source
    sampling: Sampling | None = None
    taken_out: tuple[tuple[str, int], ...] = ()  # kinds of credentials that the text held, and how many of each


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """A program that the policy lets through."""

    proposed: Proposed
    policy_digest: str
    ast_digest: str
    capabilities: Capabilities | None = None  # what it uses, for the record; decides nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Screened:
    """A program that ran on the probe tensors; says nothing about any model's score."""

    admitted: Admitted
    fingerprint: str  # functional: programs that compute the same share it

    @property
    def proposed(self) -> Proposed:
        return self.admitted.proposed


@dataclass(frozen=True, slots=True, kw_only=True)
class Unchecked:
    """A program that skipped check and screen on request (`assay exec --no-policy`)."""

    proposed: Proposed


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedOutput:
    """The output file that the host made, holds open and alone reads (`sandbox/output.py`)."""

    fd: int
    path: Path
    size: int  # bytes; fixed before the program ran
    inode: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What the host itself saw of a container: nothing here was said by the program."""

    container_id: str
    image_id: str
    exit_code: int | None
    oom_killed: bool
    timed_out: bool
    wall_seconds: float  # from program handed over to container dead
    startup_seconds: float  # from create to "ready"
    peak_memory_bytes: int
    stdout: str  # the program's own, capped, control characters escaped
    stderr: str
    truncated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A program whose container ended well. Its output is still only a claim."""

    program: Screened | Unchecked
    receipt: Receipt
    output: OwnedOutput
    finished: bool  # the runner said so; a file without it is not a result, however good it looks

    @property
    def proposed(self) -> Proposed:
        return self.program.proposed


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """Merged weights that the host read, checked and hashed."""

    program: Screened | Unchecked
    receipt: Receipt
    output_sha256: str  # of the raw output bytes, in manifest order
    tensor_sha256: tuple[tuple[str, str], ...]
    tensors: tuple[TensorSpec, ...]
    weights: Path  # the same bytes, in the blob store
    norm_ratio: float  # ||merged task vector|| / largest ||candidate task vector||

    @property
    def proposed(self) -> Proposed:
        return self.program.proposed


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Per-item results on one split; items are paired across programs by position."""

    split: str
    correct: tuple[bool, ...]

    @property
    def accuracy(self) -> float:
        return sum(self.correct) / len(self.correct)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A verified program with its dev score: all that the trainer may see."""

    verified: Verified
    dev: Score
    seconds: float

    @property
    def proposed(self) -> Proposed:
        return self.verified.program.proposed


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """The end of a program: the stage that said no, the reason, and a sentence for people."""

    proposed: Proposed
    stage: Stage
    reason: Reason
    detail: str
    receipt: Receipt | None = None
    duplicate_of: str = ""  # id of the earlier program, for Reason.DUPLICATE


def cleaned(program: Proposed) -> Proposed:
    """Return a program whose text holds no credential: marks stand in their places, and the digest is of what is left.

    Before anything else is done with it, so that what is recorded, checked, run and learnt from is one text.
    """
    found: Counter[str] = Counter()
    source = net().redacted(program.source, found)
    if not found:
        return program
    return replace(program, source=source, digest=source_digest(source), taken_out=tuple(sorted(found.items())))


def source_digest(source: str) -> str:
    """Return the sha256 (hex) of a program's UTF-8 bytes."""
    return hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()
