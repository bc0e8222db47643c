"""Weights that nothing needs: what is not among the best goes, what a run has still to use stays."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from orchestrator.errors import LedgerError, UsageError
from orchestrator.surplus import collect_weights
from tests.commands import assay
from tests.synthetic_run import SyntheticRun

KEPT = 3


def weights(name: str) -> bytes:
    return f"weights of {name}".encode()


class Run(SyntheticRun):
    """A synthetic run whose outputs are there, all of them, as if none had been dropped."""

    def __init__(self, run_dir: Path) -> None:
        super().__init__(run_dir, programs=12, iterations=1)
        self.config["keep_best"] = KEPT

    def verified(self, iteration: int, name: str, program: str) -> None:
        super().verified(iteration, name, program)
        output = self.blobs.put_bytes(weights(name))
        data = {"program_sha256": program, "container_id": "c", "output_sha256": output, "output_bytes": 1}
        self.event("outputs.verified", {**data, "tensors_sha256": "", "norm_ratio": "1"}, name)

    def there(self) -> set[str]:
        """Return the programs whose weights are there."""
        names = {path.name for path in self.blobs.root.iterdir()}
        return {one[0] for one in self.scored if hashlib.sha256(weights(one[0])).hexdigest() in names}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    run = Run(tmp_path / "lab")
    run.write()
    return run


def test_all_but_the_best_are_removed(run: Run) -> None:
    best = sorted(run.scored, key=lambda one: (-one[3], one[0]))[:KEPT]
    assert len(run.scored) > KEPT
    collected = collect_weights(run.run_dir, dry_run=False)
    assert run.there() == {one[0] for one in best}
    assert len(collected.found) == len(run.scored) - KEPT
    assert not collected.failed
    assert not collect_weights(run.run_dir, dry_run=False).found


def test_a_dry_run_removes_nothing_and_says_the_same(run: Run) -> None:
    before = {path: path.stat().st_mtime_ns for path in run.run_dir.rglob("*")}
    said = collect_weights(run.run_dir, dry_run=True)
    assert {path: path.stat().st_mtime_ns for path in run.run_dir.rglob("*")} == before
    assert said.found == collect_weights(run.run_dir, dry_run=False).found
    assert sum(one.bytes for one in said.found) > 0


def test_programs_and_digests_are_never_surplus(run: Run) -> None:
    collect_weights(run.run_dir, dry_run=False)
    for _, program, _, _ in run.scored:
        assert run.blobs.read(program)


def test_what_a_cut_off_run_has_still_to_score_stays(tmp_path: Path) -> None:
    run = Run(tmp_path / "lab")
    run.begin()
    program = run.blobs.put_bytes(b"program")
    output = run.blobs.put_bytes(b"not yet scored")
    data = {"program_sha256": program, "container_id": "c", "output_sha256": output, "output_bytes": 1}
    run.event("outputs.verified", {**data, "tensors_sha256": "", "norm_ratio": "1"}, "i1-000")
    run.ledger.close()
    assert not collect_weights(run.run_dir, dry_run=False).found
    assert run.blobs.read(output) == b"not yet scored"


def test_halves_of_blobs_go(run: Run) -> None:
    half = run.blobs.root / "tmp-abc"
    half.write_bytes(b"half")
    collect_weights(run.run_dir, dry_run=False)
    assert not half.exists()


def test_a_run_that_is_being_written_is_left_alone(tmp_path: Path) -> None:
    run = Run(tmp_path / "lab")
    run.begin()
    with pytest.raises(LedgerError, match="another process"):
        collect_weights(run.run_dir, dry_run=True)
    run.ledger.close()


def test_a_damaged_record_frees_nothing(run: Run) -> None:
    ledger = run.run_dir / "ledger.jsonl"
    ledger.write_bytes(ledger.read_bytes().replace(b'"seed":7', b'"seed":8', 1))
    before = run.there()
    with pytest.raises(LedgerError):
        collect_weights(run.run_dir, dry_run=False)
    assert run.there() == before


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        collect_weights(tmp_path, dry_run=True)


@pytest.mark.docker
def test_the_command_says_what_it_would_free(run: Run, tmp_path: Path) -> None:
    done = assay("gc", "--dry-run", run.run_dir, "--format", "json", cwd=tmp_path)
    found = [one for one in done.json["found"] if one["kind"] == "weights"]
    assert {one["run"] for one in found} == {"lab"}
    assert len(found) == len(run.scored) - KEPT
