"""`assay show`: one screen, escaped, and the same in JSON."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.errors import LedgerError, UsageError
from orchestrator.show import one_program, programs_table
from tests.commands import assay
from tests.synthetic_run import SyntheticRun

HOSTILE = "i1-000"  # its source holds escapes and markup


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> SyntheticRun:
    return SyntheticRun(tmp_path_factory.mktemp("runs") / "lab", programs=30, iterations=2).write()


def text(run_dir: Path, program: str) -> str:
    return "\n".join(one_program(run_dir, program)[1])


def test_a_life_shows_source_verdicts_container_score_pairs_and_entries(run: SyntheticRun) -> None:
    shown = text(run.run_dir, HOSTILE)
    for word in ("written", "policy", "screen", "container", "used", "verified", "dev ", "seed [", "pair ", "entries"):
        assert f"\n{word}" in shown or f" {word}" in shown, word
    assert "     1 | " in shown


def test_nothing_that_is_shown_moves_a_cursor(run: SyntheticRun) -> None:
    for line in (*one_program(run.run_dir, HOSTILE)[1], *programs_table(run.run_dir)[1]):
        assert line.isprintable()


def test_a_rejection_is_shown_with_stage_and_reason(run: SyntheticRun) -> None:
    rows = programs_table(run.run_dir)[0]["programs"]
    rejected = next(row for row in rows if ":" in row["outcome"])
    stage, _, reason = rejected["outcome"].partition(": ")
    assert f"at {stage}: {reason}: " in text(run.run_dir, rejected["program"])


def test_a_lost_source_is_said_and_the_rest_is_shown(tmp_path: Path) -> None:
    run = SyntheticRun(tmp_path / "lab", programs=4, iterations=1).write()
    name, digest, *_ = run.scored[0]
    run.blobs.drop(digest)
    value, lines = one_program(run.run_dir, name)
    assert value["source"] is None
    assert any("not there" in line for line in lines)
    assert any(line.startswith("verified") for line in lines)


def test_an_unknown_program_is_refused_with_where_to_look(run: SyntheticRun) -> None:
    with pytest.raises(UsageError, match="lists the programs"):
        one_program(run.run_dir, "i9-999")


def test_a_damaged_record_is_not_shown(tmp_path: Path) -> None:
    run_dir = SyntheticRun(tmp_path / "lab", programs=2, iterations=1).write().run_dir
    data = (run_dir / "ledger.jsonl").read_bytes()
    (run_dir / "ledger.jsonl").write_bytes(data.replace(b'"seed":7', b'"seed":8', 1))
    with pytest.raises(LedgerError, match="entry"):
        programs_table(run_dir)


def test_json_holds_what_the_screen_shows(run: SyntheticRun, tmp_path: Path) -> None:
    name, digest, output, _ = run.scored[0]
    done = assay("show", run.run_dir, name, "--format", "json", cwd=tmp_path)
    assert done.code == 0, done.err
    value = done.json
    assert (value["format"], value["program"]) == ("assay-show/1", name)
    assert value["generated"]["program_sha256"] == digest
    assert value["verified"]["output_sha256"] == output
    assert value["source"].encode() == run.blobs.read(digest)
