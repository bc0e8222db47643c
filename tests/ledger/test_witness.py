"""A witness: it cosigns what only grows, refuses everything else, and forgets nothing."""

from __future__ import annotations

import json
import multiprocessing
import os
import threading
from pathlib import Path

import pytest

from orchestrator.errors import LedgerError, UsageError
from orchestrator.ledger.cosignature import cosigned_by
from orchestrator.ledger.note import SignedCheckpoint, parse
from orchestrator.ledger.witness import Witness, initialize, trusted_key
from orchestrator.ledger.witness_protocol import Answer, Request
from tests.ledger.witnessed import NOW, ORIGIN, Log, ask, make_witness


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    return make_witness(tmp_path / "witness")


def note_of(log: Log, answer: Answer) -> SignedCheckpoint:
    assert answer.status == 200, answer.body
    return parse(log.note().checkpoint.text() + b"\n" + answer.body)


def held_size(witness: Witness, origin: str = ORIGIN) -> int:
    held = witness.held(origin)
    return held.note.checkpoint.size if held else 0


def evidence(witness: Witness, kind: str) -> list[dict[str, object]]:
    return [json.loads(path.read_text()) for path in sorted(witness.folder.glob(f"{kind}-*.json"))]


def test_a_growing_log_is_cosigned_each_time(witness: Witness) -> None:
    log, before = Log(3), 0
    for leaves in (0, 1, 4, 9, 0):
        log.add(leaves)
        found = cosigned_by(note_of(log, ask(witness, log, before)), witness.key)
        before = log.tree.size
        assert found is not None
        assert (found.checkpoint, found.time) == (log.note().checkpoint, NOW)
        assert held_size(witness) == before


def test_what_it_holds_outlives_its_process(witness: Witness) -> None:
    log = Log(5)
    ask(witness, log)
    again = Witness(witness.folder)
    assert held_size(again) == 5
    assert ask(again, log.add(2), 0).held == 5


def test_an_older_copy_is_told_what_the_witness_holds(witness: Witness) -> None:
    log = Log(9)
    ask(witness, log)
    for old in (0, 3):
        answer = ask(witness, log, old, size=5)
        assert (answer.status, answer.held, answer.content_type) == (409, 9, "text/x.tlog.size")
    assert held_size(witness) == 9


def test_another_root_at_the_same_size_is_refused_and_both_notes_are_kept(witness: Witness) -> None:
    log = Log(6)
    ask(witness, log)
    other = log.fork(keep=4, leaves=2)
    for old in (0, 6):
        answer = witness.add_checkpoint(Request(old=old, proof=(), note=other.note().render()).render())
        assert (answer.status, answer.held) == (409, 6)
    (kept,) = evidence(witness, "equivocation")
    notes = [parse(str(kept[side]).encode()).require_signed(log.key) for side in ("held", "offered")]
    assert notes[0].size == notes[1].size
    assert notes[0].root != notes[1].root
    held = witness.held(ORIGIN)
    assert held is not None
    assert held.note.checkpoint == log.note().checkpoint


@pytest.mark.parametrize("keep", [1, 3, 4, 5])
def test_a_fork_that_grew_further_has_no_proof_and_is_kept_as_a_reason_to_ask(witness: Witness, keep: int) -> None:
    log = Log(6)
    ask(witness, log)
    other = log.fork(keep=keep, leaves=9)
    assert ask(witness, other, 6).status == 422
    assert held_size(witness) == 6
    (kept,) = evidence(witness, "unproven")
    assert parse(str(kept["offered"]).encode()).checkpoint == other.note().checkpoint
    assert evidence(witness, "equivocation") == []


@pytest.mark.parametrize("change", ["none", "short", "long", "other"])
def test_a_wrong_proof_changes_nothing(witness: Witness, change: str) -> None:
    log = Log(5)
    ask(witness, log)
    proof = log.add(6).tree.consistency(5)
    wrong = {"none": [], "short": proof[:-1], "long": [*proof, bytes(32)], "other": [bytes(32), *proof[1:]]}[change]
    assert witness.add_checkpoint(log.request(5, proof=wrong)).status == 422
    assert held_size(witness) == 5
    assert ask(witness, log, 5).status == 200


def test_a_proof_from_nothing_is_refused(witness: Witness) -> None:
    log = Log(5)
    answer = witness.add_checkpoint(log.request(0, proof=[bytes(32)]), introduced=log.key)
    assert answer.status == 422
    assert held_size(witness) == 0


def test_old_beyond_the_checkpoint_and_an_empty_log_are_malformed(witness: Witness) -> None:
    log = Log(5)
    assert witness.add_checkpoint(log.request(6, proof=[]), introduced=log.key).status == 400
    empty = b"old 0\n\n" + log.note().render().replace(b"\n5\n", b"\n0\n")
    assert witness.add_checkpoint(empty, introduced=log.key).status == 400
    assert witness.add_checkpoint(b"old 0\n\nnonsense", introduced=log.key).status == 400


