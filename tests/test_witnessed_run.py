"""A real run under a real witness in another process: killed, resumed, put back, and left alone.

Real engine, real lab, real trainer, real HTTP. What single parts do is in test_witnessed.
"""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import pytest

from orchestrator.ledger import read
from tests.commands import assay
from tests.lab_runs import cut_off, kinds_of, smallest_config
from tests.ledger.witness_process import served
from tests.ledger.witnessed import make_witness

pytestmark = [pytest.mark.docker, pytest.mark.lab, pytest.mark.timeout(600)]


def under(config: Path, url: str, key: object) -> Path:
    """Have the configuration ask for a witness."""
    section = f'\n[ledger]\nwitnesses = ["{url}"]\nwitness_keys = ["{key}"]\n'
    section += "require_witness = 1\nwitness_every_s = 0.5\nwitness_grace_s = 2.0\n"
    config.write_text(config.read_text() + section)
    return config


def test_a_run_is_witnessed_to_its_end_and_no_old_copy_of_it_goes_on(tmp_path: Path) -> None:
    make_witness(tmp_path / "witness")
    run_dir, old = tmp_path / "run", tmp_path / "old"
    with served(tmp_path / "witness", assay("ledger", "key", cwd=tmp_path).out.strip()) as witness:
        config = under(smallest_config(tmp_path), witness.url, witness.key)
        cut_off(config, run_dir, lambda kinds: kinds.count("eval.completed") == 2, signal.SIGKILL)
        shutil.copytree(run_dir, old)
        done = assay("run", "--resume", run_dir, cwd=tmp_path)
        assert done.code == 0, done.err
        done = assay("ledger", "verify", run_dir, "--witness", witness.key, "--require-witness", "1", cwd=tmp_path)
        assert done.code == 0, done.out
        assert str(witness.key) in (run_dir / "report.html").read_text()
        before = (old / "ledger.jsonl").read_bytes()
        done = assay("run", "--resume", old, cwd=tmp_path)
        assert done.code == 3
        assert "LOG_TRUNCATED" in done.err
        assert (old / "ledger.jsonl").read_bytes() == before


def test_a_run_whose_witness_goes_away_stops_and_goes_on_when_it_is_back(tmp_path: Path) -> None:
    make_witness(tmp_path / "witness", name="witness.example/w1")
    run_dir, trust = tmp_path / "run", assay("ledger", "key", cwd=tmp_path).out.strip()

    def first_scored() -> bool:
        return "eval.completed" in kinds_of(run_dir)

    with served(tmp_path / "witness", trust) as witness:
        port = witness.url.rpartition(":")[2]
        config = under(smallest_config(tmp_path), witness.url, witness.key)

        def silenced(kinds: list[str]) -> bool:
            if first_scored():
                witness.process.send_signal(signal.SIGSTOP)
            return "run.failed" in kinds

        try:
            cut_off(config, run_dir, silenced, signal.SIGCONT)
        finally:
            witness.process.send_signal(signal.SIGCONT)
    failed = next(entry for entry in read(run_dir / "ledger.jsonl") if entry.type == "run.failed")
    assert "expected 1 witnesses to vouch for the record within 2 s, found 0" in failed.data["message"]
    done = assay("run", "--resume", run_dir, cwd=tmp_path)
    assert done.code == 3
    assert "found 0" in done.err
    with served(tmp_path / "witness", trust, port=port):
        done = assay("run", "--resume", run_dir, cwd=tmp_path)
        assert done.code == 0, done.err
