"""A run's directory is new, begun, or refused, whenever the process that claims it is killed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.claim import begin, begun, claim, go_on, save_config
from orchestrator.config import parse_config
from orchestrator.errors import LedgerError, StorageError, UsageError
from orchestrator.ledger import read
from orchestrator.resume import plan_new, plan_resumed
from tests.begun_run import CONFIG_SHA256, REFUSED, config
from tests.commands import ROOT
from tests.ledger.test_faults import STRACE, works

TORN = b'{"actor":{"id":"uid:0"'
FAULTS = {"kill": "signal=KILL", "EIO": "error=EIO", "ENOSPC": "error=ENOSPC"}
CALLS = ("mkdir", "openat", "write", "fsync", "fdatasync", "rename", "flock", "ftruncate", "getdents64", "newfstatat")
FULL = ("mkdir", "openat", "write")  # what a full disk refuses
CASES = [
    *(("kill", call, left) for call in CALLS for left in (None, TORN) if left or call != "ftruncate"),
    *(("EIO", call, None if call == "mkdir" else TORN) for call in CALLS[:-2]),
    *(("ENOSPC", call, None if call == "mkdir" else TORN) for call in FULL),
]
MOST = 60  # injections of one kind; fewer are enough to come to the first entry


def begin_here(run_dir: Path) -> None:
    begin(config(), run_dir, config_sha256=CONFIG_SHA256, weakened=())._release()


def torn(run_dir: Path) -> Path:
    """Leave a directory as a run does that was killed inside the write of its first entry."""
    claim(run_dir)
    save_config(config(), run_dir)
    (run_dir / "ledger.jsonl").write_bytes(TORN)
    return run_dir


# -- killed at any moment --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tracing() -> str:
    if not works():
        pytest.skip("strace is not installed or may not trace (Debian: apt-get install strace)")
    assert STRACE
    return STRACE


def begin_with(tracing: str, run_dir: Path, call: str, what: str) -> int:
    """Begin a run in a process of its own, with a fault at one of its calls on files of the run directory."""
    names = ("", "work", "config.json", ".config.json.part", "ledger.jsonl", *torn_names())
    command = [tracing, "-f", "-qq", "-o", os.devnull, "-e", f"trace={call}", "-e", f"inject={call}:{what}"]
    for name in names:
        command += ["-P", str(run_dir / name)]
    done = subprocess.run(
        [*command, sys.executable, "-m", "tests.begun_run", str(run_dir)], cwd=ROOT, capture_output=True, check=False
    )
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    return done.returncode


def torn_names() -> tuple[str, ...]:
    import hashlib

    name = f"ledger.jsonl.torn-{hashlib.sha256(TORN).hexdigest()[:16]}"
    return name, f"{name}.part"


@pytest.mark.parametrize(("fault", "call", "left"), CASES)
def test_a_run_can_be_begun_or_gone_on_with_after_a_fault_at_any_call(
    tracing: str, tmp_path: Path, fault: str, call: str, left: bytes | None
) -> None:
    for number in range(1, MOST):
        run_dir = tmp_path / str(number)
        if left is not None:
            torn(run_dir)
        code = begin_with(tracing, run_dir, call, f"{FAULTS[fault]}:when={number}")
        require_a_way_on(run_dir)
        if code == 0:
            assert number > 1, f"expected the start to call {call}, and the fault to be seen"
            break
        assert code in (REFUSED, -9, 137)
    else:
        pytest.fail(f"expected the run to have begun after fewer than {MOST} injections")


def require_a_way_on(run_dir: Path) -> None:
    """Begin it, or go on as a plain run says; there has to be a whole record then, and torn bytes beside it."""
    if begun(run_dir):
        with pytest.raises(UsageError, match=re.escape(f"`{go_on(run_dir)}`")):
            plan_new(config(), run_dir)
        assert json.loads((run_dir / "config.json").read_text()) == config().model_dump(mode="json")
    else:
        assert not plan_new(config(), run_dir).resumes
        begin_here(run_dir)
    entries = list(read(run_dir / "ledger.jsonl"))
    assert entries[0].data["config_sha256"] == CONFIG_SHA256
    files = [path for path in run_dir.glob("*.torn-*") if not path.name.endswith(".part")]
    assert all(path.read_bytes() == TORN or path.read_bytes().startswith(b'{"actor"') for path in files)


# -- what is there ---------------------------------------------------------------------------------


def test_what_was_torn_is_kept_beside_and_named(tmp_path: Path) -> None:
    begin_here(torn(tmp_path / "run"))
    opened, recovered = read(tmp_path / "run" / "ledger.jsonl")
    assert (opened.type, recovered.type) == ("log.opened", "log.recovered")
    assert (tmp_path / "run" / recovered.data["kept"]).read_bytes() == TORN


@pytest.mark.parametrize("content", [b"", TORN, TORN[:3]])
def test_a_first_entry_that_is_not_whole_is_none(tmp_path: Path, content: bytes) -> None:
    claim(tmp_path)
    (tmp_path / "ledger.jsonl").write_bytes(content)
    assert not begun(tmp_path)
    begin_here(tmp_path)
    assert begun(tmp_path)


@pytest.mark.parametrize("name", ["blobs", "log.jsonl", "report.html"])
def test_a_record_that_lost_its_first_entry_is_not_begun_again(tmp_path: Path, name: str) -> None:
    run_dir = torn(tmp_path / "run")
    (run_dir / name).write_text("")
    for attempt in (lambda: plan_new(config(), run_dir), lambda: plan_resumed(run_dir, None), lambda: claim(run_dir)):
        with pytest.raises(LedgerError, match=f"since {name} was made after it"):
            attempt()
    assert (run_dir / "ledger.jsonl").read_bytes() == TORN


@pytest.mark.parametrize(
    "content",
    [
        b"mine\n",
        b'{"actor":{}}\n{"actor":{}}\n',
        b'{"actor":"' + b"x" * 2**15,
        b'{"actor":0,"format":"assay-ledger/1"}\n{"$commit":{}}\n',
    ],
)
def test_another_file_of_that_name_is_not_taken_for_the_beginning_of_a_record(tmp_path: Path, content: bytes) -> None:
    claim(tmp_path)
    (tmp_path / "ledger.jsonl").write_bytes(content)
    with pytest.raises(UsageError, match="not started over"):
        begin_here(tmp_path)
    assert (tmp_path / "ledger.jsonl").read_bytes() == content


def test_an_existing_run_says_how_to_go_on_with_it(tmp_path: Path) -> None:
    run_dir = tmp_path / "my run"
    begin_here(run_dir)
    with pytest.raises(UsageError, match="an earlier run") as caught:
        claim(run_dir)
    assert f"`assay run --resume '{run_dir}'`" in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_directory_with_anything_in_it_is_not_claimed(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(UsageError, match="new or empty"):
        claim(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]


def test_another_config_json_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(UsageError, match="new or empty"):
        begin_here(tmp_path)


def test_a_directory_that_cannot_be_made_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises((StorageError, UsageError), match="file"):
        claim(tmp_path / "file" / "run")


def test_a_run_that_is_at_work_is_named_by_its_process(tmp_path: Path) -> None:
    ledger = begin(config(), tmp_path / "run", config_sha256=CONFIG_SHA256, weakened=())
    for attempt in (lambda: plan_new(config(), tmp_path / "run"), lambda: plan_resumed(tmp_path / "run", None)):
        with pytest.raises(LedgerError, match=f"another process is writing it: number {os.getpid()}") as caught:
            attempt()
        assert f"`kill {os.getpid()}`" in caught.value.remedy
    ledger.close()


def test_config_json_appears_whole(tmp_path: Path) -> None:
    save_config(config(), tmp_path)
    assert parse_config(json.loads((tmp_path / "config.json").read_text()), source="file") == config()
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]


# -- what a run that was cut off before its first entry is told ---------------------------------------


@pytest.mark.parametrize("left", [b"", TORN, None])
def test_its_directory_begins_it_from_config_json(tmp_path: Path, left: bytes | None) -> None:
    claim(tmp_path)
    save_config(config("cut-off"), tmp_path)
    if left is not None:
        (tmp_path / "ledger.jsonl").write_bytes(left)
    plan = plan_resumed(tmp_path, None)
    assert (plan.resumes, plan.config, plan.run_dir) == (False, config("cut-off"), tmp_path)


def test_without_config_json_the_one_command_is_told(tmp_path: Path) -> None:
    claim(tmp_path / "run")
    with pytest.raises(UsageError, match="nothing on record") as caught:
        plan_resumed(tmp_path / "run", None)
    assert f"`assay run CONFIG --run-dir {tmp_path}/run`" in caught.value.remedy
