"""Many proofs of one log are those that one proof at a time gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.errors import LedgerError
from orchestrator.ledger import proof
from orchestrator.ledger.prover import Prover
from orchestrator.ledger.reading import batches_of
from tests.ledger.written import small_log


@pytest.mark.parametrize("events", range(18))
def test_every_proof_is_the_one_that_is_made_alone(tmp_path: Path, events: int) -> None:
    path = tmp_path / "ledger.jsonl"
    small_log(path, events=events)
    read = list(batches_of(path))
    leaves = [leaf for batch in read for leaf in batch.leaves]
    prover = Prover([leaf.hash for leaf in leaves], read[-1].note, read[-1].key)
    for index, leaf in enumerate(leaves):
        made = prover.prove(leaf.event)
        assert made == proof.prove(path, index)
        assert proof.check(made).event == leaf.event


def test_an_event_beyond_the_log_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    small_log(path)
    batch = list(batches_of(path))[-1]
    with pytest.raises(LedgerError, match="expected an index below 1"):
        Prover([b"\0" * 32], batch.note, batch.key).prove({"seq": 1})
