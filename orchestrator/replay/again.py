"""Runs recorded programs again. Everything that can be known beforehand is looked at before anything runs:

  1. the ledger holds, and every blob that is needed has its digest   -> else LOG_INVALID, nothing runs
  2. the models have the digests on record, in the record's order     -> else INPUT_UNAVAILABLE
  3. image, sandbox, device and protections are here                  -> else ENV_MISMATCH
  4. each program goes through check, screen, run and verify, no further than it came; `judge.py` compares
Nothing is written into the run's directory: outputs go to a folder of their own, which is removed.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestrator.blobs import BlobStore
from orchestrator.candidate import Admitted, Proposed, Rejection, Screened, Stage, Unchecked
from orchestrator.config import RunConfig
from orchestrator.containment import protected
from orchestrator.errors import AssayError, ModelError, PreflightError, SandboxError
from orchestrator.models import MergeInputs, Watch
from orchestrator.replay.classes import ReplayClass
from orchestrator.replay.decisions import SameAnswers
from orchestrator.replay.judge import Found, Judged, judge, last_stage, named
from orchestrator.replay.machine import described, environment
from orchestrator.replay.original import (
    SKIPPED,
    Original,
    Recorded,
    ReplayError,
    read_original,
    select,
    source_of,
    tensors_of,
    weights_of,
)
from orchestrator.replay.preparing import Request, adapted, opened_inputs, require_accepted, sandbox_for
from orchestrator.replay.results import ProgramResult, ReplayResult, sorted_as
from orchestrator.sandbox.base import Sandbox
from orchestrator.session import determinism_profile, require_disk, terminable
from orchestrator.stages.check import check_program
from orchestrator.stages.run import run_program
from orchestrator.stages.screen import screen_programs
from orchestrator.stages.verify import verify_output
from policies.capabilities import capabilities
from policies.checker import policy_digest

Told = Callable[[ProgramResult], None]


def replay(request: Request, *, told: Told) -> ReplayResult:
    """Replay the programs that are asked for; `told` hears of each as soon as it is judged.

    An interrupt ends it cleanly: what was judged stands, the rest is INCONCLUSIVE.

    Raises:
        UsageError: no such run, no such programs, or less protection than the caller accepts.
    """
    try:
        original = read_original(request.run_dir, request.held)
    except ReplayError as error:
        return ReplayResult(source=request.source, whole=error.result, why=error.why)
    programs = select(original, request.programs)
    require_accepted(request, original, programs)
    course = _Course(request, original, programs, told)
    with terminable():
        try:
            course.go()
        except KeyboardInterrupt:
            course.interrupted = True
            course.end_all(ReplayError(ReplayClass.INCONCLUSIVE, "interrupted before it was judged"))
    return course.result()


@dataclass(slots=True)
class _Course:
    """One replay from its materials to its result."""

    request: Request
    original: Original
    programs: Sequence[Recorded]
    told: Told
    sources: dict[str, str] = field(default_factory=dict)
    ended: dict[str, ProgramResult] = field(default_factory=dict)
    environment: dict[str, Any] = field(default_factory=dict)
    why: str = ""
    interrupted: bool = False

    def go(self) -> None:
        """Follow the steps of the module's docstring."""
        self._read_materials()
        if any(one.result is ReplayClass.LOG_INVALID for one in self.ended.values()):
            self.end_all(ReplayError(ReplayClass.INCONCLUSIVE, "nothing was run: the record does not hold"))
            return
        if not self.sources:
            return
        try:
            config = adapted(self.request, self.original)
            inputs = opened_inputs(self.request, self.original, config)
            with self._started(config, inputs) as (sandbox, blobs):
                self._run(_Again(config=config, inputs=inputs, models=Watch(inputs), sandbox=sandbox, blobs=blobs))
        except PreflightError as error:
            self.why = str(error)
            self.end_all(ReplayError(ReplayClass.ENV_MISMATCH, error.what, remedy=error.remedy))
        except ReplayError as error:
            self.why = error.why
            self.end_all(error)
        except SandboxError as error:
            self.why = f"the platform failed: {error.what}"
            self.end_all(ReplayError(ReplayClass.INCONCLUSIVE, self.why, remedy=error.remedy))

    def result(self) -> ReplayResult:
        return ReplayResult(
            source=self.request.source,
            run=self.original.run,
            entries=self.original.entries,
            root=self.original.root,
            keys=self.original.keys,
            why=self.why,
            environment=self.environment,
            programs=sorted_as([program.id for program in self.programs], self.ended),
            interrupted=self.interrupted,
        )

    def end_all(self, error: ReplayError) -> None:
        """Give all programs that have no class yet this one."""
        for program in self.programs:
            if program.id not in self.ended:
                self._end(program, Judged(result=error.result, why=error.why))

    def _read_materials(self) -> None:
        """Read and check every blob that the chosen programs need."""
        for program in self.programs:
            try:
                _require_outcome(program)
                self.sources[program.id] = source_of(self.original, program)
                tensors_of(self.original, program)
                weights_of(self.original, program)
            except ReplayError as error:
                self.sources.pop(program.id, None)
                self._end(program, Judged(result=error.result, why=error.why))

    @contextmanager
    def _started(self, config: RunConfig, inputs: MergeInputs) -> Iterator[tuple[Sandbox, BlobStore]]:
        """Start the recorded kind of sandbox in a folder of its own, judge its protections, note the environment."""
        with ExitStack() as stack:
            folder = Path(
                stack.enter_context(tempfile.TemporaryDirectory(prefix="assay-replay-", dir=self.request.work))
            )
            require_disk(folder, inputs, config)
            sandbox = stack.enter_context(sandbox_for(config, inputs, folder))
            protected(sandbox, inputs.tensors, config.require)
            self._note_environment(sandbox, config)
            yield sandbox, BlobStore(folder / "blobs")

    def _note_environment(self, sandbox: Sandbox, config: RunConfig) -> None:
        record = environment(self.original.sandbox, self.original.profile, device=config.device)
        here = environment(
            sandbox.describe(), self.request.profile or determinism_profile(config), device=config.device
        )
        differs = here.differs(record)
        notes = [f"another class of environment: {described(differs, record, here)}"] if differs else []
        if self.original.started.get("policy_sha256") != policy_digest(config.policy):
            notes.append("the policy of the record is not the one here")
        if self.original.missing:
            notes.append(f"the record is intact and not complete: {self.original.missing[0]}")
        self.environment = {
            "recorded": record.as_json(),
            "here": here.as_json(),
            "differs": list(differs),
            "notes": notes,
        }

    def _run(self, again: _Again) -> None:
        """Take the programs through the stages, and judge each as it comes out."""
        decisions = SameAnswers(self.original, again.config, again.inputs)
        open_ones = [program for program in self.programs if program.id not in self.ended]
        began = time.monotonic()
        for program, found in again.take(open_ones, self.sources):
            if isinstance(found, ReplayError):
                judged, said = Judged(result=found.result, why=found.why), ""
            else:
                said = named(found)
                judged = self._judged(program, found, decisions)
                again.drop(found)
            self._end(program, judged, said=said, seconds=time.monotonic() - began)
            began = time.monotonic()

    def _judged(self, program: Recorded, found: Found, decisions: SameAnswers) -> Judged:
        try:
            return judge(
                program,
                found,
                original=self.original,
                elsewhere=self.environment["differs"],
                decisions=decisions,
            )
        except ReplayError as error:
            return Judged(result=error.result, why=error.why)
        except AssayError as error:
            return Judged(result=ReplayClass.INCONCLUSIVE, why=f"the platform failed: {error.what}")

    def _end(self, program: Recorded, judged: Judged, *, said: str = "", seconds: float = 0.0) -> None:
        diverged = judged.divergence is not None
        self.ended[program.id] = ProgramResult(
            id=program.id,
            digest=program.digest,
            result=judged.result,
            recorded=program.outcome,
            found=said,
            why=judged.why,
            divergence=judged.divergence,
            operations=operations(self.sources.get(program.id, "")) if diverged else (),
            entries=tuple(program.entries),
            seconds=seconds,
        )
        self.told(self.ended[program.id])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Again:
    """The stages, without a record of their own."""

    config: RunConfig
    inputs: MergeInputs
    models: Watch
    sandbox: Sandbox
    blobs: BlobStore

    def take(
        self, programs: Sequence[Recorded], sources: Mapping[str, str]
    ) -> Iterator[tuple[Recorded, Found | ReplayError]]:
        """Yield what becomes of each program, in order; no further than it came when it was recorded."""
        checked = {program.id: self._check(program, sources[program.id]) for program in programs}
        screened = self._screen(programs, checked)
        self.sandbox.expect(sum(last_stage(program) is Stage.VERIFY for program in programs))
        for program in programs:
            so_far = screened[program.id]
            if isinstance(so_far, Unchecked) or (isinstance(so_far, Screened) and last_stage(program) is Stage.VERIFY):
                yield program, self._run(so_far)
            else:
                yield program, so_far

    def drop(self, found: Found) -> None:
        """Remove a replayed output: it has been judged."""
        if digest := getattr(found, "output_sha256", ""):
            self.blobs.drop(digest)

    def _check(self, program: Recorded, source: str) -> Admitted | Unchecked | Rejection | ReplayError:
        proposed = Proposed(
            id=program.id, iteration=program.iteration, index=program.index, source=source, digest=program.digest
        )
        if program.policy == SKIPPED:
            return Unchecked(proposed=proposed)
        outcome, _ = check_program(proposed, profile=self.config.policy)
        refused_then = last_stage(program) is Stage.CHECK
        same_policy = program.policy_sha256 == policy_digest(self.config.policy)
        if isinstance(outcome, Rejection) != refused_then and not same_policy:
            now = f"refuses it ({outcome.detail[:200]})" if isinstance(outcome, Rejection) else "admits it"
            return ReplayError(
                ReplayClass.ENV_MISMATCH, f"the policy of the record is not the one here, which {now}; it was not run"
            )
        return outcome

    def _screen(
        self, programs: Sequence[Recorded], checked: Mapping[str, Admitted | Unchecked | Rejection | ReplayError]
    ) -> dict[str, Admitted | Screened | Unchecked | Rejection | ReplayError]:
        """Screen all that passed the check and did so then, in one row of cells."""
        admitted = [
            outcome
            for program in programs
            if isinstance(outcome := checked[program.id], Admitted) and last_stage(program) is not Stage.CHECK
        ]
        outcomes = screen_programs(
            admitted,
            sandbox=self.sandbox,
            names=tuple(self.config.models.candidates),
            seed=self.config.seed,
            profile=self.config.policy,
            timeout_seconds=self.config.screen.timeout_seconds,
            seen=None,
            observe=_unobserved,
        )
        return {**checked, **{outcome.proposed.id: outcome for outcome in outcomes}}

    def _run(self, program: Screened | Unchecked) -> Found | ReplayError:
        try:
            self.models.require()
            outcome = run_program(
                program,
                sandbox=self.sandbox,
                inputs=self.inputs,
                seed=self.config.seed,
                device=self.config.device,
                profile=self.config.policy,
                observe=_unobserved,
            )
            if isinstance(outcome, Rejection):
                return outcome
            self.models.require()
            return verify_output(outcome, inputs=self.inputs, bounds=self.config.verify, blobs=self.blobs)
        except ModelError as error:
            return ReplayError(ReplayClass.INPUT_UNAVAILABLE, error.what, remedy=error.remedy)
        except SandboxError as error:
            return ReplayError(ReplayClass.INCONCLUSIVE, f"the platform failed: {error.what}", remedy=error.remedy)


def operations(source: str) -> tuple[str, ...]:
    """Return the operations of torch and of tensors that are written in a program."""
    used = capabilities(source)
    if used is None:
        return ()
    return (*(f"torch.{name}" for name in sorted(used.torch)), *(f"Tensor.{name}" for name in sorted(used.tensor)))


def _require_outcome(program: Recorded) -> None:
    if program.outcome == "no outcome":
        raise ReplayError(ReplayClass.INCONCLUSIVE, "the record ends before its outcome: nothing to compare with")
    if not program.policy:
        raise ReplayError(ReplayClass.INCONCLUSIVE, "its file was no program: what it held is not on record")


def _unobserved(event_type: str, data: Mapping[str, Any]) -> None:
    """A replay keeps no record of containers."""
