"""What was verified is remembered, outside of any run, and only grows."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.errors import LedgerError
from orchestrator.ledger import keys
from orchestrator.ledger.remembered import namesakes, place_of, recall, remember
from tests.ledger.witnessed import ORIGIN, Log


@pytest.fixture(autouse=True)
def own_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_HELD", str(tmp_path / "held"))


def keep(log: Log, size: int = 0) -> None:
    remember(log.key, log.note(size))


def test_the_newest_checkpoint_of_a_log_is_recalled() -> None:
    log = Log(5)
    assert recall(log.key) is None
    for size in (3, 5, 4):
        keep(log, size)
    assert recall(log.key) == log.note(5)
    assert recall(log.signer.key(ORIGIN + "x")) is None


def test_a_log_that_begins_under_another_key_is_another_log_of_that_name() -> None:
    log, stranger = Log(5), Log(9)
    keep(stranger)
    assert recall(log.key) is None
    assert namesakes(log.key) == (place_of(stranger.key),)
    keep(log)
    assert (recall(log.key), recall(stranger.key)) == (log.note(), stranger.note())
    assert namesakes(Log(1, origin=ORIGIN + "x").key) == ()


def test_without_another_place_it_lies_in_the_folder_of_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ASSAY_HELD")
    assert place_of(Log(1).key).parent == keys.key_folder() / "held"


@pytest.mark.parametrize("bad", [b"", b"nonsense", Log(3, origin="assay/other/x").note().render()])
def test_a_damaged_memory_is_said_and_not_taken_for_none(bad: bytes) -> None:
    log = Log(9)
    keep(log, 3)
    place_of(log.key).write_bytes(bad)
    with pytest.raises(LedgerError, match="found it damaged") as caught:
        recall(log.key)
    assert "--no-remember" in caught.value.remedy
    with pytest.raises(LedgerError):
        keep(log)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    log = Log(3)
    place_of(log.key).parent.mkdir()
    (tmp_path / "note").write_bytes(log.note().render())
    place_of(log.key).symlink_to(tmp_path / "note")
    with pytest.raises(LedgerError, match="found it damaged"):
        recall(log.key)


def test_a_place_that_cannot_be_written_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "held").write_text("a file")
    with pytest.raises(LedgerError):
        keep(Log(3))
