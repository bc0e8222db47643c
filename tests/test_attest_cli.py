"""`assay ledger export` and `check-export`: what they print and how they exit; and the page about them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator import attest_cli
from orchestrator.attest import envelope
from orchestrator.ledger import keys
from orchestrator.ledger.note import parse
from orchestrator.ledger.reading import batches_of
from orchestrator.ledger.witnesses import put_cosigned
from tests.attest.written import ledger_with, run_drafts, scored
from tests.commands import ROOT, assay
from tests.ledger.witnessed import cosign_file, make_witness
from tests.test_ledger_cli import ledger_command

PAGE = (ROOT / "docs" / "attestations.md").read_text()


@pytest.fixture(autouse=True)
def own_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Logs of other tests have the same name."""
    monkeypatch.setenv("ASSAY_HELD", str(tmp_path / "held"))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    assert attest_cli.app
    ledger_with(tmp_path / "run", [*run_drafts(), *scored(test="11"), *scored("i1-001"), *scored("i1-002")[:-1]])
    return tmp_path / "run"


@pytest.fixture
def out(run: Path) -> Path:
    assert ledger_command("export", str(run), "--out", str(run.parent / "out")).code == 0
    return run.parent / "out"


def test_export_says_how_many_and_by_which_key(run: Path) -> None:
    done = ledger_command("export", str(run), "--format", "in-toto", "--out", str(run.parent / "out"))
    assert done.code == 0
    assert done.out.splitlines()[:2] == [
        f"5 statements about 2 merged models in {run.parent / 'out'}",
        "nothing about 1 other programs on record",
    ]
    assert envelope.signing_key(run).id in done.out


def test_every_exported_file_holds(out: Path) -> None:
    for path in out.glob("*.json"):
        done = ledger_command("check-export", str(path), "--signer", str(out / "signer.pub"))
        assert done.code == 0, done.out
        assert done.out.startswith("holds: https://")
        assert done.out.count("(one of your keys)") == 2


