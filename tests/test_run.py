"""The whole loop, small but real: real engine, real lab, real trainer, real ledger."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from orchestrator.attest.check import check as check_attestation
from orchestrator.blobs import BlobStore
from orchestrator.ledger import Entry, read, require_chain, sha256_of, verify
from orchestrator.stages.generate.prompts import LAB
from tests.commands import ROOT, Done, assay, assay_started
from tests.report_numbers import disagreements

pytestmark = [pytest.mark.docker, pytest.mark.lab, pytest.mark.timeout(600)]

SMALL = {
    "iterations = 3": "iterations = 2",
    "programs = 100": "programs = 24",
    "dev_items = 800": "dev_items = 200",
    "test_items = 1000": "test_items = 200",
    "pairs = 96": "pairs = 16",
    "epochs = 2": "epochs = 1",
    "[evaluate]\n": "[evaluate]\ngrid = [0.0, 0.3]\nfinalists = 2\n",
}


def small_config(folder: Path, **more: str) -> Path:
    """Return examples/lab.toml with smaller numbers."""
    text = (ROOT / "examples" / "lab.toml").read_text()
    for old, new in {**SMALL, **more}.items():
        assert old in text, f"examples/lab.toml has no {old!r}"
        text = text.replace(old, new)
    path = folder / "small.toml"
    path.write_text(text)
    return path


def containers() -> list[str]:
    """Ids of all containers that carry Assay's label and belong to no other live run of this machine."""
    output = subprocess.run(
        ["docker", "ps", "-aq", "--filter", "label=assay.run"], check=True, capture_output=True, text=True
    ).stdout
    return output.split()


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Done]:
    """One finished small run."""
    folder = tmp_path_factory.mktemp("run")
    done = assay("run", small_config(folder), cwd=folder)
    assert done.code == 0, done.err
    return folder / "runs" / "lab", done


@pytest.fixture(scope="module")
def entries(finished: tuple[Path, Done]) -> Sequence[Entry]:
    return tuple(read(finished[0] / "ledger.jsonl"))


def test_the_ledger_is_intact_and_closed(finished: tuple[Path, Done]) -> None:
    result = verify(finished[0] / "ledger.jsonl")
    assert result.intact
    assert result.closed


def test_the_report_s_numbers_are_the_ledger_s(finished: tuple[Path, Done]) -> None:
    assert disagreements(finished[0]) == []


def test_every_program_has_exactly_one_outcome(entries: Sequence[Entry]) -> None:
    generated = {entry.subject for entry in entries if entry.type == "candidate.generated"}
    outcomes = Counter(
        entry.subject
        for entry in entries
        if entry.type == "candidate.rejected" or (entry.type == "eval.completed" and entry.data["split"] == "dev")
    )
    assert len(generated) == 48
    assert outcomes == Counter(generated)


def test_every_scored_program_has_its_whole_chain(entries: Sequence[Entry]) -> None:
    scored = {entry.subject for entry in entries if entry.type == "eval.completed"}
    assert scored
    for program in scored:
        assert require_chain(list(entries), program)


def test_the_sandbox_is_proved_before_the_first_program_is_written(entries: Sequence[Entry]) -> None:
    kinds = [entry.type for entry in entries]
    assert kinds.count("sandbox.protections") == kinds.count("canaries.held") == 1
    assert kinds.index("sandbox.protections") < kinds.index("canaries.held") < kinds.index("candidate.generated")


def test_what_the_factory_was_asked_is_kept(finished: tuple[Path, Done], entries: Sequence[Entry]) -> None:
    asked = {entry.data["prompt_sha256"] for entry in entries if entry.type == "candidate.generated"}
    assert [BlobStore(finished[0] / "blobs").read(digest) for digest in asked] == [LAB.content]


def test_every_container_that_started_ended(entries: Sequence[Entry]) -> None:
    started = Counter(entry.data["container_id"] for entry in entries if entry.type == "sandbox.started")
    exited = Counter(entry.data["container_id"] for entry in entries if entry.type == "sandbox.exited")
    assert started
    assert set(started) <= set(exited)
    assert set(exited.values()) == {1}


def test_the_test_split_is_opened_once_and_last(entries: Sequence[Entry]) -> None:
    openings = [entry.index for entry in entries if entry.type == "split.opened"]
    dev = [entry.index for entry in entries if entry.type == "eval.completed" and entry.data["split"] == "dev"]
    test = [entry.index for entry in entries if entry.data.get("split") == "test" and entry.type != "split.opened"]
    assert len(openings) == 1
    assert max(dev) < openings[0] < min(test)


