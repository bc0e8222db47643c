"""Between two iterations: verified scores become preference pairs, and pairs become the next factory.

Only programs whose whole chain of records stands in the ledger are learnt from. Pairs and training depend
on the scores, the settings and the seed alone, so what a killed run had begun comes out the same when it is
begun anew; what is on record is compared with what is found. How programs are scored is not known here.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

from orchestrator.brackets import Stages
from orchestrator.candidate import Rejection, Scored
from orchestrator.errors import EngineError, LedgerError
from orchestrator.ledger import Entry, require_chain
from orchestrator.models import weights_digest
from orchestrator.session import Session
from orchestrator.stages.generate.prompts import Prompt
from orchestrator.stages.learn.dpo import Trained, train
from orchestrator.stages.learn.preferences import Pair, preference_pairs

LAST = "the last iteration: nothing samples from the factory any more"
NO_PAIRS = "no two programs differ by more than the evaluation's error"


class Learning:
    """The factory's schooling over one run; `factory` is the newest."""

    def __init__(self, session: Session, stages: Stages, *, factory: Path, prompt: Prompt) -> None:
        self.factory = factory
        self._session = session
        self._config = session.config
        self._stages = stages
        self._prompt = prompt

    def after(self, iteration: int, scored: Sequence[Scored], rejections: Sequence[Rejection]) -> str:
        """Learn from an iteration, or take up what was learnt from it; return why not, or nothing.

        `scored` are all programs scored so far, `rejections` those that the iteration rejected.
        """
        known = self._session.past.iteration(iteration).learnt
        if known is not None and known.type == "dpo.skipped":
            return str(known.data["why"])
        if known is not None:
            self.factory = self._taken_up(iteration, known, scored, rejections)
            return ""
        if self._config.learn == "none":
            return self._skip(iteration, 'learn = "none"')
        if iteration == self._config.iterations:
            return self._skip(iteration, LAST)
        with self._stages.one("learn", iteration):
            return self._learn(iteration, scored, rejections)

    def _skip(self, iteration: int, why: str) -> str:
        self._session.recorder.event("dpo.skipped", {"iteration": iteration, "pairs": 0, "why": why})
        return why

    def _learn(self, iteration: int, scored: Sequence[Scored], rejections: Sequence[Rejection]) -> str:
        ledger, record = self._session.ledger, self._session.recorder
        evidence = {one.proposed.id: require_chain(ledger.history(one.proposed.id), one.proposed.id) for one in scored}
        pairs = self._pairs(iteration, scored, rejections)
        if not pairs:
            return self._skip(iteration, NO_PAIRS)
        known = self._session.past.iteration(iteration).pairs
        require_same(pairs, known)
        digest = record.pairs(
            iteration,
            pairs,
            prompt_sha256=self._prompt.digest,
            entries=lambda program: evidence.get(program) or [entry.index for entry in ledger.history(program)],
            known=known,
        )
        base = weights_digest(self.factory)
        trained = self._train(iteration, pairs)
        record.trained(iteration, trained, pairs_sha256=digest, method=self._config.dpo.method, base=base)
        self.factory = trained.checkpoint
        return ""

    def _pairs(self, iteration: int, scored: Sequence[Scored], rejections: Sequence[Rejection]) -> tuple[Pair, ...]:
        return preference_pairs(
            [one for one in scored if one.proposed.iteration == iteration],
            rejections,
            [one for one in scored if one.proposed.iteration < iteration],
            rules=self._config.preferences,
            rng_seed=self._config.seed + iteration,
        )

    def _train(self, iteration: int, pairs: Sequence[Pair]) -> Trained:
        out = self._checkpoint(iteration)
        if self._session.state.opened is not None:  # what is there is not on record: a killed process made it
            shutil.rmtree(out, ignore_errors=True)
        return train(
            pairs,
            factory=self.factory,
            prompt=self._prompt,
            settings=self._config.dpo,
            seed=self._config.seed + iteration,
            out=out,
            progress=self._stages.progress("learn", iteration),
            device=self._config.device,
        )

    def _taken_up(
        self, iteration: int, known: Entry, scored: Sequence[Scored], rejections: Sequence[Rejection]
    ) -> Path:
        """Return the recorded factory of an earlier process; made again where its folder is gone.

        Raises:
            EngineError: its weights are not those that were recorded.
        """
        folder, expected = self._checkpoint(iteration), known.data["adapter_sha256"]
        if not folder.is_dir():
            self._train(iteration, self._pairs(iteration, scored, rejections))
        found = weights_digest(folder)
        if found != expected:
            raise EngineError(
                f"{folder}: expected weights of sha256 {expected}, as recorded in entry {known.index}, found {found}",
                remedy="put the recorded weights back, or remove the folder to have them made again",
            )
        return folder

    def _checkpoint(self, iteration: int) -> Path:
        return self._session.run_dir / "factory" / f"iteration-{iteration}"


def require_same(pairs: Sequence[Pair], known: Sequence[Entry]) -> None:
    """Refuse pairs whose first are not those on record.

    Raises:
        LedgerError: the first that differs, by its entry.
    """
    made = [(pair.chosen.id, pair.rejected.id) for pair in pairs]
    for entry, found in zip_longest(known, made[: len(known)]):
        expected = (entry.data["chosen"], entry.data["rejected"])
        if found != expected:
            raise LedgerError(
                f"entry {entry.index} (dpo.pair_created): expected the pair {expected} again, found {found}",
                remedy="go on with the version of Assay that began the run",
            )
