"""What others know of a log counts against it, and for it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from orchestrator.ledger import Ledger, keys
from orchestrator.ledger.cosignature import Cosigned, with_lines
from orchestrator.ledger.note import SignedCheckpoint, VerifierKey, encoded, parse
from orchestrator.ledger.reading import verify
from orchestrator.ledger.remembered import place_of, remember
from orchestrator.ledger.standing import WITNESSED, standing
from orchestrator.ledger.witness import Witness
from orchestrator.ledger.witnesses import put_cosigned
from tests.ledger.witnessed import Log, cosign_file, go_on, make_witness
from tests.ledger.written import small_log


@pytest.fixture(autouse=True)
def own_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_HELD", str(tmp_path / "held"))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    small_log(tmp_path / "run" / "ledger.jsonl")
    return tmp_path / "run" / "ledger.jsonl"


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    return make_witness(tmp_path / "witness")


def beside(log: Path) -> SignedCheckpoint:
    return parse((log.parent / "checkpoint").read_bytes())


def opening(log: Path) -> VerifierKey:
    return verify(log).keys[0]


def on_record(found: Cosigned) -> Mapping[str, Any]:
    return {
        "size": found.checkpoint.size,
        "root": found.checkpoint.root.hex(),
        "witness": str(found.key),
        "time": found.time,
        "cosignature": encoded(found.line[1]),
    }


def test_a_cosignature_beside_the_log_vouches_for_all_of_it(log: Path, witness: Witness) -> None:
    put_cosigned(log, beside(log), [cosign_file(log, witness.folder).line])
    found = standing(log, witnesses=[witness.key], require=1, beside=beside(log))
    assert (found.problem, found.vouched[0].size) == ("", found.result.size)


def test_a_cosignature_in_a_held_checkpoint_counts_too(log: Path, witness: Witness) -> None:
    held = with_lines(beside(log), (cosign_file(log, witness.folder).line,))
    assert standing(log, checkpoint=held, witnesses=[witness.key], require=1).problem == ""


def test_a_cosignature_on_record_vouches_for_what_was_before_it(log: Path, witness: Witness) -> None:
    with Ledger.open(log) as ledger:
        ledger.append(WITNESSED, "", on_record(cosign_file(log, witness.folder)))
    found = standing(log, witnesses=[witness.key], require=1)
    assert found.vouched[0].size == 6  # and then the event itself, and log.closed
    assert found.problem == "expected 1 witnesses to vouch for all 8 entries, found 0"


def test_a_witness_that_said_nothing_vouches_for_nothing(log: Path, witness: Witness, tmp_path: Path) -> None:
    put_cosigned(log, beside(log), [cosign_file(log, witness.folder).line])
    other = make_witness(tmp_path / "other")
    found = standing(log, witnesses=[other.key, witness.key], require=2, beside=beside(log))
    assert [each.size for each in found.vouched] == [0, 5]
    assert "expected 2 witnesses" in found.problem


def test_the_cosigned_checkpoint_of_another_log_beside_this_one_counts_for_nothing(log: Path, witness: Witness) -> None:
    other = Log(3, origin="assay/other/x").note()
    foreign = with_lines(other, (witness.key.cosign(witness._signer, other.checkpoint, 5),))
    found = standing(log, witnesses=[witness.key], beside=foreign)
    assert (found.problem, found.vouched[0].size) == ("", 0)


def test_a_log_rewritten_below_its_witness_is_found(log: Path, witness: Witness) -> None:
    old = log.read_bytes()
    go_on(log, "one")
    cosigned = with_lines(beside(log), (cosign_file(log, witness.folder).line,))
    log.write_bytes(old)
    assert "LOG_TRUNCATED" in standing(log, witnesses=[witness.key], beside=cosigned).problem
    go_on(log, "other")
    assert "LOG_REWRITTEN" in standing(log, witnesses=[witness.key], beside=cosigned).problem


def test_a_cosignature_on_record_that_does_not_hold_is_a_fault_of_the_record(log: Path, witness: Witness) -> None:
    good = dict(on_record(cosign_file(log, witness.folder)))
    with Ledger.open(log) as ledger:
        ledger.append(WITNESSED, "", {**good, "time": good["time"], "size": 4})
    assert "does not hold" in standing(log, witnesses=[witness.key]).problem
    assert standing(log).problem == ""  # nobody asked for that witness


def test_an_older_copy_than_was_verified_before_is_found(log: Path) -> None:
    old = log.read_bytes()
    go_on(log, "more")
    remember(opening(log), beside(log))
    log.write_bytes(old)
    found = standing(log, memory=True)
    assert "LOG_TRUNCATED" in found.problem
    assert "remove " in found.problem
    assert standing(log).problem == ""


def test_memory_counts_beside_a_checkpoint_that_is_older(log: Path) -> None:
    old, held = log.read_bytes(), beside(log)
    go_on(log, "more")
    remember(opening(log), beside(log))
    assert standing(log, checkpoint=held, memory=True).problem == ""
    log.write_bytes(old)
    assert standing(log, checkpoint=held).problem == ""
    assert "LOG_TRUNCATED" in standing(log, checkpoint=held, memory=True).problem


def test_a_stranger_s_log_of_the_same_name_does_not_stand_in_the_way(log: Path) -> None:
    origin = beside(log).checkpoint.origin
    stranger = Log(99, origin=origin)
    remember(stranger.key, stranger.note())
    found = standing(log, memory=True)
    assert (found.problem, found.remembered) == ("", None)
    assert found.namesakes == (place_of(stranger.key),)
    assert standing(log).namesakes == ()


def test_a_log_is_remembered_by_the_key_that_it_begins_under_when_another_signs(log: Path) -> None:
    keys.rotate()
    go_on(log, "more")
    old = log.read_bytes()
    go_on(log, "and more")
    remember(opening(log), beside(log))
    log.write_bytes(old)
    assert "LOG_TRUNCATED" in standing(log, memory=True).problem


def test_a_damaged_log_is_first_of_all_damaged(log: Path) -> None:
    remember(opening(log), beside(log))
    log.write_bytes(log.read_bytes().replace(b"reason 1", b"reason 9"))
    assert standing(log, memory=True).problem.startswith("entry 2: expected the root")
    log.write_bytes(b"")
    assert standing(log, memory=True).problem.startswith("entry 0")
