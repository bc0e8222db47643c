"""One program's way from text to verified weights: check, screen, run, verify, recorded around each.

Used by `assay run` for whole iterations and by `assay exec` for files. It knows nothing of scores or
learning. Containers run in a few threads; everything else, the recording of verdicts included, happens
in the caller's thread and in program order. What is on record of a program is not done again: that is how
a resumed run goes on, with the same outcomes as one that was never cut off.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing

from orchestrator.brackets import Stages
from orchestrator.candidate import Admitted, Proposed, Ran, Rejection, Screened, Stage, Unchecked, Verified
from orchestrator.errors import EngineError, ModelError
from orchestrator.models import Watch
from orchestrator.session import Session
from orchestrator.stages.check import check_program
from orchestrator.stages.run import discard, run_program
from orchestrator.stages.screen import screen_programs
from orchestrator.stages.verify import verify_output

_AHEAD = 2  # programs handed to each container slot ahead of the one being verified


class Trial:
    """Takes programs through the stages of one session.

    With `deduplicate`, a program that computes what an earlier one of the session computes is rejected
    (`assay run`); without, every program is taken on its own (`assay exec`).
    """

    def __init__(self, session: Session, stages: Stages, *, deduplicate: bool) -> None:
        self._session = session
        self._record = session.recorder
        self._stages = stages
        self._past = session.past
        self._models = Watch(session.inputs)
        # fingerprint -> first program's id
        self._seen: dict[str, str] | None = self._past.fingerprints() if deduplicate else None

    def check(self, programs: Sequence[Proposed]) -> tuple[list[Admitted], list[Rejection]]:
        """Apply the policy to each program."""
        admitted: list[Admitted] = []
        rejected: list[Rejection] = []
        for proposed in programs:
            outcome = self._past.checked(proposed) or self._check(proposed)
            if isinstance(outcome, Rejection):
                rejected.append(outcome)
            else:
                admitted.append(outcome)
        return admitted, rejected

    def _check(self, proposed: Proposed) -> Admitted | Rejection:
        policy = self._session.config.policy
        outcome, result = check_program(proposed, profile=policy)
        if isinstance(outcome, Rejection):
            self._record.policy(proposed, result, policy=policy, rejection=outcome)
            self._stages.ended(outcome)
        else:
            self._record.policy(proposed, result, policy=policy, capabilities=outcome.capabilities)
            self._stages.passed(Stage.CHECK)
        return outcome

    def screen(self, programs: Sequence[Admitted]) -> tuple[list[Screened], list[Rejection]]:
        """Try each program on the probe tensors; programs that compute what an earlier one does end here."""
        known = {program.proposed.id: self._past.screened(program) for program in programs}
        fresh = self._screen([program for program in programs if known[program.proposed.id] is None])
        outcomes = [*(outcome for outcome in known.values() if outcome is not None), *fresh]
        screened = [outcome for outcome in outcomes if isinstance(outcome, Screened)]
        return screened, [outcome for outcome in outcomes if isinstance(outcome, Rejection)]

    def _screen(self, programs: Sequence[Admitted]) -> Iterator[Screened | Rejection]:
        """Screen, record and yield in program order: which of two equal programs is the first depends on it."""
        config = self._session.config
        outcomes = screen_programs(
            programs,
            sandbox=self._session.sandbox,
            names=tuple(config.models.candidates),
            seed=config.seed,
            profile=config.policy,
            timeout_seconds=config.screen.timeout_seconds,
            seen=self._seen,
            observe=self._record.observer(None),
            recheck=config.screen.recheck,
        )
        with closing(outcomes):
            for outcome in outcomes:
                self._record.screened(outcome)
                if isinstance(outcome, Rejection):
                    self._stages.ended(outcome)
                else:
                    self._stages.passed(Stage.SCREEN)
                yield outcome

    def skip_to_run(self, proposed: Proposed) -> Unchecked:
        """Record that check and screen were left out on request."""
        self._record.policy(proposed, None, policy=self._session.config.policy)
        self._record.screen_skipped(proposed)
        return Unchecked(proposed=proposed)

    def run(self, programs: Sequence[Screened | Unchecked]) -> Iterator[Verified | Rejection]:
        """Run each program in its own container and verify what it left; yields in program order."""
        known = {program.proposed.id: self._past.verdict(program) for program in programs}
        yield from (verdict for verdict in known.values() if verdict is not None)
        fresh = [program for program in programs if known[program.proposed.id] is None]
        if fresh:
            yield from self._run(fresh)

    def _run(self, programs: Sequence[Screened | Unchecked]) -> Iterator[Verified | Rejection]:
        waiting = deque(programs)
        self._session.sandbox.expect(len(programs))
        flying: deque[Future[Ran | Rejection]] = deque()
        parallel = self._session.config.container.parallel
        pool = ThreadPoolExecutor(max_workers=parallel, thread_name_prefix="run")
        try:
            while waiting or flying:
                while waiting and len(flying) < parallel * _AHEAD:
                    flying.append(pool.submit(self._run_one, waiting.popleft()))
                yield self._finish(flying.popleft().result())
        finally:
            self._abandon(pool, flying)

    def _run_one(self, program: Screened | Unchecked) -> Ran | Rejection:
        config = self._session.config
        self._models.require()
        outcome = run_program(
            program,
            sandbox=self._session.sandbox,
            inputs=self._session.inputs,
            seed=config.seed,
            device=config.device,
            profile=config.policy,
            observe=self._record.observer(program.proposed),
        )
        try:
            self._models.require()  # whatever came of it came of the recorded models
        except ModelError:
            if isinstance(outcome, Ran):
                discard(outcome)
            raise
        return outcome

    def _finish(self, outcome: Ran | Rejection) -> Verified | Rejection:
        if isinstance(outcome, Rejection):
            return self._ended(outcome)
        self._stages.passed(Stage.RUN)
        with self._stages.spending(Stage.VERIFY):
            verdict = self._verify(outcome)
            if isinstance(verdict, Rejection):
                return self._ended(verdict)
            self._record.verified(verdict)
        self._stages.passed(Stage.VERIFY)
        return verdict

    def _verify(self, ran: Ran) -> Verified | Rejection:
        session = self._session
        return verify_output(ran, inputs=session.inputs, bounds=session.config.verify, blobs=session.blobs)

    def remake(self, verified: Verified) -> Verified:
        """Run a program again whose merged weights are needed and gone; they come out as they were verified.

        Raises:
            EngineError: they do not.
        """
        self._session.sandbox.expect(1)
        ran = self._run_one(verified.program)
        outcome = self._verify(ran) if isinstance(ran, Ran) else ran
        if isinstance(outcome, Verified) and outcome.output_sha256 == verified.output_sha256:
            return outcome
        found = outcome.output_sha256 if isinstance(outcome, Verified) else f"{outcome.stage} {outcome.reason}"
        raise EngineError(
            f"program {verified.proposed.id} was run again because its merged weights are gone: expected "
            f"{verified.output_sha256}, as recorded, found {found}",
            remedy="go on where the run began (the same machine, image and models), or put the blob back",
        )

    def _ended(self, rejection: Rejection) -> Rejection:
        self._record.rejected(rejection)
        self._stages.ended(rejection)
        return rejection

    def _abandon(self, pool: ThreadPoolExecutor, flying: deque[Future[Ran | Rejection]]) -> None:
        """After a fault or Ctrl-C: end the containers, wait for their threads, remove outputs nobody will read."""
        if flying:
            for future in flying:
                future.cancel()
            self._session.sandbox.stop()
        pool.shutdown(wait=True)
        for future in flying:
            if future.cancelled() or future.exception() is not None:
                continue
            outcome = future.result()
            if isinstance(outcome, Ran):
                discard(outcome)
