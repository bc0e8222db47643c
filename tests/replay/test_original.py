"""Which programs are meant, and what of a record is believed."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.errors import UsageError
from orchestrator.replay.classes import ReplayClass
from orchestrator.replay.original import Original, ReplayError, held_checkpoint, read_original, select, source_of
from tests.synthetic_run import SyntheticRun


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Original:
    run = SyntheticRun(tmp_path_factory.mktemp("runs") / "lab", programs=20, iterations=2).write()
    return read_original(run.run_dir)


def ids(original: Original, *wanted: str) -> list[str]:
    return [program.id for program in select(original, wanted)]


def test_the_best_are_those_of_the_highest_dev_score(original: Original) -> None:
    scores = sorted((program.accuracy for program in original.programs.values() if program.verified), reverse=True)
    assert sorted((program.accuracy for program in select(original, ["best:3"])), reverse=True) == scores[:3]


def test_all_is_every_program_with_an_outcome(original: Original) -> None:
    assert len(ids(original, "all")) == 40
    assert set(ids(original, "all")) == set(ids(original, "verified")) | set(ids(original, "rejected"))


def test_ids_may_be_joined_or_repeated_and_come_in_the_records_order(original: Original) -> None:
    assert ids(original, "i2-003,i1-001", "i1-000") == ["i1-000", "i1-001", "i2-003"]


@pytest.mark.parametrize("word", ["i9-999", "best:0", "best:-1", "best:five", "../x", ""])
def test_what_means_nothing_is_refused(original: Original, word: str) -> None:
    with pytest.raises(UsageError):
        select(original, [word])


def test_a_flipped_bit_of_the_ledger_is_an_invalid_log(tmp_path: Path) -> None:
    run_dir = SyntheticRun(tmp_path / "lab", programs=3, iterations=1).write().run_dir
    data = bytearray((run_dir / "ledger.jsonl").read_bytes())
    data[len(data) // 2] ^= 1
    (run_dir / "ledger.jsonl").write_bytes(data)
    with pytest.raises(ReplayError) as caught:
        read_original(run_dir)
    assert caught.value.result is ReplayClass.LOG_INVALID
    assert "entry" in caught.value.why


def test_a_torn_tail_is_told_with_what_mends_it(tmp_path: Path) -> None:
    run_dir = SyntheticRun(tmp_path / "lab", programs=3, iterations=1).write().run_dir
    with (run_dir / "ledger.jsonl").open("ab") as file:
        file.write(b'{"actor":')
    with pytest.raises(ReplayError, match="--resume") as caught:
        read_original(run_dir)
    assert caught.value.result is ReplayClass.LOG_INVALID


def test_a_record_that_was_rewritten_and_signed_does_not_go_on_from_a_checkpoint_kept_elsewhere(tmp_path: Path) -> None:
    first, second = (
        SyntheticRun(tmp_path / name, programs=3, iterations=1, chance=chance).write().run_dir
        for name, chance in (("first", 1), ("second", 2))
    )
    held = held_checkpoint(first / "checkpoint")
    assert read_original(first, held).programs
    with pytest.raises(ReplayError) as caught:
        read_original(second, held)
    assert caught.value.result is ReplayClass.LOG_INVALID


def test_what_is_no_checkpoint_is_the_user_s_mistake(tmp_path: Path) -> None:
    (tmp_path / "checkpoint").write_text("nothing\n")
    for path in (tmp_path / "checkpoint", tmp_path / "none"):
        with pytest.raises(UsageError):
            held_checkpoint(path)


def test_a_folder_without_a_ledger_is_a_mistake_of_the_user(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="ledger"):
        read_original(tmp_path)


def test_a_lost_source_is_told_from_an_altered_one(tmp_path: Path) -> None:
    run = SyntheticRun(tmp_path / "lab", programs=3, iterations=1).write()
    original = read_original(run.run_dir)
    first, second = (original.programs[name] for name in ("i1-000", "i1-001"))
    run.blobs.path(first.digest).unlink()
    altered = run.blobs.path(second.digest)
    altered.chmod(0o644)
    altered.write_bytes(b"other")
    for program, expected in ((first, ReplayClass.INPUT_UNAVAILABLE), (second, ReplayClass.LOG_INVALID)):
        with pytest.raises(ReplayError) as caught:
            source_of(original, program)
        assert caught.value.result is expected