def test_strange_keys_are_said_to_be_strange(out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_KEYS", str(tmp_path / "none"))
    done = ledger_command("check-export", str(out / "i1-000.dev.json"))
    assert done.code == 0
    assert done.out.count("not one of your keys: compare it with one you know") == 2


def test_the_keys_that_are_insisted_on_must_be_those(
    out: Path, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = str(out / "i1-000.provenance.json")
    report = json.loads(ledger_command("check-export", file, "--format", "json").out)
    assert ledger_command("check-export", file, "--key", report["key"]).code == 0
    assert ledger_command("check-export", file, "--key", "A" * 44).code == 1
    monkeypatch.setenv("ASSAY_KEYS", str(tmp_path / "others"))
    (tmp_path / "other.pub").write_text(envelope.signing_key(run).public)
    done = ledger_command("check-export", file, "--signer", str(tmp_path / "other.pub"))
    assert (done.code, done.out.split(":")[0]) == (1, "does not hold")


def test_a_witness_that_is_insisted_on_must_have_cosigned(out: Path, run: Path, tmp_path: Path) -> None:
    ledger = run / "ledger.jsonl"
    make_witness(tmp_path / "witness", str(next(batches_of(ledger)).key))
    cosigned = cosign_file(ledger, tmp_path / "witness")
    put_cosigned(ledger, parse((run / "checkpoint").read_bytes()), [cosigned.line])
    assert ledger_command("export", str(run), "--out", str(tmp_path / "witnessed")).code == 0

    def checked(folder: Path, witness: str) -> int:
        return ledger_command("check-export", str(folder / "i1-000.dev.json"), "--witness", witness).code

    assert checked(tmp_path / "witnessed", str(cosigned.key)) == 0
    assert checked(out, str(cosigned.key)) == 1
    assert checked(out, "no key") == 2


def test_json_names_what_was_shown(out: Path) -> None:
    report = json.loads(ledger_command("check-export", str(out / "i1-000.provenance.json"), "--format", "json").out)
    assert (report["program"], report["predicate_type"]) == ("i1-000", "https://slsa.dev/provenance/v1")
    assert len(report["entries"]) == 11
    assert report["signer_is_here"]
    assert report["key_is_here"]


def test_a_changed_file_does_not_hold(out: Path) -> None:
    path = out / "i1-001.dev.json"
    path.write_text(path.read_text().replace('"index": 1,', '"index": 2,'))
    done = ledger_command("check-export", str(path))
    assert (done.code, done.out.split(":")[0]) == (1, "does not hold")


def test_a_damaged_record_exports_nothing(run: Path) -> None:
    ledger = run / "ledger.jsonl"
    ledger.write_bytes(ledger.read_bytes().replace(b'"0110"', b'"1111"'))
    assert ledger_command("export", str(run), "--out", str(run.parent / "out")).code == 3
    assert not (run.parent / "out").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("export", "none", "--out", "out"),
        ("export", "run"),
        ("export", "run", "--out", "full"),
        ("export", "run", "--out", "full/file"),
        ("export", "run", "--out", "full/file/below"),
        ("export", "run", "--out", "out", "--program", "i1-002"),
        ("export", "run", "--out", "out", "--program", "i1-000,nobody"),
        ("export", "run", "--out", "out", "--format", "spdx"),
        ("check-export", "none"),
        ("check-export", "full"),
        ("check-export", "full/file", "--signer", "none"),
        ("check-export", "full/file", "--signer", "full/file"),
    ],
)
def test_a_user_s_mistake_is_a_usage_error(
    run: Path, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(run.parent)
    (run.parent / "full").mkdir()
    (run.parent / "full" / "file").write_text("{}")
    assert ledger_command(*arguments).code == 2
    assert not (run.parent / "out").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_directory_that_may_not_be_written_is_a_usage_error(run: Path) -> None:
    run.parent.chmod(0o500)
    try:
        assert ledger_command("export", str(run), "--out", str(run.parent / "out")).code == 2
    finally:
        run.parent.chmod(0o700)


def test_a_key_that_others_may_read_is_told_without_a_traceback(run: Path) -> None:
    done = assay("ledger", "export", run, "--out", run.parent / "first", cwd=run.parent)
    assert done.code == 0, done.err
    key = keys.key_folder() / envelope.KEY_NAME
    key.chmod(0o644)
    try:
        done = assay("ledger", "export", run, "--out", run.parent / "out", cwd=run.parent)
    finally:
        key.chmod(0o600)
    assert done.code == 3
    assert "only its owner may read" in done.err
    assert "Traceback" not in done.err


def test_the_page_s_ten_lines_verify_and_refuse(out: Path) -> None:
    """Run as they are printed, in a process that does not see this project."""
    (lines,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    assert len(lines.splitlines()) <= 12
    (out / "verify.py").write_text(lines)
    bare = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def ran(file: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-I", "verify.py", "signer.pub", file]
        return subprocess.run(command, cwd=out, env=bare, capture_output=True, text=True, check=False)

    good = ran("i1-000.provenance.json")
    assert good.returncode == 0, good.stderr
    assert json.loads(good.stdout)["predicateType"] == "https://slsa.dev/provenance/v1"
    changed = json.loads((out / "i1-000.provenance.json").read_text())
    changed["payload"] = json.loads((out / "i1-001.provenance.json").read_text())["payload"]
    (out / "changed.json").write_text(json.dumps(changed))
    assert "VerificationError" in ran("changed.json").stderr


def test_the_page_shows_the_help_s_exit_codes_and_every_digest_s_name() -> None:
    from orchestrator.attest import statement

    for name in (statement.BUILD_TYPE, statement.BUILDER, statement.WEAKENED_BUILDER):
        assert f"`{name}`" in PAGE
    for name in (statement.CANONICAL_JSON, statement.ITEMS, statement.POLICY, statement.BOUND):
        assert f"`{name}`" in PAGE
