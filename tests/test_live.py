"""The live view and the plain log: what they say, how often, and that hostile text stays harmless."""

from __future__ import annotations

import io
import json
import threading
from pathlib import Path

import pytest
from rich.console import Console

from orchestrator.live import LiveView, PlainLog, Tally, choose
from orchestrator.logs import log_to, logger

HOSTILE = "fine\x1b[2J\x9b31m\u202eevil\r\nnext\u2028line [bold]markup[/bold]"


class Ticking:
    """A clock that a test moves by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def plain(clock: Ticking) -> tuple[PlainLog, io.StringIO]:
    out = io.StringIO()
    return PlainLog(Console(file=out, width=200), clock=clock), out


def live(clock: Ticking) -> tuple[LiveView, io.StringIO]:
    out = io.StringIO()
    return LiveView(Console(file=out, force_terminal=True, width=100, height=40), clock=clock), out


def shown(view: LiveView) -> str:
    console = Console(file=io.StringIO(), width=100)
    console.print(view.render())
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert isinstance(text, str)
    return text


def test_a_pipe_gets_plain_lines_and_a_terminal_the_live_view() -> None:
    assert isinstance(choose(Console(file=io.StringIO())), PlainLog)
    assert isinstance(choose(Console(file=io.StringIO(), force_terminal=True)), LiveView)


def test_a_dumb_terminal_gets_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(choose(Console(file=io.StringIO(), force_terminal=True)), PlainLog)


def test_plain_progress_is_said_at_most_every_five_seconds() -> None:
    clock = Ticking()
    log, out = plain(clock)
    log.stage_started("run", 1, 1000)
    for _ in range(999):
        clock.seconds += 0.1
        log.advanced("run", "passed")
    progress = [line for line in out.getvalue().splitlines() if "/1000," in line]
    assert 15 <= len(progress) <= 20


def test_plain_log_sums_up_a_stage_when_the_next_begins() -> None:
    clock = Ticking()
    log, out = plain(clock)
    log.run_started("demo", 3)
    log.stage_started("check", 1, 3)
    for outcome in ("passed", "policy", "policy"):
        log.advanced("check", outcome)
    clock.seconds = 2
    log.stage_started("screen", 1, 1)
    assert "iteration 1/3 check: done after 2.0 s: 2 policy, 1 passed" in out.getvalue()


def test_plain_log_sums_up_stages_that_overlap() -> None:
    log, out = plain(Ticking())
    log.stage_started("run", 1, 2)
    for stage, outcome in (("run", "passed"), ("verify", "output_norm"), ("run", "timeout")):
        log.advanced(stage, outcome)
    log.finished()
    assert "run: done after 0.0 s: 1 passed, 1 timeout; verify: 1 output_norm" in out.getvalue()


def test_a_stage_that_an_error_cut_off_is_not_called_done() -> None:
    log, out = plain(Ticking())
    with log:
        log.stage_started("run", 1, 2)
        log.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert "run: stopped after" in out.getvalue()
    assert "done" not in out.getvalue()


def test_best_is_said_only_when_it_rises() -> None:
    log, out = plain(Ticking())
    for score in (0.5, 0.4, 0.5, 0.6):
        log.best(score)
    assert out.getvalue().count("best score") == 2


def test_no_control_character_reaches_a_plain_log() -> None:
    log, out = plain(Ticking())
    log.run_started(HOSTILE, 1)
    log.stage_started(HOSTILE, 1, 2)
    log.advanced(HOSTILE, HOSTILE)
    log.baseline(HOSTILE, 0.5)
    log.note(HOSTILE)
    log.finished(HOSTILE)
    text = out.getvalue().replace("\n", "")
    assert text.isprintable()
    assert "[bold]markup[/bold]" in text


def test_no_control_character_reaches_the_live_view() -> None:
    view, _ = live(Ticking())
    view.run_started(HOSTILE, 1)
    view.stage_started(HOSTILE, 1, 2)
    view.advanced(HOSTILE, HOSTILE)
    view.baseline(HOSTILE, 0.5)
    view.note(HOSTILE)
    assert shown(view).replace("\n", "").isprintable()


def test_live_view_shows_iteration_counts_rate_time_left_and_best() -> None:
    clock = Ticking()
    view, _ = live(clock)
    view.run_started("demo", 3)
    view.baseline("seed", 0.5)
    view.baseline("task_arithmetic", 0.75)
    view.stage_started("run", 2, 40)
    for outcome in ["passed"] * 8 + ["timeout"] * 2:
        view.advanced("run", outcome)
    view.best(0.8)
    clock.seconds = 5
    text = shown(view)
    for part in ("iteration 2 of 3", "10/40", "2.0/s", "about 15 s left", "2 timeout", "80.00%", "+5.00 points"):
        assert part in text, text


def test_time_left_of_the_run_comes_from_finished_iterations() -> None:
    clock = Ticking()
    tally = Tally(clock=clock, iterations=3)
    tally.start_stage("generate", 1, 10)
    assert tally.run_left() is None
    clock.seconds = 60
    tally.start_stage("generate", 2, 10)
    clock.seconds = 90
    assert tally.run_left() == 30 + 60


def test_the_live_view_survives_many_threads() -> None:
    view, out = live(Ticking())
    with view:
        view.stage_started("run", 1, 800)

        def work(name: str) -> None:
            for index in range(100):
                view.advanced("run", f"{name}-{index}")

        threads = [threading.Thread(target=work, args=(str(number),)) for number in range(8)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            view.render()
        assert "800/800" in shown(view)
    assert out.getvalue()


def test_the_log_file_holds_one_json_object_per_line(tmp_path: Path) -> None:
    with log_to(tmp_path / "log.jsonl"):
        log, _ = plain(Ticking())
        log.note(HOSTILE)
        logger().warning("second", count=2)
    first, second = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert first["event"].isprintable()
    assert (second["event"], second["count"], second["level"]) == ("second", 2, "warning")


def test_logging_outside_a_run_goes_nowhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with log_to(tmp_path / "log.jsonl"):
        pass
    logger().error("nobody hears")
    assert (tmp_path / "log.jsonl").read_text() == ""
    assert capsys.readouterr() == ("", "")
