"""The report's numbers are the ledger's: each is computed a second time by code that shares nothing with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.report import write_report
from tests.report_numbers import disagreements, expected_beside, found_beside
from tests.synthetic_run import SyntheticRun


@pytest.fixture(scope="module", params=["dpo", "none"])
def run_dir(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = SyntheticRun(tmp_path_factory.mktemp("runs") / "lab", programs=30, learn=request.param).write()
    write_report(run.run_dir)
    return run.run_dir


def test_the_headline_numbers_are_the_ledger_s(run_dir: Path) -> None:
    assert disagreements(run_dir) == []


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ('<span class="value">90</span>', '<span class="value">91</span>', "tiles"),
        ('<td class="n">1.20</td>', '<td class="n">1.30</td>', "iterations"),
        ("<b>62.", "<b>63.", "models"),
        ('> runtime error</td>\n  <td class="n">', '> runtime error</td>\n  <td class="n">1', "rejections"),
        ('  <td>\N{EN DASH}</td>\n  <td class="n">', '  <td>\N{EN DASH}</td>\n  <td class="n">1', "capabilities"),
    ],
)
def test_a_wrong_number_would_be_found(run_dir: Path, tmp_path: Path, old: str, new: str, name: str) -> None:
    page = (run_dir / "report.html").read_text()
    assert old in page
    (tmp_path / "report.html").write_text(page.replace(old, new))
    (tmp_path / "ledger.jsonl").write_bytes((run_dir / "ledger.jsonl").read_bytes())
    assert [line.partition(":")[0] for line in disagreements(tmp_path)] == [name]


def test_the_comparison_s_numbers_are_both_ledgers(run_dir: Path, tmp_path: Path) -> None:
    other = SyntheticRun(tmp_path / "other", programs=25, iterations=2, learn="none", chance=12).write()
    page = write_report(run_dir, beside=other.run_dir).read_text()
    assert found_beside(page) == expected_beside(run_dir, other.run_dir)
