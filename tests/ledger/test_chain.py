"""Tampering with the lines of a ledger: every change is found, and its place is named."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from orchestrator.errors import LedgerError
from orchestrator.ledger import read, verify
from orchestrator.ledger.canonical import canonical, sha256_of
from orchestrator.ledger.chain import MAX_LINE_BYTES
from tests.ledger.written import skipped, small_log


@pytest.fixture
def log(tmp_path: Path) -> Path:
    small_log(tmp_path / "ledger.jsonl")
    return tmp_path / "ledger.jsonl"


def lines_of(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def edited(path: Path, index: int, **changes: object) -> None:
    """Rewrite one line canonically, and nothing else."""
    lines = lines_of(path)
    lines[index] = canonical({**json.loads(lines[index]), **changes}) + b"\n"
    path.write_bytes(b"".join(lines))


def test_an_untouched_log_is_intact_and_closed(log: Path) -> None:
    result = verify(log)
    assert (result.intact, result.closed, result.size) == (True, True, 5)
    assert result.head == sha256_of(lines_of(log)[-1].rstrip(b"\n"))


def test_every_flipped_bit_is_found_or_changes_the_head(log: Path) -> None:
    """Nothing follows the last line, so a flip there that reads as a good event shows in the head alone."""
    data = bytearray(log.read_bytes())
    head, last = verify(log).head, data.rfind(b"\n", 0, -1) + 1
    with log.open("r+b", buffering=0) as file:
        for position, byte in enumerate(data):
            line = data.count(b"\n", 0, position)
            for bit in range(8):
                os.pwrite(file.fileno(), bytes([byte ^ 1 << bit]), position)
                result = verify(log)
                assert result.head != head, (position, bit)
                assert not result.intact or position >= last, (position, bit)
                assert result.size in (line, line + 1) or result.intact, (position, bit, result)
            os.pwrite(file.fileno(), bytes([byte]), position)


def test_every_cut_is_found_or_leaves_an_open_log(log: Path) -> None:
    data = log.read_bytes()
    for length in range(len(data)):
        log.write_bytes(data[:length])
        result = verify(log)
        whole = data[:length].count(b"\n")
        assert result.size == whole, length
        assert not result.closed, length
        at_a_line_end = length > 0 and data[length - 1 : length] == b"\n"
        assert result.intact == at_a_line_end, length
        assert result.torn_bytes == length - (data.rfind(b"\n", 0, length) + 1), length


@pytest.mark.parametrize("index", range(5))
def test_a_dropped_line_is_named(log: Path, index: int) -> None:
    lines = lines_of(log)
    del lines[index]
    log.write_bytes(b"".join(lines))
    result = verify(log)
    assert result.size == index
    if index < 4:  # without its last line a log is merely open: only a later hash held elsewhere can tell
        assert f"entry {index}:" in result.problem
    else:
        assert result.intact
        assert not result.closed


@pytest.mark.parametrize("index", range(4))
def test_swapped_lines_are_named(log: Path, index: int) -> None:
    lines = lines_of(log)
    lines[index], lines[index + 1] = lines[index + 1], lines[index]
    log.write_bytes(b"".join(lines))
    assert f"entry {index}: key `seq`: expected {index}, found {index + 1}" in verify(log).problem


@pytest.mark.parametrize("index", range(5))
def test_a_repeated_line_is_named(log: Path, index: int) -> None:
    lines = lines_of(log)
    lines.insert(index, lines[index])
    log.write_bytes(b"".join(lines))
    assert f"entry {index + 1}:" in verify(log).problem


@pytest.mark.parametrize("index", [1, 2, 3])
def test_an_edited_event_breaks_the_next_link(log: Path, index: int) -> None:
    edited(log, index, data={**skipped("forged")})
    assert f"entry {index + 1}: key `prev`" in verify(log).problem


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"seq": 7}, "key `seq`"),
        ({"seq": True}, "key `seq`"),
        ({"prev": "1" * 64}, "key `prev`"),
        ({"source": "assay/another"}, "key `source`"),
        ({"specversion": "0.3"}, "key `specversion`"),
        ({"time": "2026-01-02T03:04:05Z"}, "key `time`"),
        ({"id": "not a ulid"}, "key `id`"),
        ({"monotonic_ns": "1.5"}, "key `monotonic_ns`"),
        ({"type": "run.invented"}, "event type"),
        ({"type": "log.opened"}, "log.opened first and only there"),
        ({"data": {"iteration": 1, "pairs": 0}}, "missing key `why`"),
        ({"more": 1}, "expected the keys"),
        ({"data": []}, "key `data`"),
    ],
)
def test_a_line_of_another_form_is_named(log: Path, changes: dict[str, object], found: str) -> None:
    edited(log, 2, **changes)
    problem = verify(log).problem
    assert problem.startswith("entry 2:")
    assert found in problem


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'"pairs":0', b'"pairs":0,"pairs":0'),
        (b'"pairs":0', b'"pairs":0.0'),
        (b'"pairs":0', b'"pairs":NaN'),
        (b'"pairs":0', b'"pairs":9007199254740993'),
        (b'"pairs":0', b'"pairs": 0'),
        (b'"why":"reason', b'"why":"\\u0072eason'),
        (b'"pairs":0', b'"pairs":0\n'),
        (b'"why":"reason', b'"why":"\nreason'),
    ],
)
def test_another_spelling_of_a_line_is_named(log: Path, before: bytes, after: bytes) -> None:
    lines = lines_of(log)
    assert before in lines[2]
    lines[2] = lines[2].replace(before, after)
    log.write_bytes(b"".join(lines))
    assert verify(log).problem.startswith("entry 2:")


def test_an_overlong_line_is_named_without_being_taken_for_a_crash(log: Path) -> None:
    with log.open("ab") as file:
        file.write(b"x" * (MAX_LINE_BYTES * 3))
    result = verify(log)
    assert result.problem.startswith("entry 5: expected at most")
    assert result.torn_bytes == 0


def test_nothing_may_follow_the_closing_entry(log: Path) -> None:
    lines = lines_of(log)
    last = json.loads(lines[1])
    more = {**last, "seq": 5, "prev": sha256_of(lines[-1].rstrip(b"\n"))}
    log.write_bytes(b"".join([*lines, canonical(more) + b"\n"]))
    assert "expected the end of the log" in verify(log).problem


def test_reading_stops_at_the_damage_and_says_what_was_expected(log: Path) -> None:
    edited(log, 3, prev="1" * 64)
    entries = read(log)
    assert [next(entries).index for _ in range(3)] == [0, 1, 2]
    with pytest.raises(LedgerError, match=r"entry 3: key `prev`: expected [0-9a-f]{64}, found '1{64}'"):
        next(entries)


def test_an_empty_file_is_no_ledger(tmp_path: Path) -> None:
    (tmp_path / "ledger.jsonl").touch()
    with pytest.raises(LedgerError, match=r"expected log\.opened, found an empty file"):
        list(read(tmp_path / "ledger.jsonl"))


def test_a_missing_file_is_an_error_not_a_finding(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="No such file"):
        verify(tmp_path / "ledger.jsonl")