def test_a_log_that_nobody_introduced_is_unknown(witness: Witness) -> None:
    log = Log(5)
    answer = witness.add_checkpoint(log.request(0))
    assert answer.status == 404
    assert b"witness-init" in answer.body
    assert held_size(witness) == 0


def test_the_first_key_is_pinned(witness: Witness) -> None:
    log, thief = Log(5), Log(5)  # the same entries under two keys
    ask(witness, log)
    answer = ask(witness, thief.add(1), 5)
    assert answer.status == 403
    assert b"--rotated" in answer.body
    assert held_size(witness) == 5


def test_a_witness_with_trusted_keys_takes_no_introductions(tmp_path: Path) -> None:
    known, stranger = Log(2), Log(2, origin=ORIGIN + "x")
    witness = make_witness(tmp_path / "w", str(known.key))
    assert ask(witness, stranger).status == 404
    assert witness.add_checkpoint(known.request(0)).status == 200


def test_a_rotated_key_is_let_in_by_the_operator_and_the_history_is_still_held(witness: Witness) -> None:
    log = Log(5)
    ask(witness, log)
    after = Log(5, origin=ORIGIN)  # the same log, under its new key
    assert ask(witness, after.add(2), 5).status == 403
    told = Witness(initialize(witness.folder, rotated=(str(log.key), str(after.key))).folder)
    assert told.add_checkpoint(after.fork(keep=4, leaves=9).request(5)).status == 422
    assert told.add_checkpoint(after.request(5)).status == 200
    held = told.held(ORIGIN)
    assert held is not None
    assert held.key == after.key
    assert told.add_checkpoint(log.add(4).request(7)).status == 403  # the old one has handed over


def test_a_key_that_was_rotated_twice_before_the_witness_saw_it_is_followed(witness: Witness) -> None:
    log = Log(5)
    ask(witness, log)
    second, third = Log(5), Log(5)
    initialize(witness.folder, rotated=(str(log.key), str(second.key)))
    told = initialize(witness.folder, rotated=(str(second.key), str(third.key)))
    assert told.add_checkpoint(third.add(2).request(5)).status == 200
    assert initialize(witness.folder, rotated=(str(third.key), str(log.key))).trusts == 0  # a ring ends, too
    assert Witness(witness.folder).add_checkpoint(Log(9).request(7)).status == 403


def test_the_heir_of_a_trusted_key_is_trusted_for_logs_of_its_own(tmp_path: Path) -> None:
    old, new = Log(2), Log(2, origin=ORIGIN + "x")
    make_witness(tmp_path / "w", str(old.key))
    told = initialize(tmp_path / "w", rotated=(str(old.key), str(new.key)))
    assert told.add_checkpoint(new.request(0)).status == 200


@pytest.mark.parametrize("size", [6, 9])
def test_who_is_trusted_for_a_log_of_his_own_cannot_go_on_with_another_s(tmp_path: Path, size: int) -> None:
    mine, other = Log(6), Log(6)  # the same entries: he has seen them
    witness = make_witness(tmp_path / "w", str(mine.key), str(other.key))
    assert witness.add_checkpoint(mine.request(0)).status == 200
    forged = other.add(size - 6) if size > 6 else other.fork(keep=4, leaves=2)
    assert witness.add_checkpoint(forged.request(6)).status == 403
    held = witness.held(ORIGIN)
    assert held is not None
    assert held.key == mine.key
    assert evidence(witness, "equivocation") == []


def test_another_root_under_a_later_key_is_no_proof_that_one_key_signed_both(witness: Witness) -> None:
    log, after = Log(6), Log(6)
    ask(witness, log)
    told = initialize(witness.folder, rotated=(str(log.key), str(after.key)))
    assert told.add_checkpoint(after.fork(keep=4, leaves=2).request(6)).status == 409
    assert evidence(witness, "equivocation") == []
    assert len(evidence(witness, "unproven")) == 1


def test_no_trusted_key_is_dropped_without_a_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.ledger.witness.MAX_TRUSTED", 2)
    make_witness(tmp_path / "w", str(Log(1).key), str(Log(1).key))
    with pytest.raises(UsageError, match="at most 2 keys, found 3"):
        initialize(tmp_path / "w", trust=(str(Log(1).key),))
    assert Witness(tmp_path / "w").trusts == 2


