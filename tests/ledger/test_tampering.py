"""Tampering with the bytes of a ledger: every change is found, and its place is named."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from orchestrator.errors import LedgerError
from orchestrator.ledger import read, verify
from orchestrator.ledger.canonical import canonical
from orchestrator.ledger.commit import PREFIX
from orchestrator.ledger.entry import MAX_LINE_BYTES, Place, event_of
from orchestrator.ledger.keys import current
from orchestrator.ledger.tree import leaf_hash, root_of
from tests.ledger.written import create, lines_of, skipped, small_log


@pytest.fixture
def log(tmp_path: Path) -> Path:
    small_log(tmp_path / "ledger.jsonl")
    return tmp_path / "ledger.jsonl"


@pytest.fixture
def batched(tmp_path: Path) -> Path:
    """log.opened; three events under one signature; log.closed."""
    with create(tmp_path / "ledger.jsonl") as ledger:
        ledger.append_many([("dpo.skipped", "", skipped(f"reason {number}")) for number in range(3)])
    return tmp_path / "ledger.jsonl"


def all_lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def edited(path: Path, index: int, **changes: object) -> None:
    """Rewrite one event canonically, and nothing else."""
    lines = all_lines(path)
    at = [number for number, line in enumerate(lines) if not line.startswith(PREFIX)][index]
    lines[at] = canonical({**json.loads(lines[at]), **changes}) + b"\n"
    path.write_bytes(b"".join(lines))


def test_an_untouched_log_is_intact_complete_and_closed(log: Path) -> None:
    result = verify(log)
    assert (result.intact, result.complete, result.closed, result.size) == (True, True, True, 5)
    assert result.root == root_of(leaf_hash(line) for line in lines_of(log)).hex()


def test_every_flipped_bit_is_found_at_its_entry(log: Path) -> None:
    data, original = log.read_bytes(), verify(log)
    at, entry = [], 0  # the entry whose batch each byte belongs to
    for line in all_lines(log):
        at += [entry] * len(line)
        entry += line.startswith(PREFIX)
    with log.open("r+b", buffering=0) as file:
        for position, byte in enumerate(data):
            for bit in range(8):
                os.pwrite(file.fileno(), bytes([byte ^ 1 << bit]), position)
                result = verify(log)
                assert result.problem, (position, bit)
                assert result.size == at[position], (position, bit)
                # a commit line that is none any more is read as the next event
                assert result.bad_index in (result.size, result.size + 1), (position, bit, result.problem)
            os.pwrite(file.fileno(), bytes([byte]), position)
    assert verify(log) == original


def test_every_cut_is_found_or_leaves_an_open_log(log: Path) -> None:
    data = log.read_bytes()
    ends = [0]
    for line in all_lines(log):
        ends.append(ends[-1] + len(line))
    commits = ends[::2]
    for length in range(len(data)):
        log.write_bytes(data[:length])
        result = verify(log)
        whole = max(end for end in commits if end <= length)
        assert result.size == commits.index(whole), length
        assert not result.complete, length
        assert result.intact == (length == whole > 0), length
        assert result.torn_bytes == length - whole, length


@pytest.mark.parametrize("place", [0, 2, 4, 6, 8, 9])
def test_a_dropped_event_or_last_commit_is_named(log: Path, place: int) -> None:
    lines = all_lines(log)
    del lines[place]
    log.write_bytes(b"".join(lines))
    result = verify(log)
    assert result.size == result.bad_index == place // 2


@pytest.mark.parametrize("place", [1, 3, 5, 7])
def test_without_an_earlier_commit_two_batches_are_one(log: Path, place: int) -> None:
    """A later signature covers the same events: nothing of the record is lost."""
    before, lines = verify(log), all_lines(log)
    del lines[place]
    log.write_bytes(b"".join(lines))
    assert verify(log) == before


@pytest.mark.parametrize("index", range(1, 5))
def test_a_dropped_batch_is_named(log: Path, index: int) -> None:
    lines = all_lines(log)
    del lines[2 * index : 2 * index + 2]
    log.write_bytes(b"".join(lines))
    result = verify(log)
    assert result.size == index
    if index < 4:
        assert f"entry {index}: key `seq`: expected {index}, found {index + 1}" in result.problem
    else:  # without its last batch a log is merely open: only a checkpoint that is held elsewhere can tell
        assert result.intact
        assert not result.complete


@pytest.mark.parametrize("place", range(9))
def test_swapped_lines_are_named(log: Path, place: int) -> None:
    lines = all_lines(log)
    lines[place], lines[place + 1] = lines[place + 1], lines[place]
    log.write_bytes(b"".join(lines))
    assert verify(log).bad_index == place // 2


def test_events_swapped_within_a_batch_are_named(batched: Path) -> None:
    lines = all_lines(batched)
    lines[2], lines[3] = lines[3], lines[2]
    batched.write_bytes(b"".join(lines))
    assert "entry 1: key `seq`: expected 1, found 2" in verify(batched).problem


@pytest.mark.parametrize("place", range(10))
def test_a_repeated_line_is_named(log: Path, place: int) -> None:
    lines = all_lines(log)
    lines.insert(place, lines[place])
    log.write_bytes(b"".join(lines))
    assert verify(log).bad_index == place // 2 + 1


def test_a_repeated_batch_is_named(log: Path) -> None:
    lines = all_lines(log)
    lines[4:4] = lines[2:4]
    log.write_bytes(b"".join(lines))
    assert "entry 2: key `seq`: expected 2, found 1" in verify(log).problem


@pytest.mark.parametrize("index", [1, 2, 3])
def test_an_edited_event_breaks_the_root(log: Path, index: int) -> None:
    edited(log, index, data={**skipped("forged")})
    assert verify(log).problem.startswith(f"entry {index}: expected the root")


def test_an_edited_event_of_a_batch_is_named_with_its_batch(batched: Path) -> None:
    edited(batched, 2, data={**skipped("forged")})
    result = verify(batched)
    assert result.problem.startswith("entries 1 to 3: expected the root")
    assert (result.size, result.bad_index) == (1, 1)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"seq": 7}, "key `seq`"),
        ({"seq": True}, "key `seq`"),
        ({"source": "assay/another"}, "key `source`"),
        ({"specversion": "0.3"}, "key `specversion`"),
        ({"time": "2026-01-02T03:04:05Z"}, "key `time`"),
        ({"id": "not a ulid"}, "key `id`"),
        ({"monotonic_ns": "1.5"}, "key `monotonic_ns`"),
        ({"type": "run.invented"}, "event type"),
        ({"type": "log.opened"}, "missing key `origin`"),
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
        (b'"why":"reason', b'"why":"\\ud800'),
        (b'"pairs":0', b'"pairs":0\n'),
        (b'"why":"reason', b'"why":"\nreason'),
    ],
)
def test_another_spelling_of_a_line_is_named_even_where_it_was_signed(log: Path, before: bytes, after: bytes) -> None:
    """The holder of the key signs it: what is refused is the spelling, not a broken root."""
    lines = lines_of(log)
    assert before in lines[2]
    lines[2] = lines[2].replace(before, after)
    log.write_bytes(signed_anew(lines))
    problem = verify(log).problem
    assert problem.startswith("entry 2: ")
    assert "canonical JSON" in problem or "integer within" in problem or "found float" in problem


def signed_anew(lines: list[bytes]) -> bytes:
    """Return the bytes of a log over any lines, one commit each, signed with the tests' key."""
    place, out = Place(), b""
    place.source = json.loads(lines[0])["source"]
    for line in lines:
        place.tree.append(leaf_hash(line))
        out += line + b"\n" + commit_over(place)
    return out


