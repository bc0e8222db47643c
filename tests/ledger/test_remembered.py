"""What was verified is remembered, outside of any run, and only grows."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.errors import LedgerError
from orchestrator.ledger import keys
from orchestrator.ledger.remembered import place_of, recall, remember
from tests.ledger.witnessed import ORIGIN, Log


@pytest.fixture(autouse=True)
def own_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_HELD", str(tmp_path / "held"))


def test_the_newest_checkpoint_of_a_log_is_recalled() -> None:
    log = Log(5)
    assert recall(ORIGIN) is None
    for size in (3, 5, 4):
        remember(log.note(size))
    assert recall(ORIGIN) == log.note(5)
    assert recall(ORIGIN + "x") is None


def test_without_another_place_it_lies_in_the_folder_of_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ASSAY_HELD")
    assert place_of(ORIGIN).parent == keys.key_folder() / "held"


@pytest.mark.parametrize("bad", [b"", b"nonsense", Log(3, origin="assay/other/x").note().render()])
def test_a_damaged_memory_is_said_and_not_taken_for_none(bad: bytes) -> None:
    remember(Log(3).note())
    place_of(ORIGIN).write_bytes(bad)
    with pytest.raises(LedgerError, match="found it damaged") as caught:
        recall(ORIGIN)
    assert "--no-remember" in caught.value.remedy
    with pytest.raises(LedgerError):
        remember(Log(9).note())


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    place_of(ORIGIN).parent.mkdir()
    (tmp_path / "note").write_bytes(Log(3).note().render())
    place_of(ORIGIN).symlink_to(tmp_path / "note")
    with pytest.raises(LedgerError, match="found it damaged"):
        recall(ORIGIN)


def test_a_place_that_cannot_be_written_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "held").write_text("a file")
    with pytest.raises(LedgerError):
        remember(Log(3).note())
