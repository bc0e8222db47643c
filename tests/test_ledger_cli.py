"""`assay ledger`: what it prints and how it exits."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestrator.errors import AssayError
from orchestrator.ledger import Ledger, verify
from orchestrator.ledger.note import VerifierKey
from orchestrator.ledger_cli import app, same_key
from tests.ledger.written import create, life, lines_of, skipped
from tests.synthetic_run import SyntheticRun


@dataclass(frozen=True)
class Done:
    code: int
    out: str


def ledger_command(*arguments: str) -> Done:
    """Run `assay ledger ...` in this process, with the exit code that `cli.main` would give."""
    result = CliRunner().invoke(app, arguments)
    if isinstance(result.exception, AssayError):
        return Done(result.exception.exit_code, result.stdout)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return Done(result.exit_code, result.stdout)


@pytest.fixture(autouse=True)
def own_memory(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Remember nothing of other tests: logs with fixed clocks and randomness have one name."""
    monkeypatch.setenv("ASSAY_HELD", str(tmp_path_factory.mktemp("held")))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run_dir = tmp_path_factory.mktemp("run") / "lab"
    SyntheticRun(run_dir, programs=8, iterations=2).write()
    return run_dir


@pytest.fixture
def small(tmp_path: Path) -> Path:
    with create(tmp_path / "ledger.jsonl") as ledger:
        ledger.append_many(life())
        ledger.append("dpo.skipped", "i1-\x1b[31m", skipped("\u202e\x1b]0;title\x07"))
    return tmp_path


def test_a_good_record_verifies(small: Path) -> None:
    done = ledger_command("verify", str(small))
    assert done.code == 0
    assert "integrity: holds" in done.out
    assert "completeness: everything that began has its end" in done.out
    assert "one of your keys" in done.out


def test_a_change_inside_a_batch_is_named_with_the_first_and_last_index_that_one_signature_covers(small: Path) -> None:
    ledger, last = small / "ledger.jsonl", len(life())
    ledger.write_bytes(ledger.read_bytes().replace(b'"0110"', b'"1111"'))
    report = json.loads(ledger_command("verify", str(small), "--format", "json").out)
    assert (report["entries"], report["bad_index"], report["bad_last"]) == (1, 1, last)
    said = ledger_command("verify", str(small)).out
    assert f"first bad index: 1 (or a later one, to {last}: one signature covers them all)\n" in said
    assert f"entries 1 to {last}: expected the root" in said


def test_a_change_that_a_line_itself_shows_is_named_alone(small: Path) -> None:
    ledger = small / "ledger.jsonl"
    ledger.write_bytes(ledger.read_bytes().replace(b'"seq":3', b'"seq":4'))
    report = json.loads(ledger_command("verify", str(small), "--format", "json").out)
    assert (report["entries"], report["bad_index"], report["bad_last"]) == (1, 3, 3)
    assert "first bad index: 3\n" in ledger_command("verify", str(small)).out


def test_an_event_that_was_appended_alone_is_named_alone(small: Path) -> None:
    ledger, index = small / "ledger.jsonl", len(life()) + 1
    ledger.write_bytes(ledger.read_bytes().replace(b"i1-\\u001b", b"i2-\\u001b"))
    report = json.loads(ledger_command("verify", str(small), "--format", "json").out)
    assert (report["entries"], report["bad_index"], report["bad_last"]) == (index, index, index)


def test_a_good_record_has_no_bad_index(small: Path) -> None:
    report = json.loads(ledger_command("verify", str(small), "--format", "json").out)
    assert (report["bad_index"], report["bad_last"]) == (None, None)
    assert "bad index" not in ledger_command("verify", str(small)).out


def test_a_key_is_asked_for_by_all_of_its_last_part() -> None:
    keys = [VerifierKey(name="assay/x", public=bytes([number]) * 32) for number in range(256)]
    assert any("+" in str(key).split("+", 2)[2] for key in keys)  # base64 has plus signs of its own
    for key, other in zip(keys, keys[1:] + keys[:1], strict=True):
        last = str(key).split("+", 2)[2]
        assert same_key(key, str(key))
        assert same_key(key, last)
        assert same_key(key, f"assay/other+00000000+{last}")
        assert not same_key(key, str(other))
        assert not same_key(key, last.rpartition("+")[2] if "+" in last else "")


def test_a_tampered_record_is_named_with_its_first_bad_index(small: Path) -> None:
    ledger = small / "ledger.jsonl"
    ledger.write_bytes(ledger.read_bytes().replace(b'"0110"', b'"1111"'))
    done = ledger_command("verify", str(small), "--format", "json")
    report = json.loads(done.out)
    assert (done.code, report["integrity"], report["complete"], report["bad_index"]) == (1, False, False, 1)
    assert "entries 1 to 8: expected the root" in report["problem"]


def test_an_incomplete_record_is_told_from_a_tampered_one(tmp_path: Path) -> None:
    with create(tmp_path / "ledger.jsonl") as ledger:
        ledger.append_many(life()[:3])
    done = ledger_command("verify", str(tmp_path))
    assert done.code == 1
    assert "integrity: holds" in done.out
    assert "candidate.generated i1-000 has no eval.completed" in done.out