def commit_over(place: Place) -> bytes:
    from orchestrator.ledger.commit import commit_line

    return commit_line(place, current())[0]


def test_a_log_signed_anew_by_hand_is_as_good(log: Path) -> None:
    """The helper of the test above makes what the writer makes."""
    assert signed_anew(lines_of(log)) == log.read_bytes()


def test_an_overlong_line_is_named(log: Path) -> None:
    data = log.read_bytes()
    log.write_bytes(data + b"x" * (MAX_LINE_BYTES * 3))
    assert (verify(log).bad_index, verify(log).torn_bytes) == (5, MAX_LINE_BYTES * 3)
    log.write_bytes(data + b"x" * (MAX_LINE_BYTES * 3) + b"\n" + data)
    assert verify(log).problem.startswith("entry 5: expected at most")
    assert verify(log).torn_bytes == 0


def test_nothing_may_follow_the_closing_entry_but_a_reopening(log: Path) -> None:
    lines = lines_of(log)
    more = {**json.loads(lines[1]), "seq": 5}
    log.write_bytes(signed_anew([*lines, canonical(more)]))
    assert "entry 5: expected the end of the log or log.reopened" in verify(log).problem


def test_reading_stops_at_the_damage_and_says_what_was_expected(log: Path) -> None:
    edited(log, 3, time="2026-01-02T03:04:05.000000Z")
    entries = read(log)
    assert [next(entries).index for _ in range(3)] == [0, 1, 2]
    with pytest.raises(LedgerError, match=r"entry 3: expected the root [0-9a-f]{64} .* found [0-9a-f]{64}"):
        next(entries)


def test_an_empty_file_is_no_ledger(tmp_path: Path) -> None:
    (tmp_path / "ledger.jsonl").touch()
    with pytest.raises(LedgerError, match=r"expected log\.opened, found an empty file"):
        list(read(tmp_path / "ledger.jsonl"))


def test_a_missing_file_is_an_error_not_a_finding(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="No such file"):
        verify(tmp_path / "ledger.jsonl")


def test_a_log_of_an_earlier_version_is_told_from_a_damaged_one(tmp_path: Path, log: Path) -> None:
    event = json.loads(lines_of(log)[0])
    del event["data"]["vkey"]
    earlier = canonical({**event, "prev": "0" * 64, "data": {**event["data"], "format": "assay-ledger/1"}})
    log.write_bytes(earlier + b"\n")
    with pytest.raises(LedgerError, match="hash chain of an earlier version") as caught:
        list(read(log))
    assert "the version of Assay that wrote it" in caught.value.remedy


def test_an_event_is_read_without_a_place_too(log: Path) -> None:
    assert event_of(lines_of(log)[3])["seq"] == 3