def test_the_second_iteration_samples_from_the_trained_factory(entries: Sequence[Entry]) -> None:
    trained = [entry.data["adapter_sha256"] for entry in entries if entry.type == "dpo.trained"]
    used = [entry.data["adapter_sha256"] for entry in entries if entry.type == "iteration.started"]
    assert len(trained) == 1
    assert used == ["", trained[0]]


def test_pairs_name_entries_of_their_own_programs(entries: Sequence[Entry]) -> None:
    pairs = [entry for entry in entries if entry.type == "dpo.pair_created"]
    assert pairs
    for pair in pairs:
        for side in ("chosen", "rejected"):
            assert {entries[index].subject for index in pair.data[f"{side}_entries"]} == {pair.data[side]}


def test_the_report_is_written_and_named(finished: tuple[Path, Done]) -> None:
    run_dir, done = finished
    assert done.out.strip().endswith("report.html")
    assert (run_dir / "report.html").stat().st_size > 10_000


def test_every_program_replays_identically(finished: tuple[Path, Done], tmp_path: Path) -> None:
    done = assay("replay", finished[0], "--programs", "all", "--json", tmp_path / "r.json", cwd=tmp_path)
    value = json.loads((tmp_path / "r.json").read_text())
    assert len(value["programs"]) == 48
    differ = {one["id"]: one["why"] for one in value["programs"] if one["class"] != "IDENTICAL"}
    differ = {name: why for name, why in differ.items() if "the moment's" not in why}  # a busy machine
    assert (differ, done.code in (0, 7)) == ({}, True), done.err


def test_every_scored_merge_is_attested_by_what_is_on_disk(finished: tuple[Path, Done], tmp_path: Path) -> None:
    run_dir, out = finished[0], tmp_path / "out"
    done = assay("ledger", "export", run_dir, "--format", "in-toto", "--out", out, cwd=tmp_path)
    assert done.code == 0, done.err
    kept = 0
    for path in out.glob("*.json"):
        subject = check_attestation(path.read_bytes()).statement["subject"][0]
        blob = run_dir / "blobs" / subject["digest"]["sha256"]
        if blob.exists():
            kept += 1
            assert blob.stat().st_size == subject["annotations"]["bytes"]
            assert sha256_of(blob.read_bytes()) == subject["digest"]["sha256"]
    assert kept


def test_nothing_is_left_behind(finished: tuple[Path, Done]) -> None:
    assert not list((finished[0] / "work").glob("*"))
    assert not containers()


def test_an_existing_run_is_not_started_over(finished: tuple[Path, Done]) -> None:
    folder = finished[0].parents[1]
    before = (finished[0] / "ledger.jsonl").read_bytes()
    done = assay("run", folder / "small.toml", cwd=folder)
    assert done.code == 2
    assert "earlier run" in done.err
    assert "--resume" in done.err
    assert (finished[0] / "ledger.jsonl").read_bytes() == before


def wait_for(run_dir: Path, event_type: str, process: subprocess.Popen[str], seconds: float = 180) -> None:
    """Wait until the ledger holds an event of a type."""
    ledger, deadline = run_dir / "ledger.jsonl", time.monotonic() + seconds
    while not (ledger.exists() and f'"type":"{event_type}"' in ledger.read_text()):
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline, f"no {event_type} within {seconds} s"
        time.sleep(0.05)


@pytest.mark.parametrize("event_type", ["baseline.completed", "sandbox.started"])
def test_ctrl_c_stops_cleanly(tmp_path: Path, event_type: str) -> None:
    process = assay_started("run", small_config(tmp_path), cwd=tmp_path)
    run_dir = tmp_path / "runs" / "lab"
    wait_for(run_dir, event_type, process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "interrupted by SIGINT" in err
    assert "assay run --resume runs/lab" in err
    assert "Traceback" not in err
    assert not containers()
    assert not list((run_dir / "work").glob("*"))
    assert [entry.type for entry in read(run_dir / "ledger.jsonl")][-2:] == ["run.interrupted", "log.closed"]


def test_a_killed_run_leaves_nothing_that_the_next_start_does_not_remove(tmp_path: Path) -> None:
    process = assay_started("run", small_config(tmp_path), cwd=tmp_path)
    wait_for(tmp_path / "runs" / "lab", "sandbox.started", process)
    process.kill()
    process.communicate()
    assert containers(), "the kill came too late to leave a container: nothing was tested"
    program = tmp_path / "p.py"
    program.write_text((ROOT / "examples" / "programs" / "half_mean.py").read_text())
    done = assay("exec", program, "--config", ROOT / "examples" / "exec.toml", cwd=tmp_path)
    assert done.code == 0, done.err
    assert not containers()
    assert not list((tmp_path / "runs" / "lab" / "work").glob("*"))
