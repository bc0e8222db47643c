"""The report: one page from the record alone, harmless whatever programs wrote, honest about how a run ended."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from orchestrator.blobs import BlobStore
from orchestrator.errors import LedgerError, UsageError
from orchestrator.ledger import Frontier, read
from orchestrator.report import write_report
from tests.synthetic_run import SyntheticRun

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SECTIONS = ("result", "search", "programs", "rejections", "learning", "time", "record")
FIGURES = ("final", "scores", "outcomes", "best", "training", "times")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 3 x 20 programs with its report; tests copy what they change."""
    run = SyntheticRun(tmp_path_factory.mktemp("runs") / "lab", programs=20).write()
    write_report(run.run_dir)
    return run.run_dir


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "lab"))


class Elements(HTMLParser):
    """Collects ids, tags, and every attribute by which a page can load or run something."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.tags: set[str] = set()
        self.loads: list[str] = []
        self.handlers: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in {"src", "href", "srcset", "action", "data", "poster", "xlink:href", "background"}:
                self.loads.append(value or "")
            if name.startswith("on"):
                self.handlers.append(name)

    def handle_data(self, data: str) -> None:
        self.text += data


def page_of(run_dir: Path) -> str:
    return write_report(run_dir).read_text(encoding="utf-8")


def unfinished(tmp_path: Path, write: Callable[[SyntheticRun], None]) -> Path:
    """Return a run directory whose record stops where `write` stops."""
    run = SyntheticRun(tmp_path / "lab", programs=6, iterations=2)
    write(run)
    run.ledger._release()  # as a killed process leaves it: no closing entry
    return run.run_dir


def test_every_section_and_figure_is_there(finished: Path) -> None:
    ids = Elements((finished / "report.html").read_text()).ids
    assert set(SECTIONS) <= set(ids)
    assert {f"figure-{name}" for name in FIGURES} <= set(ids)


def test_the_page_loads_nothing_and_runs_nothing(finished: Path) -> None:
    elements = Elements((finished / "report.html").read_text())
    assert {load.partition(",")[0] for load in elements.loads if not load.startswith("#")} == {
        "data:",
        "data:image/svg+xml;base64",
    }
    assert not elements.tags & {"script", "iframe", "object", "embed", "form", "base"}
    assert not elements.handlers


def test_its_own_policy_forbids_everything_but_styles_and_data_images(finished: Path) -> None:
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:" in (finished / "report.html").read_text()


def test_figures_hold_no_script_and_no_outside_reference(finished: Path) -> None:
    page = (finished / "report.html").read_text()
    figures = [base64.b64decode(data).decode() for data in re.findall(r"data:image/svg\+xml;base64,([^\"]+)", page)]
    assert len(figures) == len(FIGURES)
    for figure in figures:
        elements = Elements(figure)
        assert all(load.startswith(("#", "data:")) for load in elements.loads)
        assert "script" not in elements.tags
        assert "<dc:date>" not in figure


def test_hostile_text_is_shown_and_cannot_act(finished: Path) -> None:
    page = (finished / "report.html").read_text()
    elements = Elements(page)
    assert "document.title='owned'" in elements.text
    assert r"\u202e\u2066 reversed \x1b[31m red \x00 nul \u2028 separated {{ 7*7 }}" in elements.text
    assert page.replace("\n", "").isprintable()
    assert page.count("</style>") == 1


def test_the_figures_and_tables_name_the_entries_behind_them(finished: Path) -> None:
    page = (finished / "report.html").read_text()
    opened = next(entry for entry in read(finished / "ledger.jsonl") if entry.type == "split.opened")
    assert f'(entry <a href="#e{opened.index}">{opened.index}</a>)' in page
    assert page.count("Ledger entries ") == len(FIGURES)


def test_every_tile_and_row_of_figures_names_entries(finished: Path) -> None:
    page = finished.joinpath("report.html").read_text()
    tiles = re.findall(r'<div class="tile">.*?</div>', page)
    assert len(tiles) == 5
    assert all(re.search(r'class="entries">(?:<summary>)?entries ', tile) for tile in tiles)
    for section in ("result", "search", "programs", "learning"):
        start = page.index(f'<section id="{section}">')
        body = re.search(r"<tbody>(.*?)</tbody>", page[start : page.index("</section>", start)], re.DOTALL)
        assert body
        rows = re.findall(r"<tr[^>]*>.*?</tr>", body.group(1), re.DOTALL)
        assert rows
        assert all(re.search(r'<td class="entries">.*href="#e\d', row) for row in rows), section


def root_at_the_end(run_dir: Path) -> str:
    tree = Frontier()
    for entry in read(run_dir / "ledger.jsonl"):
        tree.append(bytes.fromhex(entry.hash))
        if entry.type == "run.completed":
            break
    return tree.root().hex()


def test_the_record_s_root_is_that_of_the_entries_that_the_page_covers(finished: Path) -> None:
    end = next(entry for entry in read(finished / "ledger.jsonl") if entry.type == "run.completed")
    page = (finished / "report.html").read_text()
    assert root_at_the_end(finished) in page
    assert f"{end.index + 1} entries" in page


def test_writing_it_again_gives_the_same_bytes_though_the_ledger_has_grown(tmp_path: Path) -> None:
    run = SyntheticRun(tmp_path / "lab", programs=5, iterations=1)
    run.begin()
    run.iterate(1)
    run.finish()
    before = write_report(run.run_dir).read_bytes()
    run.event("report.written", {"sha256": "0" * 64, "bytes": len(before)})
    run.ledger.close()
    assert write_report(run.run_dir).read_bytes() == before


def test_only_the_report_is_written(copied: Path) -> None:
    def listing() -> dict[str, bytes]:
        return {
            str(path.relative_to(copied)): path.read_bytes()
            for path in copied.rglob("*")
            if path.is_file() and path.name != "report.html"
        }

    before = listing()
    write_report(copied)
    assert listing() == before


def test_a_killed_run_is_reported_as_far_as_it_went(tmp_path: Path) -> None:
    def write(run: SyntheticRun) -> None:
        run.begin()
        run.iterate(1)
        run.event("stage.started", {"iteration": 2, "stage": "generate", "total": 6})

    page = page_of(unfinished(tmp_path, write))
    assert "unfinished" in page
    assert "begun and not ended: generate of iteration 2" in page
    assert "sealed test split was not used" in page


def test_a_failed_run_says_what_failed(tmp_path: Path) -> None:
    def write(run: SyntheticRun) -> None:
        run.begin()
        run.event("run.failed", {"error": "SandboxError", "message": "engine <gone>"})

    page = page_of(unfinished(tmp_path, write))
    assert "SandboxError: engine &lt;gone&gt;" in page
    assert "No program was written." in page


def test_an_interrupted_run_says_so(tmp_path: Path) -> None:
    page = page_of(unfinished(tmp_path, lambda run: run.event("run.interrupted", {"signal": "SIGTERM"})))
    assert "stopped by SIGTERM" in page


def test_a_record_of_one_entry_still_gives_a_page(tmp_path: Path) -> None:
    assert set(SECTIONS) <= set(Elements(page_of(unfinished(tmp_path, lambda run: None))).ids)


def test_a_run_in_which_nothing_was_scored_still_gives_a_page(tmp_path: Path) -> None:
    def write(run: SyntheticRun) -> None:
        run.begin()
        program = run.blobs.put_bytes(b"x")
        run.container("x-001", program, oom=True)  # of a program that nobody recorded as generated
        data = {"program_sha256": program, "iteration": 1, "stage": "run", "reason": "$new_reason$", "detail": "?"}
        run.program(1, 3)
        run.event("candidate.rejected", data, "i1-003")

    page = page_of(unfinished(tmp_path, write))
    assert "$new reason$" in page


def test_a_torn_last_line_is_left_out_and_said(copied: Path) -> None:
    ledger = copied / "ledger.jsonl"
    lines = ledger.read_bytes().splitlines(keepends=True)
    ledger.write_bytes(b"".join(lines[:200]) + lines[200][:50])
    page = page_of(copied)
    assert "tail is cut (50 bytes without a signature)" in page
    assert "100 entries" in page


def test_a_damaged_ledger_gives_no_report_and_keeps_the_old_one(copied: Path) -> None:
    before = (copied / "report.html").read_bytes()
    ledger = copied / "ledger.jsonl"
    ledger.write_bytes(ledger.read_bytes().replace(b'"accuracy":"0.', b'"accuracy":"1.', 1))
    with pytest.raises(LedgerError, match=r"entry \d+: expected the root"):
        write_report(copied)
    assert (copied / "report.html").read_bytes() == before
    assert not list(copied.glob(".report-*"))


def test_a_source_that_is_gone_or_altered_is_not_shown(copied: Path) -> None:
    blobs = BlobStore(copied / "blobs")
    digests = re.findall(r'sha256 <code class="digest">([0-9a-f]{64})', (copied / "report.html").read_text())
    blobs.drop(digests[0])
    blobs.path(digests[1]).chmod(0o644)
    blobs.path(digests[1]).write_text("altered")
    page = page_of(copied)
    assert page.count("is not what its digest says") == 2
    assert "altered" not in page


def test_a_folder_that_is_no_run_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"ledger\.jsonl"):
        write_report(tmp_path)


def test_a_control_run_is_called_one(tmp_path: Path) -> None:
    run = SyntheticRun(tmp_path / "lab", programs=5, iterations=1, learn="none").write()
    assert "This is a control" in page_of(run.run_dir)


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished run's control."""
    folder = tmp_path_factory.mktemp("control")
    return SyntheticRun(folder / "control", programs=20, learn="none", chance=12).write().run_dir


