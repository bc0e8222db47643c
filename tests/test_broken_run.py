"""What breaks under a whole run stops it with one message or is got over; nothing is lost, and it ends the same.

Real engines, a real disk that fills up, real processes. Each run is compared with one that nothing happened to.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from orchestrator.cache import cache_dir
from orchestrator.ledger import read
from orchestrator.state import fold
from tests.commands import Done, assay, environment
from tests.engine import PrivateEngine
from tests.lab_runs import cut_off, kinds_of, problems, started, wait_until
from tests.small_disk import small_disk

pytestmark = [
    pytest.mark.docker,
    pytest.mark.lab,
    pytest.mark.timeout(600),
    # docker-py leaves a socket to the garbage collector wherever it finds nobody listening.
    pytest.mark.filterwarnings("ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"),
]

PLATFORM = 3  # exit code
AWAY_SECONDS = 2.0
EVERYBODYS = cache_dir()


def second_score(kinds: list[str]) -> bool:
    return kinds.count("eval.completed") == 2


def resumed(run_dir: Path) -> Done:
    return assay("run", "--resume", run_dir, cwd=run_dir.parent)


def require_one_message(code: int | None, said: str, run_dir: Path) -> str:
    """Return what a run ended with: what happened and one remedy, which leads on."""
    assert code == PLATFORM, said
    assert "Traceback" not in said
    message = said[said.index("assay: ") :]
    assert message.count("\n  -> ") == 1
    assert message.count("go on with") == message.count(f"`assay run --resume {run_dir}`") == 1, message
    return message


# -- the engine ------------------------------------------------------------------------------------


@pytest.fixture
def engine(own_engine: PrivateEngine) -> PrivateEngine:
    """That engine, with the lab that is there already in its cache of its own."""
    cache_dir().mkdir(exist_ok=True)
    (cache_dir() / "lab").symlink_to(EVERYBODYS / "lab")
    return own_engine


def without_engine(config: Path, run_dir: Path, engine: PrivateEngine) -> subprocess.Popen[str]:
    """Start a run, and kill its engine when it has scored two programs."""
    process = started(config, run_dir)
    wait_until(process, run_dir, second_score)
    engine.signal(signal.SIGKILL)
    engine.wait()
    return process


def test_a_run_gets_over_an_engine_that_was_killed_and_comes_back(
    unkilled: Path, engine: PrivateEngine, tmp_path: Path
) -> None:
    run_dir = tmp_path / "run"
    process = without_engine(unkilled.parent / "smallest.toml", run_dir, engine)
    back = threading.Timer(AWAY_SECONDS, engine.start)
    back.start()
    said = process.communicate(timeout=300)[1]
    back.join()
    assert process.returncode == 0, said
    assert "sandbox.faulted" in kinds_of(run_dir)
    assert problems(run_dir, unkilled) == []
    assert engine.containers() == []


def test_a_run_whose_engine_stays_away_stops_and_goes_on_when_it_is_back(
    unkilled: Path, engine: PrivateEngine, tmp_path: Path
) -> None:
    run_dir = tmp_path / "run"
    process = without_engine(unkilled.parent / "smallest.toml", run_dir, engine)
    said = process.communicate(timeout=300)[1]
    require_one_message(process.returncode, said, run_dir)
    before = (run_dir / "ledger.jsonl").read_bytes()
    refused = resumed(run_dir)
    assert (refused.code, "Traceback" in refused.err) == (PLATFORM, False), refused.err
    assert engine.address in refused.err
    assert (run_dir / "ledger.jsonl").read_bytes() == before
    engine.start()
    done = resumed(run_dir)
    assert done.code == 0, done.err
    assert problems(run_dir, unkilled) == []
    assert engine.containers() == []


# -- the disk --------------------------------------------------------------------------------------


def test_a_run_whose_disk_fills_up_stops_and_goes_on_when_there_is_room(unkilled: Path, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        run_dir = disk.root / "run"
        process = started(unkilled.parent / "smallest.toml", run_dir)
        wait_until(process, run_dir, second_score)
        disk.fill()
        said = process.communicate(timeout=300)[1]
        require_one_message(process.returncode, said, run_dir)
        refused = resumed(run_dir)
        assert (refused.code, "MiB free" in refused.err) == (PLATFORM, True), refused.err
        disk.make_room()
        done = resumed(run_dir)
        assert done.code == 0, done.err
        assert problems(run_dir, unkilled) == []


def test_a_directory_that_may_only_be_read_stops_a_run_before_anything_is_started(
    unkilled: Path, tmp_path: Path
) -> None:
    config = unkilled.parent / "smallest.toml"
    with small_disk(tmp_path / "disk") as disk:
        run_dir = disk.root / "run"
        cut_off(config, run_dir, second_score, signal.SIGKILL)
        before = (run_dir / "ledger.jsonl").read_bytes()
        disk.remount("ro")
        for done in (resumed(run_dir), assay("run", config, "--run-dir", disk.root / "new", cwd=tmp_path)):
            assert done.code == PLATFORM, done.err
            assert "Read-only file system" in done.err
            assert ("Traceback" in done.err, done.err.count("->")) == (False, 1)
        disk.remount("rw")
        assert (run_dir / "ledger.jsonl").read_bytes() == before
        done = resumed(run_dir)
        assert done.code == 0, done.err
        assert problems(run_dir, unkilled) == []


# -- two at once, and the clock ----------------------------------------------------------------------


def test_of_two_processes_that_go_on_at_once_one_does_whatever_their_clocks_say(unkilled: Path, tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    cut_off(unkilled.parent / "smallest.toml", run_dir, second_score, signal.SIGKILL)
    both = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.clock_set_back", "run", "--resume", str(run_dir)],
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    said = {process.returncode: err for process, err in [(one, one.communicate(timeout=300)[1]) for one in both]}
    assert sorted(said) == [0, PLATFORM], said
    assert "another process is writing it: number" in said[PLATFORM]
    entries = tuple(read(run_dir / "ledger.jsonl"))
    assert entries[-1].time < entries[0].time
    assert fold(entries).resumptions == 1
    assert problems(run_dir, unkilled) == []
