"""Proves the sandbox before anything is entrusted to it: its protections are looked at, and attacks are tried on it.

    look at a started container -> judge each protection -> record -> refuse the start if one that is needed is missing
    run every canary through the real sandbox -> refuse the start if one ends in another way than it must -> record

A refusal is a `PreflightError`: this machine lacks what the run asked for, and no program has been run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from importlib import resources

from orchestrator.candidate import Proposed, Ran, Reason, Rejection, Stage, Unchecked, Verified, source_digest
from orchestrator.errors import PreflightError
from orchestrator.models import MergeInputs
from orchestrator.sandbox.base import Sandbox
from orchestrator.sandbox.protections import Finding, judge, needed, refused
from orchestrator.session import Session
from orchestrator.stages.run import run_program
from orchestrator.stages.verify import verify_output
from sandbox_image.protocol import TensorSpec

DEADLINE_SECONDS = 1.0  # for the canary that has to be killed
PATIENCE_SECONDS = 20.0  # for the others, which end by themselves; long, so that a busy machine is no refusal
Record = Callable[[Sequence[Finding], Collection[str]], None]
HELD = "RuntimeError: held: "
_REMEDY = "`assay doctor` says what this host lacks; nothing may be run on it until that is mended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """An attack program and the only way in which it may end."""

    name: str  # of its file in sandbox/canaries/
    stage: Stage = Stage.RUN
    reason: Reason = Reason.RUNTIME_ERROR
    detail: str = HELD  # what the rejection's detail begins with
    timeout_seconds: float = PATIENCE_SECONDS

    @property
    def source(self) -> str:
        return resources.files("orchestrator.sandbox.canaries").joinpath(f"{self.name}.py").read_text("utf-8")


CANARIES = (
    Canary(name="deadline", reason=Reason.TIMEOUT, detail="", timeout_seconds=DEADLINE_SECONDS),
    Canary(name="network"),
    Canary(name="writing"),
    Canary(name="reading"),
    Canary(name="processes"),
    Canary(name="overrun"),
    Canary(name="forgery", stage=Stage.VERIFY, reason=Reason.OUTPUT_MISSING, detail=""),
)


def require_protections(session: Session, inputs: MergeInputs | None = None) -> None:
    """Start a container, judge and record its protections, and keep it for the first program.

    `inputs` are the session's unless its first container is to have another output.

    Raises:
        PreflightError: a protection that is always asked for, or that the configuration requires, is not in effect.
        SandboxError: the container did not start.
    """
    protected(
        session.sandbox,
        (inputs or session.inputs).tensors,
        session.config.require,
        record=session.recorder.protections,
    )


def protected(
    sandbox: Sandbox, tensors: tuple[TensorSpec, ...], required: Sequence[str], *, record: Record | None = None
) -> None:
    """Start a container for an output of this layout, judge its protections, and record them if they are recorded.

    Raises:
        PreflightError: as above.
        SandboxError: as above.
    """
    seen = sandbox.look(tensors)
    findings = judge(seen)
    wanted = needed(seen, required)
    if record is not None:
        record(findings, wanted)
    if lacking := refused(findings, wanted):
        raise _lacks(lacking, required)


def require_containment(session: Session) -> None:
    """Judge the protections, then try every canary; in containers with the run's models and a small output.

    Raises:
        PreflightError: as above, or a canary ended in another way than it must.
        SandboxError: a container did not start.
    """
    inputs = smallest(session.inputs)
    session.sandbox.expect(len(CANARIES))
    require_protections(session, inputs)
    started = time.monotonic()
    with ThreadPoolExecutor(session.config.container.parallel, thread_name_prefix="canary") as pool:
        flying = [pool.submit(try_canary, canary, session, inputs) for canary in CANARIES]
        try:
            found = [future.result() for future in flying]
        except BaseException:
            session.sandbox.stop()
            raise
    session.recorder.canaries(
        [(canary.name, source_digest(canary.source), text) for canary, text in zip(CANARIES, found, strict=True)],
        seconds=time.monotonic() - started,
    )


def smallest(inputs: MergeInputs) -> MergeInputs:
    """Return the inputs with nothing to merge but the smallest tensor."""
    spec = min((spec for spec in inputs.tensors if spec.nbytes), key=lambda spec: spec.nbytes)
    return replace(inputs, tensors=(replace(spec, offset=0),))


def try_canary(canary: Canary, session: Session, inputs: MergeInputs) -> str:
    """Run one canary; return how it was held.

    Raises:
        PreflightError: it ended in another way than it must.
    """
    outcome = _outcome(canary, session, inputs)
    if not isinstance(outcome, Rejection):
        session.blobs.drop(outcome.output_sha256)
        raise _got_through(canary, "its output was verified")
    found = f"{outcome.stage.value} {outcome.reason.value}: {outcome.detail}"
    as_it_must = (outcome.stage, outcome.reason) == (canary.stage, canary.reason)
    if not as_it_must or not outcome.detail.startswith(canary.detail):
        raise _got_through(canary, found)
    return found


def _outcome(canary: Canary, session: Session, inputs: MergeInputs) -> Verified | Rejection:
    source = canary.source
    proposed = Proposed(id=f"canary-{canary.name}", iteration=0, index=0, source=source, digest=source_digest(source))
    config = session.config
    outcome = run_program(
        Unchecked(proposed=proposed),
        sandbox=session.sandbox,
        inputs=inputs,
        seed=config.seed,
        device=config.device,
        profile=config.policy,
        observe=session.recorder.observer(proposed),
        timeout_seconds=canary.timeout_seconds,
    )
    if isinstance(outcome, Ran):
        return verify_output(outcome, inputs=inputs, bounds=config.verify, blobs=session.blobs)
    return outcome


def _got_through(canary: Canary, found: str) -> PreflightError:
    said = f' saying "{canary.detail}..."' if canary.detail else ""
    return PreflightError(
        f"canary {canary.name}: expected {canary.stage.value} {canary.reason.value}{said}, found {found[:500]}",
        remedy=_REMEDY,
    )


def _lacks(lacking: Sequence[Finding], required: Sequence[str]) -> PreflightError:
    """Name every protection that is missing; the remedy is the first one's."""
    texts = [
        f"protection {found.name}{' (in `require`)' if found.name in required else ''}: expected in effect, "
        f"found {found.state.value} ({found.found})"
        for found in lacking
    ]
    return PreflightError("; ".join(texts), remedy=lacking[0].remedy or _REMEDY)