def test_without_a_control_nothing_is_claimed_about_learning(copied: Path) -> None:
    page = page_of(copied)
    assert "Without a control nothing is claimed here about what it learned" in page
    assert "assay report RUN_DIR --beside CONTROL_RUN_DIR" in page
    assert 'id="beside"' not in page


def test_beside_a_control_both_records_are_named_and_compared(copied: Path, control: Path) -> None:
    page = write_report(copied, beside=control).read_text()
    assert root_at_the_end(control) in page
    assert {"beside", "figure-beside"} <= set(Elements(page).ids)
    assert "that of the control" in page
    assert "Without a control nothing is claimed" not in page


def test_beside_another_trained_run_there_is_still_no_control(copied: Path, tmp_path: Path) -> None:
    other = SyntheticRun(tmp_path / "other", programs=5, iterations=2, chance=13).write()
    page = write_report(copied, beside=other.run_dir).read_text()
    assert "Without a control nothing is claimed" in page
    assert "that of the other run" in page


def test_beside_a_run_that_was_killed_at_once_there_is_still_a_page(copied: Path, tmp_path: Path) -> None:
    page = write_report(copied, beside=unfinished(tmp_path / "killed", SyntheticRun.begin)).read_text()
    assert "One of the two runs scored no program." in page
    assert "learn = dpo, unfinished" in page