def test_a_held_checkpoint_shows_a_cut(small: Path) -> None:
    kept = small / "kept"
    kept.write_text(ledger_command("checkpoint", str(small)).out)
    assert ledger_command("verify", str(small), "--checkpoint", str(kept)).code == 0
    ledger = small / "ledger.jsonl"
    ledger.write_bytes(b"".join(ledger.read_bytes().splitlines(keepends=True)[:-2]))
    assert verify(ledger).intact
    done = ledger_command("verify", str(small), "--checkpoint", str(kept))
    assert done.code == 1
    assert "LOG_TRUNCATED: the checkpoint vouches for 11 entries, the log has 10" in done.out


def test_an_unknown_or_another_key_is_said(small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = json.loads(ledger_command("verify", str(small), "--format", "json").out)["keys"][0]
    assert ledger_command("verify", str(small), "--key", key).code == 0
    assert ledger_command("verify", str(small), "--key", key.split("+", 2)[2]).code == 0
    assert ledger_command("verify", str(small), "--key", "A" * 44).code == 1
    monkeypatch.setenv("ASSAY_KEYS", str(tmp_path / "none"))
    assert "not one of your keys" in ledger_command("verify", str(small)).out


@pytest.mark.parametrize(
    "arguments",
    [("verify", "none"), ("show", "none"), ("prove", "none", "0"), ("checkpoint", "none"), ("check-proof", "none")],
)
def test_a_run_that_is_not_there_is_a_usage_error(
    tmp_path: Path, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert ledger_command(*arguments).code == 2


def test_a_malformed_checkpoint_is_a_usage_error(small: Path) -> None:
    (small / "kept").write_text("no checkpoint")
    assert ledger_command("verify", str(small), "--checkpoint", str(small / "kept")).code == 2


def test_events_are_shown_by_type_program_and_stage(finished: Path) -> None:
    def shown(*options: str) -> list[dict[str, object]]:
        done = ledger_command("show", str(finished), "--format", "json", *options)
        assert done.code == 0
        return [json.loads(line) for line in done.out.splitlines()]

    everything = shown()
    assert [event["index"] for event in everything] == list(range(len(everything)))
    assert {event["type"] for event in shown("--type", "sandbox.")} == {
        event["type"] for event in everything if str(event["type"]).startswith("sandbox.")
    }
    program = next(event["subject"] for event in everything if event["subject"])
    assert {event["subject"] for event in shown("--program", str(program))} == {program}
    assert {event["type"] for event in shown("--type", "run.started")} == {"run.started"}


def test_text_is_escaped_for_terminals(small: Path) -> None:
    out = ledger_command("show", str(small)).out
    assert out.replace("\n", "").isprintable()
    assert "\\x1b" in out


def test_a_proof_holds_without_the_record_and_only_as_it_is(small: Path) -> None:
    proof = json.loads(ledger_command("prove", str(small), "8").out)
    file = small.parent / "proof.json"
    file.write_text(json.dumps(proof))
    done = ledger_command("check-proof", str(file))
    assert done.code == 0, done.out
    assert "event 8 of 11" in done.out
    assert proof["event"].encode() == lines_of(small / "ledger.jsonl")[8]
    for key, value in {
        "index": 7,
        "event": proof["event"].replace('"0110"', '"1111"'),
        "proof": [*proof["proof"][:-1], "A" * 43 + "="],
        "checkpoint": proof["checkpoint"].replace("\n11\n", "\n12\n"),
        "vkey": proof["vkey"].replace("assay/test", "assay/other"),
        "format": "assay-proof/2",
    }.items():
        file.write_text(json.dumps({**proof, key: value}))
        assert ledger_command("check-proof", str(file)).code == 1, key


def test_a_rotated_key_takes_a_record_over(small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_KEYS", str(tmp_path / "keys-apart" / "keys"))
    run = tmp_path / "run"
    run.mkdir()
    with create(run / "ledger.jsonl"):
        pass
    assert ledger_command("rotate-key").code == 0
    Ledger.open(run / "ledger.jsonl").close()
    report = json.loads(ledger_command("verify", str(run), "--format", "json").out)
    assert report["integrity"], report["problem"]
    assert len(report["keys"]) == 2


def test_tiles_hold_the_log(finished: Path, tmp_path: Path) -> None:
    done = ledger_command("tiles", str(finished), "--out", str(tmp_path / "out"))
    assert done.code == 0
    lines = lines_of(finished / "ledger.jsonl")
    bundles = [tmp_path / "out" / "tile" / "entries" / f"{number:03}" for number in range(len(lines) // 256)]
    partial = tmp_path / "out" / "tile" / "entries" / f"{len(lines) // 256:03}.p" / str(len(lines) % 256)
    data = b"".join(path.read_bytes() for path in [*bundles, *([partial] if len(lines) % 256 else [])])
    assert data == b"".join(len(line).to_bytes(2, "big") + line for line in lines)
    assert (tmp_path / "out" / "checkpoint").read_bytes() == (finished / "checkpoint").read_bytes()
    assert ledger_command("tiles", str(finished), "--out", str(tmp_path / "out")).code == 2
