"""One program's way from text to verified weights: check, screen, run, verify, recorded around each.

Used by `assay run` for whole iterations and by `assay exec` for files. It knows nothing of scores or
learning. Containers run in a few threads; everything else, the recording of verdicts included, happens
in the caller's thread and in program order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from orchestrator.brackets import Stages
from orchestrator.candidate import Admitted, Proposed, Ran, Rejection, Screened, Stage, Unchecked, Verified
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
        self._seen: dict[str, str] | None = {} if deduplicate else None  # fingerprint -> first program's id

    def check(self, programs: Sequence[Proposed]) -> tuple[list[Admitted], list[Rejection]]:
        """Apply the policy to each program."""
        admitted: list[Admitted] = []
        rejected: list[Rejection] = []
        for proposed in programs:
            outcome, result = check_program(proposed, profile=self._session.config.policy)
            used = outcome.capabilities if isinstance(outcome, Admitted) else None
            self._record.policy(proposed, result, policy=self._session.config.policy, capabilities=used)
            if isinstance(outcome, Rejection):
                rejected.append(self._ended(outcome))
            else:
                admitted.append(outcome)
                self._stages.passed(Stage.CHECK)
        return admitted, rejected

    def screen(self, programs: Sequence[Admitted]) -> tuple[list[Screened], list[Rejection]]:
        """Try each program on the probe tensors; programs that compute what an earlier one does end here."""
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
        screened: list[Screened] = []
        rejected: list[Rejection] = []
        for outcome in outcomes:
            self._record.screened(outcome)
            if isinstance(outcome, Rejection):
                rejected.append(self._ended(outcome))
            else:
                screened.append(outcome)
                self._stages.passed(Stage.SCREEN)
        return screened, rejected

    def skip_to_run(self, proposed: Proposed) -> Unchecked:
        """Record that check and screen were left out on request."""
        self._record.policy(proposed, None, policy=self._session.config.policy)
        self._record.screen_skipped(proposed)
        return Unchecked(proposed=proposed)

    def run(self, programs: Sequence[Screened | Unchecked]) -> Iterator[Verified | Rejection]:
        """Run each program in its own container and verify what it left; yields in program order."""
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
        return run_program(
            program,
            sandbox=self._session.sandbox,
            inputs=self._session.inputs,
            seed=config.seed,
            device=config.device,
            profile=config.policy,
            observe=self._record.observer(program.proposed),
        )

    def _finish(self, outcome: Ran | Rejection) -> Verified | Rejection:
        if isinstance(outcome, Rejection):
            return self._ended(outcome)
        self._stages.passed(Stage.RUN)
        with self._stages.spending(Stage.VERIFY):
            verdict = verify_output(
                outcome, inputs=self._session.inputs, bounds=self._session.config.verify, blobs=self._session.blobs
            )
            if isinstance(verdict, Rejection):
                return self._ended(verdict)
            self._record.verified(verdict)
        self._stages.passed(Stage.VERIFY)
        return verdict

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
