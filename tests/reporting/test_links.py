"""Every number of a report leads to the entries behind it, and they say it."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.report import write_report
from orchestrator.reporting.links import briefly, is_long, linked
from tests.report_links import unsupported
from tests.synthetic_run import SyntheticRun


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = SyntheticRun(tmp_path_factory.mktemp("runs") / "lab", programs=40, iterations=2).write()
    write_report(run.run_dir)
    return run.run_dir


def test_every_number_leads_to_entries_that_say_it(run_dir: Path) -> None:
    assert unsupported(run_dir) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('href="#e7"', 'href="#e99999"'),
        ('<span class="value">80</span>', '<span class="value">81</span>'),
        ('<td class="n">40</td>', '<td class="n">41</td>'),
        ('<tr id="e7"><td class="n">7</td>', '<tr id="e7"><td class="n">8</td>'),
    ],
)
def test_the_check_sees_what_is_wrong(run_dir: Path, tmp_path: Path, old: str, new: str) -> None:
    page = (run_dir / "report.html").read_text()
    assert old in page
    (tmp_path / "report.html").write_text(page.replace(old, new))
    (tmp_path / "ledger.jsonl").write_bytes((run_dir / "ledger.jsonl").read_bytes())
    assert unsupported(tmp_path)


def test_a_run_without_an_end_and_without_programs_has_links_that_lead_somewhere(tmp_path: Path) -> None:
    run = SyntheticRun(tmp_path / "lab", programs=2, iterations=1)
    run.begin()
    run.ledger.close()
    write_report(run.run_dir)
    assert unsupported(run.run_dir) == []


def test_the_ends_of_each_run_of_indices_are_links() -> None:
    assert linked([3, 4, 5, 9]) == ('<a href="#e3">3</a>\N{EN DASH}<a href="#e5">5</a>, <a href="#e9">9</a>')
    assert linked([]) == "none"


def test_long_lists_are_short_until_they_are_asked_for() -> None:
    many = [1, 3, 5, 7, 9]
    assert is_long(many)
    assert not is_long(many[:4])
    assert briefly(many) == "1, 3, 5, \N{HORIZONTAL ELLIPSIS} 9 (5 entries)"
    assert linked(many).count("<a ") == 5
