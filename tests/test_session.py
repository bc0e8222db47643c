"""What a session refuses before anything starts."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from safetensors import SafetensorError

from orchestrator import session
from orchestrator.blobs import BlobStore
from orchestrator.config import RunConfig, parse_config
from orchestrator.errors import AssayError, Interrupted, LedgerError, PreflightError, SandboxError, StorageError
from orchestrator.ledger import Ledger, read
from orchestrator.models import MergeInputs
from orchestrator.record import Recorder
from orchestrator.sandbox.facts import EngineFacts
from policies.profiles import read as read_profile
from sandbox_image.source import source_digest
from tests.commands import ROOT

GOOD = EngineFacts(reachable=True, image_id="sha256:1", image_source=source_digest(ROOT))


def config(**changes: Any) -> RunConfig:
    base = {"name": "x", "models": {"seed": "a", "candidates": {"b": "c"}}}
    return parse_config({**base, **changes}, source="test")


def test_a_machine_in_order_is_accepted() -> None:
    session.require_machine(GOOD, config())


@pytest.mark.parametrize(
    ("facts", "changes", "named"),
    [
        (EngineFacts(reachable=False, error="no engine"), {}, "no engine"),
        (dataclasses.replace(GOOD, image_id=""), {}, "make image"),
        (dataclasses.replace(GOOD, image_source="old"), {}, "make image"),
        (GOOD, {"image": {"digest": "sha256:2"}}, "expected sha256:2, found sha256:1"),
        (GOOD, {"device": "cuda"}, "nvidia"),
    ],
)
def test_what_is_not_as_asked_is_named(facts: EngineFacts, changes: dict[str, Any], named: str) -> None:
    with pytest.raises(PreflightError) as caught:
        session.require_machine(facts, config(**changes))
    assert named in str(caught.value)


def test_a_disk_too_small_is_named_with_both_sizes(tmp_path: Path, tiny_inputs: MergeInputs) -> None:
    spec = dataclasses.replace(tiny_inputs.tensors[0], nbytes=2**60)
    with pytest.raises(PreflightError, match=r"expected \d+ MiB free .* found \d+ MiB"):
        session.require_disk(tmp_path / "run", dataclasses.replace(tiny_inputs, tensors=(spec,)), config())


def test_the_next_free_directory_is_found(tmp_path: Path) -> None:
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab-2").mkdir()
    assert session.free_run_dir(tmp_path / "lab").name == "lab-3"


@pytest.mark.parametrize(
    "error",
    [OSError(errno.ENOSPC, "No space left on device", "blob"), SafetensorError("I/O error: No space left on device")],
)
def test_a_full_disk_is_one_message_and_is_recorded(tmp_path: Path, error: Exception) -> None:
    blobs = BlobStore(tmp_path / "blobs")
    with (
        Ledger.create(tmp_path / "ledger.jsonl", source="assay/test", config_sha256="0" * 64) as ledger,
        pytest.raises(StorageError, match="No space left"),
        session._recorded_end(Recorder(ledger, blobs)),
    ):
        raise error
    kinds = [entry.type for entry in read(tmp_path / "ledger.jsonl")]
    assert kinds == ["log.opened", "run.failed", "log.closed"]


@pytest.mark.parametrize(
    ("error", "caught_as"),
    [
        (KeyboardInterrupt("SIGINT"), Interrupted),
        (SandboxError("the engine went away", remedy="start it"), SandboxError),
        (OSError(errno.EROFS, "Read-only file system", "blob"), StorageError),
    ],
)
def test_whatever_cuts_a_run_off_its_message_says_how_to_go_on(
    tmp_path: Path, error: BaseException, caught_as: type[AssayError]
) -> None:
    blobs = BlobStore(tmp_path / "blobs")
    with (
        Ledger.create(tmp_path / "ledger.jsonl", source="assay/test", config_sha256="0" * 64) as ledger,
        pytest.raises(caught_as, match=r"go on with `assay run --resume x`"),
        session._recorded_end(Recorder(ledger, blobs), "go on with `assay run --resume x`"),
    ):
        raise error


WIDENED = read_profile('name = "x"\nunsafe_why = "y"\n[unsafe_allow]\ntorch = "empty"\n')


def test_a_ledger_that_cannot_be_written_is_one_message_with_one_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(fd: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    ledger = Ledger.create(tmp_path / "ledger.jsonl", source="assay/test", config_sha256="0" * 64)
    recorder = Recorder(ledger, BlobStore(tmp_path / "blobs"))
    monkeypatch.setattr(os, "fdatasync", full)
    with (
        ledger,
        pytest.raises(LedgerError) as caught,
        session._recorded_end(recorder, "go on with `assay run --resume x`"),
    ):
        recorder.stage_started("run", 1, 1)
    assert str(caught.value) == (
        f"{tmp_path}/ledger.jsonl: cannot be written: No space left on device\n"
        "  -> free disk space or mend the disk; then go on with `assay run --resume x`"
    )


def test_what_a_configuration_gives_up_is_in_every_event(tmp_path: Path) -> None:
    given_up = session.weakened(config(sandbox="bubblewrap", policy=WIDENED))
    assert given_up == ("sandbox=bubblewrap", "policy allows torch.empty")
    with Ledger.create(tmp_path / "l", source="assay/test", config_sha256="", weakened=given_up):
        pass
    events = [line for line in (tmp_path / "l").read_text().splitlines() if not line.startswith('{"$commit"')]
    hosts = [json.loads(line)["host"] for line in events]
    assert len(hosts) == 2
    assert all(host["weakened"] == sorted(given_up) for host in hosts)


def test_a_run_that_gives_up_nothing_says_nothing_of_it(tmp_path: Path) -> None:
    assert session.weakened(config()) == session.weakened(config(policy="paper")) == ()
    with Ledger.create(tmp_path / "l", source="assay/test", config_sha256=""):
        pass
    assert "weakened" not in (tmp_path / "l").read_text()


def test_a_profile_that_allows_what_torch_does_not_have_refuses_the_start() -> None:
    wrong = read_profile('name = "x"\nunsafe_why = "y"\n[unsafe_allow]\ntorch = "no_such_function"\n')
    with pytest.raises(PreflightError, match="no_such_function"):
        session.require_policy(config(policy=wrong))
    session.require_policy(config(policy=WIDENED))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_stopped_service_and_a_lost_terminal_end_a_session_as_an_interrupt_does(number: signal.Signals) -> None:
    with pytest.raises(KeyboardInterrupt, match=number.name), session.terminable():
        os.kill(os.getpid(), number)


def test_a_hangup_that_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with session.terminable():
            os.kill(os.getpid(), signal.SIGHUP)
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
