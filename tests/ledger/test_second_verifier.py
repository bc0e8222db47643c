"""Two verifiers that share no code, one page of format, and the same answers."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.errors import LedgerError
from orchestrator.ledger import Ledger, keys, verify
from orchestrator.ledger.note import SignedCheckpoint, parse
from tests.ledger import second_verifier
from tests.ledger.test_tampering import signed_anew
from tests.ledger.written import create, life, lines_of, skipped, small_log


def rotated(path: Path) -> None:
    with create(path) as ledger:
        ledger.append_many(life())
        ledger.rotate(keys.rotate())
        ledger.append("dpo.skipped", "", skipped())


def reopened(path: Path) -> None:
    small_log(path)
    path.write_bytes(path.read_bytes() + b'{"actor":{')
    with Ledger.open(path) as ledger:
        ledger.append_many(
            [("dpo.skipped", f"i1-{number:03}", skipped("x\n\x00\x7f\u2028é\U0001f600")) for number in range(9)]
        )


MAKERS: dict[str, Callable[[Path], object]] = {"small": small_log, "rotated": rotated, "reopened": reopened}


@pytest.fixture(params=sorted(MAKERS))
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "ledger.jsonl"
    MAKERS[request.param](path)
    return path


def agree(path: Path, data: bytes, held: SignedCheckpoint | None = None) -> bool:
    """Ask both; return whether all is well."""
    path.write_bytes(data)
    first = verify(path, held)
    size, root, bad, why = second_verifier.verify(data, held.render() if held else b"")
    assert (first.size, first.root) == (size, root), (first.problem, why)
    assert (first.problem == "") == (why == ""), (first.problem, why)
    assert (None if bad == -1 else bad) == first.bad_index, (first.problem, why)
    return first.intact


def test_it_shares_no_code_with_the_first() -> None:
    tree = ast.parse(Path(second_verifier.__file__).read_text())
    named = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    named += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    assert {name.split(".")[0] for name in named} <= {*sys.stdlib_module_names, "cryptography"}


def test_they_agree_on_what_is_good(log: Path) -> None:
    assert agree(log, log.read_bytes())


def test_they_agree_on_every_cut(log: Path) -> None:
    data = log.read_bytes()
    good = [
        length for length in range(0, len(data), 1) if (length < 2000 or length % 7 == 0) and agree(log, data[:length])
    ]
    assert all(data[:length].endswith(b"}}\n") for length in good)


def test_they_agree_on_every_flipped_bit_of_a_small_log(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    data = small_log(path, events=1)
    for position in range(len(data)):
        for bit in range(8):
            assert not agree(path, data[:position] + bytes([data[position] ^ 1 << bit]) + data[position + 1 :])


@pytest.mark.parametrize("step", [1, 2, 3])
def test_they_agree_on_lines_dropped_swapped_and_repeated(log: Path, step: int) -> None:
    lines = log.read_bytes().splitlines(keepends=True)
    for at in range(len(lines) - step):
        agree(log, b"".join(lines[:at] + lines[at + step :]))
        agree(log, b"".join(lines[: at + step] + lines[at:]))
        swapped = [*lines]
        swapped[at], swapped[at + step] = swapped[at + step], swapped[at]
        agree(log, b"".join(swapped))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'"pairs":0', b'"pairs":0,"pairs":0'),
        (b'"pairs":0', b'"pairs":0.0'),
        (b'"pairs":0', b'"pairs":-0'),
        (b'"pairs":0', b'"pairs":1e2'),
        (b'"pairs":0', b'"pairs":NaN'),
        (b'"pairs":0', b'"pairs":9007199254740992'),
        (b'"pairs":0', b'"pairs":9007199254740991'),
        (b'"pairs":0', b'"pairs": 0'),
        (b'"why":"reason', b'"why":"\\u0072eason'),
        (b'"why":"reason', b'"why":"\\/'),
        (b'"why":"reason', b'"why":"\x7f'),
        (b'"why":"reason', b'"why":"\\ud800'),
        (b'"why":"reason', b'"why":"\xff'),
        (b'"why":"reason', b'"why":"\\u000B'),
        (b'"why":"reason', b'"why":"\\u000b'),
        (b'"why":"reason', b'"why":"{\\"$commit\\":'),
        (b'"why":"reason', b'"why":"' + b"x" * 17_000),
        (b'"pairs":0', b'"pairs":0,"x":' + b"[" * 40 + b"]" * 40),
        (b'"pairs":0', b'"pairs":0,"\xc3\xa9":1'),
    ],
)
def test_they_agree_on_spellings_that_the_key_has_signed(tmp_path: Path, before: bytes, after: bytes) -> None:
    path = tmp_path / "ledger.jsonl"
    small_log(path)
    lines = lines_of(path)[:-1]
    lines[2] = lines[2].replace(before, after)
    agree(path, signed_anew(lines))


def test_they_agree_on_checkpoints(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    data = small_log(path)
    commits = [end for end in range(1, len(data)) if data[:end].endswith(b"}}\n")]
    held = parse((tmp_path / "checkpoint").read_bytes())
    assert agree(path, data, held)
    for end in [end for end in commits if data[:end].count(b"\n") % 2 == 0]:
        assert not agree(path, data[:end], held), end


def test_they_agree_on_a_key_that_was_not_handed_over(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    small_log(path)
    lines = lines_of(path)
    keys.rotate()
    with pytest.raises(AssertionError):  # the helper signs with the new key, which the log does not know
        assert agree(path, signed_anew(lines))


def test_a_log_without_its_key_can_be_read_and_not_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run" / "ledger.jsonl"
    path.parent.mkdir()
    small_log(path)
    monkeypatch.setenv("ASSAY_KEYS", str(tmp_path / "other"))
    assert verify(path).intact
    with pytest.raises(LedgerError, match="that signed this log"):
        Ledger.open(path)


@pytest.mark.parametrize(("event_type", "data"), [("dpo.skipped", {**skipped()}), ("run.resumed", {"after": ""})])
def test_what_is_nested_as_deep_as_may_be_written_is_good_for_both(
    event_type: str, data: dict[str, object], tmp_path: Path
) -> None:
    path = tmp_path / "ledger.jsonl"
    lists: list[object] = []
    for _ in range(29):  # 30 with itself, within data, within the event
        lists = [lists]
    named = {"stages": lists, "programs": [], "containers": []}
    with create(path) as ledger:
        ledger.append(event_type, "", {**data, **named})
        with pytest.raises(LedgerError, match="nesting"):
            ledger.append(event_type, "", {**data, **named, "stages": [lists]})
    assert agree(path, path.read_bytes())


@pytest.mark.parametrize("other", ["1.0", "true"])
def test_an_envelope_equal_to_the_one_before_but_no_text_is_looked_at(other: str, tmp_path: Path) -> None:
    lines = small_log(tmp_path / "ledger.jsonl").split(b"\n")
    lines = [line for line in lines if line and not line.startswith(b'{"$commit"')][:3]
    lines[1] = lines[1].replace(b'"id":"tester"', b'"id":1')
    assert agree(tmp_path / "ledger.jsonl", signed_anew(lines))
    lines[2] = lines[2].replace(b'"id":"tester"', b'"id":' + other.encode())
    assert agree(tmp_path / "ledger.jsonl", signed_anew(lines)) is (other == "true")
