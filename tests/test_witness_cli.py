"""`assay ledger witness`, `witness-init`, `witness-serve`, `key`, `prove-consistent`, `check-consistency`."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from orchestrator import ledger_cli, witness_cli
from orchestrator.errors import AssayError
from orchestrator.ledger.cosignature import CosignerKey
from orchestrator.ledger.note import parse
from tests.commands import ROOT, assay
from tests.ledger.witness_process import served
from tests.ledger.witnessed import go_on
from tests.ledger.written import small_log


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str


def command(*arguments: object) -> Done:
    """Run `assay ledger ...` in this process, with the exit code that `cli.main` would give."""
    result = CliRunner().invoke(ledger_cli.app, [str(argument) for argument in arguments])
    if isinstance(result.exception, AssayError):
        return Done(result.exception.exit_code, result.stdout, str(result.exception))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return Done(result.exit_code, result.stdout, result.stderr)


@pytest.fixture(autouse=True)
def own_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_HELD", str(tmp_path / "held"))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    small_log(tmp_path / "run" / "ledger.jsonl")
    return tmp_path / "run"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    assert command("witness-init", tmp_path / "w").code == 0
    return tmp_path / "w"


def vkey(place: Path) -> str:
    return str(json.loads((place / "witness.json").read_text())["vkey"])


def test_a_record_is_cosigned_and_verifies_with_its_witness(run: Path, place: Path) -> None:
    done = command("witness", run, "--witness", place)
    assert (done.code, f"{vkey(place)} vouches for all 5 entries" in done.out) == (0, True)
    done = command("verify", run, "--witness", vkey(place), "--require-witness", 1)
    assert done.code == 0, done.out
    assert f"witness {vkey(place)}: vouches for all 5 entries since 20" in done.out


def test_the_witness_of_an_earlier_part_is_said_to_be_that(run: Path, place: Path) -> None:
    command("witness", run, "--witness", place)
    kept = run.parent / "kept"
    kept.write_bytes((run / "checkpoint").read_bytes())
    go_on(run / "ledger.jsonl", "more")
    arguments = ("verify", run, "--witness", vkey(place), "--checkpoint", kept)
    done = command(*arguments)
    assert done.code == 0
    assert "vouches for the first 5 of 8 entries" in done.out
    done = command(*arguments, "--require-witness", 1)
    assert done.code == 1
    assert "integrity: FAILS: expected 1 witnesses to vouch for all 8 entries, found 0" in done.out


def test_json_says_the_same(run: Path, place: Path) -> None:
    command("witness", run, "--witness", place)
    report = json.loads(command("verify", run, "--witness", vkey(place), "--format", "json").out)
    assert report["witnesses"][0]["entries"] == 5
    assert report["remembered"] is None
    report = json.loads(command("verify", run, "--format", "json").out)
    assert (report["remembered"], report["witnesses"]) == (5, [])


def test_an_old_copy_put_back_is_refused_by_the_witness_with_exit_code_1(run: Path, place: Path) -> None:
    old = (run / "ledger.jsonl").read_bytes()
    go_on(run / "ledger.jsonl", "more")
    assert command("witness", run, "--witness", place).code == 0
    (run / "ledger.jsonl").write_bytes(old)
    done = command("witness", run, "--witness", place)
    assert (done.code, "LOG_TRUNCATED" in done.err) == (1, True)


def test_a_damaged_record_is_not_cosigned(run: Path, place: Path) -> None:
    path = run / "ledger.jsonl"
    path.write_bytes(path.read_bytes().replace(b"reason 1", b"reason 9"))
    assert command("witness", run, "--witness", place).code == 1
    assert list((place / "logs").iterdir()) == []


def test_a_torn_tail_was_acknowledged_to_nobody_and_does_not_matter(run: Path, place: Path) -> None:
    with (run / "ledger.jsonl").open("ab") as file:
        file.write(b'{"actor":')
    assert "all 5 entries" in command("witness", run, "--witness", place).out


def test_over_http_with_the_key_that_it_prints(run: Path, place: Path) -> None:
    with served(place, command("key").out.strip()) as running:
        done = command("witness", run, "--witness", running.url, "--witness-key", running.key)
        assert done.code == 0, done.err
        assert command("witness", run, "--witness", running.url).code == 2
    assert command("witness", run, "--witness", running.url, "--witness-key", running.key).code == 3


def test_no_witness_is_made_by_mistake(run: Path, tmp_path: Path) -> None:
    done = command("witness", run, "--witness", tmp_path / "unmounted")
    assert done.code == 3
    assert "is its disk mounted" in done.err
    assert not (tmp_path / "unmounted").exists()


def test_a_served_witness_has_to_be_told_whom_to_trust(place: Path) -> None:
    done = command("witness-serve", "--dir", place)
    assert (done.code, "--trust" in done.err) == (2, True)
    assert command("witness-serve", "--dir", place, "--listen", "nowhere").code == 2


def test_more_witnesses_than_were_named_cannot_be_required(run: Path) -> None:
    assert command("verify", run, "--require-witness", 1).code == 2
    assert command("verify", run, "--witness", "nonsense").code == 2


def test_one_key_under_two_names_is_one_witness(run: Path, place: Path) -> None:
    one = vkey(place)
    other = str(replace(CosignerKey.parse(one), name="other"))
    for second in (one, other):
        done = command("verify", run, "--witness", one, "--witness", second, "--require-witness", 2)
        assert (done.code, "each key once" in done.err) == (2, True)


def test_a_rotated_key_goes_on_at_its_witness_when_both_are_named(run: Path, place: Path) -> None:
    assert command("witness", run, "--witness", place).code == 0
    old = command("key").out.strip()
    assert command("rotate-key").code == 0
    go_on(run / "ledger.jsonl", "more")
    done = command("witness", run, "--witness", place)
    assert (done.code, "--rotated" in done.err) == (3, True)
    assert command("witness-init", place, "--rotated", old, command("key").out.strip()).code == 0
    assert command("witness", run, "--witness", place).code == 0


def test_a_log_of_the_same_name_under_another_key_is_told_from_the_one_that_was_verified(run: Path) -> None:
    assert "WARNING" not in command("verify", run).out
    (held,) = (run.parent / "held").iterdir()
    held.rename(held.with_name(held.name[:-1] + ("0" if held.name[-1] != "0" else "1")))
    done = command("verify", run)
    assert (done.code, "under another key" in done.out) == (0, True)


def test_a_copy_older_than_what_was_verified_fails_until_it_is_forgotten(run: Path) -> None:
    old = (run / "ledger.jsonl").read_bytes()
    go_on(run / "ledger.jsonl", "more")
    assert command("verify", run).code == 0
    assert "remembered: the log goes on from the 8 entries" in command("verify", run).out
    (run / "ledger.jsonl").write_bytes(old)
    done = command("verify", run)
    assert (done.code, "LOG_TRUNCATED" in done.out) == (1, True)
    assert command("verify", run, "--no-remember").code == 0
    Path(done.out.partition("remove ")[2].partition(")")[0]).unlink()
    assert command("verify", run).code == 0


def test_a_wrong_key_is_not_remembered(run: Path) -> None:
    assert command("verify", run, "--key", "x").code == 1
    assert command("verify", run).out.count("remembered") == 0


def test_a_memory_that_cannot_be_written_is_a_remark(run: Path, tmp_path: Path) -> None:
    (tmp_path / "held").mkdir(mode=0o500)
    done = command("verify", run)
    assert done.code == 0  # as root it can be written all the same


def test_a_proof_is_made_and_checked_against_what_was_kept(run: Path, tmp_path: Path) -> None:
    (tmp_path / "kept").write_bytes((run / "checkpoint").read_bytes())
    go_on(run / "ledger.jsonl", "more")
    (tmp_path / "proof.json").write_text(command("prove-consistent", run, tmp_path / "kept").out)
    done = command("check-consistency", tmp_path / "proof.json", "--checkpoint", tmp_path / "kept")
    assert (done.code, "holds: the first 5 of 8 entries" in done.out) == (0, True)
    (tmp_path / "proof.json").write_text(command("prove-consistent", run, 3, 5).out)
    assert command("check-consistency", tmp_path / "proof.json").code == 0
    done = command("check-consistency", tmp_path / "proof.json", "--checkpoint", tmp_path / "kept")
    assert (done.code, "does not hold" in done.out) == (1, True)
    assert command("check-consistency", tmp_path / "proof.json", "--key", "x").code == 1
    (tmp_path / "proof.json").write_text("[" * 9999)
    assert command("check-consistency", tmp_path / "proof.json").code == 1
    assert command("prove-consistent", run, tmp_path / "nothing").code == 2
    assert command("prove-consistent", run, 99).code == 1


def test_the_c2sp_form_ends_with_the_checkpoint(run: Path) -> None:
    out = command("prove-consistent", run, 3, "--format", "c2sp").out
    assert out.startswith("old 3\n")
    assert parse(out.partition("\n\n")[2].encode()).checkpoint.size == 5


def test_the_commands_are_where_people_look_for_them() -> None:
    out = assay("ledger", "--help", cwd=ROOT).out
    for name in ("witness", "witness-init", "witness-serve", "key", "prove-consistent", "check-consistency"):
        assert f" {name} " in out


@pytest.fixture(scope="module", autouse=True)
def registered() -> None:
    """Add the commands, as `cli.py` does, once."""
    names = {item.name or getattr(item.callback, "__name__", "") for item in ledger_cli.app.registered_commands}
    if "witness-init" not in names:
        witness_cli.register(ledger_cli.app)
    assert isinstance(ledger_cli.app, typer.Typer)
