"""What was learnt before a run was cut off is taken up, or made again; other pairs or weights are refused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from orchestrator.candidate import Proposed
from orchestrator.errors import EngineError, LedgerError
from orchestrator.learning import Learning, require_same
from orchestrator.ledger import Entry
from orchestrator.models import weights_digest
from orchestrator.stages.learn.preferences import RULE_SCORE, Pair
from orchestrator.state import IterationState


def program(name: str) -> Proposed:
    return Proposed(id=name, iteration=1, index=0, source="", digest="")


def pair(chosen: str, rejected: str) -> Pair:
    return Pair(id="p", iteration=1, chosen=program(chosen), rejected=program(rejected), margin=0.5, rule=RULE_SCORE)


def recorded(*pairs: tuple[str, str]) -> list[Entry]:
    return [entry("dpo.pair_created", chosen=chosen, rejected=rejected) for chosen, rejected in pairs]


def entry(event_type: str, **data: Any) -> Entry:
    return Entry(index=9, hash="", type=event_type, subject="", time="", data=data)


MADE = [pair("a", "b"), pair("a", "c")]


@pytest.mark.parametrize("known", [[], [("a", "b")], [("a", "b"), ("a", "c")]])
def test_pairs_that_begin_as_those_on_record_are_gone_on_with(known: list[tuple[str, str]]) -> None:
    require_same(MADE, recorded(*known))


@pytest.mark.parametrize("known", [[("a", "c")], [("a", "b"), ("c", "a")], [("a", "b"), ("a", "c"), ("a", "d")]])
def test_other_pairs_than_those_on_record_are_refused(known: list[tuple[str, str]]) -> None:
    with pytest.raises(LedgerError, match="entry 9"):
        require_same(MADE, recorded(*known))


def learning(run_dir: Path, learnt: Entry, monkeypatch: pytest.MonkeyPatch) -> tuple[Learning, list[int]]:
    """Return the schooling of a run whose first iteration was learnt from, and which iterations it trains again."""
    past = SimpleNamespace(iteration=lambda number: IterationState(learnt=learnt))
    session: Any = SimpleNamespace(past=past, run_dir=run_dir, config=None, state=SimpleNamespace(opened=learnt))
    stages: Any = None
    prompt: Any = None
    one = Learning(session, stages, factory=Path("untrained"), prompt=prompt)
    again: list[int] = []

    def train(iteration: int, pairs: Sequence[Pair]) -> None:
        again.append(iteration)
        weights(run_dir / "factory" / f"iteration-{iteration}", b"made")

    monkeypatch.setattr(one, "_pairs", lambda *_: ())
    monkeypatch.setattr(one, "_train", train)
    return one, again


def weights(folder: Path, content: bytes) -> str:
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(content)
    return weights_digest(folder)


def test_a_trained_factory_is_taken_up_and_not_trained_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "factory" / "iteration-1"
    known = entry("dpo.trained", adapter_sha256=weights(folder, b"made"))
    one, again = learning(tmp_path, known, monkeypatch)
    assert one.after(1, [], []) == ""
    assert one.factory == folder
    assert not again


def test_a_trained_factory_that_is_gone_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = entry("dpo.trained", adapter_sha256=weights(tmp_path / "elsewhere", b"made"))
    one, again = learning(tmp_path, known, monkeypatch)
    one.after(1, [], [])
    assert again == [1]
    assert weights_digest(one.factory) == known.data["adapter_sha256"]


def test_a_trained_factory_with_other_weights_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights(tmp_path / "factory" / "iteration-1", b"altered")
    known = entry("dpo.trained", adapter_sha256=weights(tmp_path / "elsewhere", b"made"))
    one, _ = learning(tmp_path, known, monkeypatch)
    with pytest.raises(EngineError, match="as recorded in entry 9"):
        one.after(1, [], [])


def test_that_nothing_was_learnt_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, _ = learning(tmp_path, entry("dpo.skipped", why="too few pairs"), monkeypatch)
    assert one.after(1, [], []) == "too few pairs"
    assert one.factory == Path("untrained")
