"""A run that was cut off ends as one that was not: real engine, real lab, real trainer, real SIGKILL.

`make resume-drill` does the same at 25 moments.
"""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from orchestrator.ledger import read
from orchestrator.state import fold
from tests.commands import assay
from tests.lab_runs import cut_off, problems

pytestmark = [pytest.mark.docker, pytest.mark.lab, pytest.mark.timeout(600)]


@pytest.mark.parametrize(
    ("when", "number"),
    [
        pytest.param(lambda kinds: kinds.count("eval.completed") == 2, signal.SIGINT, id="run"),
        pytest.param(lambda kinds: "dpo.pair_created" in kinds, signal.SIGKILL, id="learn"),
        pytest.param(lambda kinds: "split.opened" in kinds, signal.SIGKILL, id="final"),
    ],
)
def test_a_run_that_was_cut_off_ends_as_one_that_was_not(
    unkilled: Path, tmp_path: Path, when: Callable[[list[str]], bool], number: signal.Signals
) -> None:
    cut_off(unkilled.parent / "smallest.toml", tmp_path / "run", when, number)
    (tmp_path / "run" / "config.json").unlink()  # the record is enough
    done = assay("run", "--resume", tmp_path / "run", cwd=tmp_path)
    assert done.code == 0, done.err
    assert problems(tmp_path / "run", unkilled) == []
    assert "resumed</a> (entry" in (tmp_path / "run" / "report.html").read_text()


def test_a_finished_run_is_not_touched(unkilled: Path, tmp_path: Path) -> None:
    before = (unkilled / "ledger.jsonl").read_bytes()
    done = assay("run", "--resume", unkilled, cwd=tmp_path)
    assert done.code == 0, done.err
    assert done.out.strip() == f"report: {unkilled / 'report.html'}"
    assert (unkilled / "ledger.jsonl").read_bytes() == before


def test_another_image_or_other_models_are_refused(unkilled: Path, tmp_path: Path) -> None:
    config = (unkilled.parent / "smallest.toml").read_text().replace("add = ", "more = ")
    (tmp_path / "other.toml").write_text(config)
    done = assay("run", "--resume", tmp_path / "other.toml", "--run-dir", unkilled, cwd=tmp_path)
    assert done.code == 2
    assert "`models.candidates.add`" in done.err


def test_two_processes_do_not_work_on_one_run(unkilled: Path, tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    config = unkilled.parent / "smallest.toml"

    def second_is_refused(kinds: list[str]) -> bool:
        if "baseline.completed" not in kinds:
            return False
        for arguments in (("--resume", run_dir), (config, "--run-dir", run_dir)):
            done = assay("run", *arguments, cwd=tmp_path)
            assert done.code == 3
            assert "another process is writing it: number" in done.err
        return True

    cut_off(config, run_dir, second_is_refused, signal.SIGKILL)
    assert fold(read(run_dir / "ledger.jsonl")).resumptions == 0
    shutil.rmtree(run_dir)


START = ("log.opened", "run.resumed", "run.started", "sandbox.protections", "canaries.held", "inputs.resolved")


def begun(kind: str, kinds: list[str]) -> bool:
    return kind in kinds


def test_a_run_that_is_killed_again_and_again_while_it_starts_ends_as_one_that_was_not(
    unkilled: Path, tmp_path: Path
) -> None:
    config, run_dir = unkilled.parent / "smallest.toml", tmp_path / "run"

    def there(name: str, kinds: list[str]) -> bool:
        return (run_dir / name).exists()

    moments = [partial(there, name) for name in ("", "config.json", "ledger.jsonl")]
    moments += [partial(begun, kind) for kind in START]
    for moment in moments:
        cut_off(config, run_dir, moment, signal.SIGKILL, "--resume")
    done = assay("run", "--resume", run_dir, cwd=tmp_path)
    assert done.code == 0, done.err
    assert problems(run_dir, unkilled) == []
