"""Whether a replayed model gives the same answers as the recorded one, item by item, on dev.

Asked only where bits differ and may: in another class of environment, within the record's bound; what it needs is
loaded then. The sealed test split stays closed. The items are checked against their digest on record first.
"""

from __future__ import annotations

import functools

from evals.engines.base import Engine
from evals.splits import DEV, Sealed, digest_of
from orchestrator.candidate import Verified
from orchestrator.config import RunConfig
from orchestrator.errors import AssayError
from orchestrator.models import MergeInputs
from orchestrator.replay.classes import ReplayClass
from orchestrator.replay.original import Original, Recorded, ReplayError
from orchestrator.stages.evaluate import merged_tensors, score_split


class SameAnswers:
    """Compares answers; loads the task and the resident model when it is first asked."""

    def __init__(self, original: Original, config: RunConfig, inputs: MergeInputs) -> None:
        self._original = original
        self._config = config
        self._inputs = inputs

    def __call__(self, program: Recorded, verified: Verified) -> str:
        """Say how many items are answered otherwise; empty where none is, or nothing was scored.

        Raises:
            ReplayError: the items are not to be had.
        """
        if not program.dev:
            return ""
        with merged_tensors(verified) as tensors:
            score = score_split(
                self._engine,
                self._task.search,
                self._task.dev,
                tensors=tensors,
                split=DEV,
                max_new_tokens=self._config.evaluate.max_new_tokens,
            )
        bits = "".join("01"[right] for right in score.correct)
        other = [index for index, (before, now) in enumerate(zip(program.dev, bits, strict=True)) if before != now]
        if not other:
            return ""
        return f"within bounds, but {len(other)} of {len(bits)} dev items are judged otherwise, item {other[0]} first"

    @functools.cached_property
    def _task(self) -> Sealed:
        from orchestrator.pipeline import open_sealed

        recorded = (self._original.inputs or {}).get("dev_sha256", "")
        try:
            task = open_sealed(self._config, on_open=_stay_closed)
        except AssayError as error:
            raise ReplayError(ReplayClass.INPUT_UNAVAILABLE, f"the dev items: {error.what}") from error
        if digest_of(task.dev) != recorded:
            raise ReplayError(
                ReplayClass.INPUT_UNAVAILABLE, f"the dev items: expected {recorded}, found {digest_of(task.dev)}"
            )
        return task

    @functools.cached_property
    def _engine(self) -> Engine:
        from evals.engines.hf import HfEngine

        return HfEngine(self._inputs.seed.path, device=self._config.device, batch_size=self._config.evaluate.batch_size)


def _stay_closed(reason: str, digest: str, opening: int) -> None:
    raise AssertionError("a replay does not open the test split")