def test_a_signature_that_does_not_hold_is_nobody_s(witness: Witness) -> None:
    log = Log(5)
    ask(witness, log)
    bad = log.add(1).note()
    signature = bad.signatures[0][1]
    forged = SignedCheckpoint(
        checkpoint=bad.checkpoint, signatures=((ORIGIN, signature[:-1] + bytes([signature[-1] ^ 1])),)
    )
    request = Request(old=5, proof=tuple(log.tree.consistency(5)), note=forged.render())
    assert witness.add_checkpoint(request.render()).status == 403


def test_other_signatures_on_the_note_are_ignored_and_not_kept(witness: Witness) -> None:
    log = Log(5)
    note = SignedCheckpoint(
        checkpoint=log.note().checkpoint, signatures=(("someone", bytes(72)), *log.note().signatures)
    )
    answer = witness.add_checkpoint(Request(old=0, proof=(), note=note.render()).render(), introduced=log.key)
    assert answer.status == 200
    held = witness.held(ORIGIN)
    assert held is not None
    assert held.note == log.note()


def test_a_log_signed_with_the_witness_s_own_key_is_not_vouched_for(witness: Witness) -> None:
    log = Log(5, signer=witness._signer)
    assert ask(witness, log).status == 404


def test_damaged_state_is_never_taken_for_a_first_sight(witness: Witness) -> None:
    log = Log(5)
    ask(witness, log)
    (state,) = (witness.folder / "logs").iterdir()
    good = state.read_bytes()
    for bad in (b"", b"{}", good[:-40], good.replace(b"\\n5\\n", b"\\n3\\n"), b"[]"):
        state.write_bytes(bad)
        assert ask(witness, log).status == 500
        with pytest.raises(LedgerError, match="found it damaged"):
            witness.held(ORIGIN)


def test_a_disk_that_refuses_gives_no_cosignature(witness: Witness, monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log(5)
    ask(witness, log)

    def fails(fd: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fails)
        assert ask(witness, log.add(1), 5).status == 500
    assert held_size(witness) == 5
    assert ask(witness, log, 5).status == 200


def test_a_directory_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is its disk mounted"):
        Witness(tmp_path / "mnt")
    assert not (tmp_path / "mnt").exists()


def test_made_again_it_keeps_its_key_and_learns_to_trust(tmp_path: Path) -> None:
    first = initialize(tmp_path / "w", name="witness.example/w1")
    again = initialize(tmp_path / "w", trust=(str(Log(1).key),))
    assert (again.key, again.key.name, again.trusts) == (first.key, "witness.example/w1", 1)
    assert (tmp_path / "w" / "witness.key").stat().st_mode & 0o777 == 0o600
    with pytest.raises(UsageError, match="expected the witness other"):
        initialize(tmp_path / "w", name="other")


def test_only_a_log_s_key_can_be_trusted(witness: Witness) -> None:
    for text in (str(witness.key), "", "x", str(Log(1).key)[:-1], str(Log(1).key).replace("test", "best")):
        with pytest.raises(UsageError, match="assay ledger key"):
            trusted_key(text)


def test_a_key_is_trusted_by_its_last_part_whatever_signs_it_holds() -> None:
    for _ in range(64):  # base64 of many holds a plus sign
        key = Log(1).key
        assert trusted_key(str(key)) == trusted_key(str(key).split("+", 2)[2]) == key.public


def _die_before_answering(folder: Path, request: bytes) -> None:
    witness = Witness(folder)
    witness._cosigned = lambda checkpoint: os._exit(9)  # type: ignore[method-assign]
    witness.add_checkpoint(request)


def test_killed_between_holding_and_answering_it_holds_and_answers_the_next_time(witness: Witness) -> None:
    log = Log(5)
    ask(witness, log)
    request = log.add(3).request(5)
    process = multiprocessing.get_context("spawn").Process(target=_die_before_answering, args=(witness.folder, request))
    process.start()
    process.join(60)
    assert process.exitcode == 9
    assert held_size(witness) == 8
    assert witness.add_checkpoint(request).held == 8
    assert ask(witness, log, 8).status == 200


def test_of_two_that_grow_from_one_size_at_once_one_is_held(witness: Witness) -> None:
    log = Log(4)
    ask(witness, log)
    forks = [log.fork(keep=4, leaves=number) for number in range(2, 10)]
    requests = [fork.request(4, proof=fork.tree.consistency(4)) for fork in forks]
    statuses: list[int] = []
    threads = [
        threading.Thread(target=lambda body=body: statuses.append(Witness(witness.folder).add_checkpoint(body).status))
        for body in requests
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses).count(200) == 1


def test_two_logs_at_one_witness_do_not_meet(witness: Witness) -> None:
    one, other = Log(5), Log(3, origin=ORIGIN + "x")
    assert (ask(witness, one).status, ask(witness, other).status) == (200, 200)
    assert (held_size(witness, one.key.name), held_size(witness, other.key.name)) == (5, 3)