def test_runs_that_cannot_be_compared_give_a_usage_error_and_keep_the_report(copied: Path, tmp_path: Path) -> None:
    before = (copied / "report.html").read_bytes()
    other = unfinished(tmp_path / "empty", lambda run: None)
    with pytest.raises(UsageError, match=r"cannot stand beside .*names no models and items"):
        write_report(copied, beside=other)
    assert (copied / "report.html").read_bytes() == before


def test_damage_in_the_other_ledger_is_named_with_its_file(copied: Path, control: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(control, tmp_path / "damaged"))
    ledger = other / "ledger.jsonl"
    ledger.write_bytes(ledger.read_bytes().replace(b'"accuracy":"0.', b'"accuracy":"1.', 1))
    with pytest.raises(LedgerError, match=r"damaged/ledger\.jsonl: entry \d+"):
        write_report(copied, beside=other)


def browse(page: Path, profile: Path, *flags: str) -> tuple[str, list[str]]:
    """Open a page in headless Chromium; return its DOM and what it logged on its console."""
    assert CHROMIUM
    command = [
        CHROMIUM,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-sync",
        "--no-first-run",
        "--enable-logging=stderr",
        f"--user-data-dir={profile}",
        *flags,
        "--dump-dom",
        page.as_uri(),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (Debian: apt-get install chromium)")
def test_a_browser_shows_it_without_complaint(copied: Path, control: Path, tmp_path: Path) -> None:
    dom, console = browse(write_report(copied, beside=control), tmp_path / "profile")
    assert console == []
    elements = Elements(dom)
    assert {*SECTIONS, "beside"} <= set(elements.ids)
    assert "<title>lab: assay report</title>" in dom


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (Debian: apt-get install chromium)")
def test_the_browser_check_would_see_a_request(finished: Path, tmp_path: Path) -> None:
    page = (finished / "report.html").read_text()
    (tmp_path / "bad.html").write_text(page.replace("<main>", '<main><img src="http://127.0.0.1:9/x">'))
    _, console = browse(tmp_path / "bad.html", tmp_path / "profile")
    assert any("Content Security Policy" in line for line in console)
