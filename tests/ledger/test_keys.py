"""Keys: made once, private, kept apart from what they sign, handed over by the one before."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest

from orchestrator.errors import LedgerError
from orchestrator.ledger import Ledger, keys, verify
from tests.ledger.test_tampering import all_lines
from tests.ledger.written import create, skipped


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ASSAY_KEYS", str(tmp_path / "keys"))
    (tmp_path / "run").mkdir()
    return tmp_path / "keys"


def test_the_key_is_made_on_first_use_and_is_its_owner_s_alone(folder: Path) -> None:
    first = keys.current()
    assert keys.current().public == first.public
    assert stat.S_IMODE((folder / "ledger.key").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [path.name for path in folder.iterdir()] == ["ledger.key"]


def test_threads_that_make_it_at_once_get_the_same(folder: Path) -> None:
    found: list[bytes] = []
    threads = [threading.Thread(target=lambda: found.append(keys.current().public)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"ASSAY_KEYS": "/a", "XDG_CONFIG_HOME": "/b"}, "/a"),
        ({"XDG_CONFIG_HOME": "/b"}, "/b/assay/keys"),
        ({"XDG_CONFIG_HOME": "relative", "HOME": "/h"}, "/h/.config/assay/keys"),
        ({"HOME": "/h"}, "/h/.config/assay/keys"),
    ],
)
def test_the_folder_is_the_user_s(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: str) -> None:
    for name in ("ASSAY_KEYS", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert str(keys.key_folder()) == expected


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_that_others_may_read_is_refused(folder: Path, mode: int) -> None:
    keys.current()
    (folder / "ledger.key").chmod(mode)
    with pytest.raises(LedgerError, match="only its owner may read"):
        keys.current()


@pytest.mark.parametrize("content", [b"", b"garbage", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END"])
def test_a_file_that_is_no_key_is_refused_and_kept(folder: Path, content: bytes) -> None:
    keys.current()
    (folder / "ledger.key").write_bytes(content)
    with pytest.raises(LedgerError, match="Ed25519"):
        keys.current()
    assert (folder / "ledger.key").read_bytes() == content


def test_a_link_is_not_followed(folder: Path, tmp_path: Path) -> None:
    keys.current()
    (folder / "ledger.key").rename(tmp_path / "elsewhere")
    (folder / "ledger.key").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(LedgerError, match="cannot be used"):
        keys.current()


def test_keys_within_the_run_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_KEYS", str(tmp_path / "run" / "keys"))
    with pytest.raises(LedgerError, match="outside of the run directory"):
        create(tmp_path / "run" / "ledger.jsonl")
    assert list((tmp_path / "run").iterdir()) == []


def test_the_old_key_is_kept_and_hands_a_log_over(tmp_path: Path, folder: Path) -> None:
    path = tmp_path / "run" / "ledger.jsonl"
    create(path).close()
    old, new = keys.current(), keys.rotate()
    assert keys.held(old.public) is not None
    with Ledger.open(path) as ledger:
        ledger.append("dpo.skipped", "", skipped())
    result = verify(path)
    assert result.intact, result.problem
    assert [key.public for key in result.keys] == [old.public, new.public]
    assert len(list(folder.iterdir())) == 2


def test_threads_that_append_while_the_key_changes_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "run" / "ledger.jsonl"
    with create(path) as ledger:

        def work() -> None:
            for _ in range(25):
                ledger.append("dpo.skipped", "", skipped())

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(3):
            ledger.rotate(keys.rotate())
        for thread in threads:
            thread.join()
    result = verify(path)
    assert result.intact, result.problem
    assert (result.size, len(result.keys)) == (1 + 100 + 3 + 1, 4)


def test_an_earlier_part_signed_anew_by_a_later_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run" / "ledger.jsonl"
    with create(path) as ledger:
        ledger.append("dpo.skipped", "", skipped())
        later = keys.rotate()
        ledger.rotate(later)
    lines = all_lines(path)
    from orchestrator.ledger.commit import commit_line
    from orchestrator.ledger.entry import Place, event_of
    from orchestrator.ledger.tree import leaf_hash

    place = Place()
    for line in (lines[0], lines[2]):
        event = event_of(line[:-1])
        place.take(event["type"], event["source"], event["data"], leaf_hash(line[:-1]))
    lines[3] = commit_line(place, later)[0]
    path.write_bytes(b"".join(lines))
    assert verify(path).problem.startswith("entry 1: expected a signature by")


def test_a_rotation_that_is_left_out_is_found(tmp_path: Path) -> None:
    path = tmp_path / "run" / "ledger.jsonl"
    with create(path) as ledger:
        ledger.rotate(keys.rotate())
        ledger.append("dpo.skipped", "", skipped())
    lines = all_lines(path)
    path.write_bytes(b"".join(lines[:2] + lines[4:]))
    assert verify(path).bad_index == 1
    path.write_bytes(b"".join(lines[:3] + lines[4:]))
    assert "entry 2: expected a commit after log.key_rotated" in verify(path).problem
