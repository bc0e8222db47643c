"""Replays by the real machinery of records that it made, and of records that somebody has changed since."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from orchestrator.blobs import BlobStore
from orchestrator.bundle import opened, write_bundle
from orchestrator.config import RunConfig, parse_config
from orchestrator.errors import UsageError
from orchestrator.ledger import FILE_NAME, canonical
from orchestrator.models import MergeInputs
from orchestrator.replay.again import replay
from orchestrator.replay.classes import EXIT_CODES, ReplayClass
from orchestrator.replay.preparing import Request
from orchestrator.replay.results import ReplayResult
from orchestrator.sandbox import engine_container
from orchestrator.session import determinism_profile
from tests.commands import assay, assay_started
from tests.replay.recorded import MEAN, RAISES, RANDOM, REFUSED, change, copied, data_of, record, rewritten

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def made(tiny_config: RunConfig, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A record, and the models that it made."""
    folder = tmp_path_factory.mktemp("recorded")
    return record(tiny_config, folder / "run", out=folder / "models"), folder / "models"


@pytest.fixture(scope="module")
def run_dir(made: tuple[Path, Path]) -> Path:
    return made[0]


@pytest.fixture
def raw(made: tuple[Path, Path], tiny_inputs: MergeInputs) -> dict[str, bytes]:
    """The bytes of each merged tensor of the first program, in the output's order."""
    state = load_file(made[1] / "mean" / "model.safetensors")
    tensors = {spec.name: state[spec.name] for spec in tiny_inputs.tensors}
    return {name: tensor.contiguous().view(torch.uint8).numpy().tobytes() for name, tensor in tensors.items()}


def containers() -> list[str]:
    """Ids of all containers that a replay of the tests' run left behind."""
    command = ["docker", "ps", "-aq", "--filter", "label=assay.run=replay-test"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


def again(run_dir: Path, *programs: str, **more: Any) -> ReplayResult:
    request = Request(run_dir=run_dir, source=str(run_dir), programs=programs or ("all",), **more)
    return replay(request, told=lambda _: None)


def classes(result: ReplayResult) -> dict[str, str]:
    return {program.id: program.result.value for program in result.programs}


def ran(result: ReplayResult) -> list[str]:
    return [program.id for program in result.programs if program.found]


def test_what_was_recorded_here_replays_identically_whatever_became_of_it(run_dir: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in run_dir.rglob("*")}
    result = again(run_dir)
    assert classes(result) == dict.fromkeys((MEAN, RANDOM, REFUSED, RAISES), "IDENTICAL")
    assert result.exit_code == 0
    assert {path: path.stat().st_mtime_ns for path in run_dir.rglob("*")} == before, (
        "the run's directory was written to"
    )
    assert not containers()


@pytest.mark.parametrize(("cpus", "cpuset", "threads"), [("2", "0-1", "2"), ("0.5", "1", "1")])
def test_other_cores_and_threads_give_the_same_bits(
    run_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cpus: str, cpuset: str, threads: str
) -> None:
    config = dict(data_of(run_dir, "run.started")["config"])
    config["container"] = {**config["container"], "cpus": cpus}
    other = rewritten(run_dir, tmp_path / "run", change("run.started", config=config))
    asked, placed = engine_container.container_request, []

    def elsewhere(*arguments: Any) -> dict[str, Any]:
        body = asked(*arguments)
        body["HostConfig"]["CpusetCpus"] = cpuset
        body["Env"] = [
            f"{name}={threads}" if (name := one.partition("=")[0]).endswith("_NUM_THREADS") else one
            for one in body["Env"]
        ]
        placed.append(body)
        return body

    monkeypatch.setattr(engine_container, "container_request", elsewhere)
    result = again(other, "verified")
    assert classes(result) == {MEAN: "IDENTICAL", RANDOM: "IDENTICAL"}
    assert placed, "the containers were not made by what the test changed"


def test_a_damaged_ledger_is_invalid_and_nothing_runs(run_dir: Path, tmp_path: Path) -> None:
    other = copied(run_dir, tmp_path / "run")
    data = bytearray((other / FILE_NAME).read_bytes())
    data[len(data) // 2] ^= 4
    (other / FILE_NAME).write_bytes(data)
    result = again(other)
    assert (result.result, result.exit_code, ran(result)) == (ReplayClass.LOG_INVALID, 4, [])


def test_an_altered_source_is_an_invalid_record_and_nothing_runs(run_dir: Path, tmp_path: Path) -> None:
    other = copied(run_dir, tmp_path / "run")
    path = BlobStore(other / "blobs").path(data_of(run_dir, "candidate.generated", MEAN)["program_sha256"])
    path.chmod(0o644)
    path.write_bytes(path.read_bytes() + b"# changed\n")
    result = again(other)
    assert classes(result)[MEAN] == "LOG_INVALID"
    assert (result.exit_code, ran(result)) == (4, [])


def test_a_lost_source_leaves_the_others(run_dir: Path, tmp_path: Path) -> None:
    other = copied(run_dir, tmp_path / "run")
    BlobStore(other / "blobs").drop(data_of(run_dir, "candidate.generated", MEAN)["program_sha256"])
    result = again(other, "verified")
    assert classes(result) == {MEAN: "INPUT_UNAVAILABLE", RANDOM: "IDENTICAL"}
    assert result.exit_code == EXIT_CODES[ReplayClass.INPUT_UNAVAILABLE]


def test_a_model_that_changed_since_is_named_and_nothing_runs(run_dir: Path, tiny_models: dict[str, Path]) -> None:
    result = again(run_dir, models={"add": tiny_models["sub"]})
    assert set(classes(result).values()) == {"INPUT_UNAVAILABLE"}
    assert "model add" in result.why
    assert ran(result) == []


def test_a_model_that_is_gone_is_named(run_dir: Path, tmp_path: Path) -> None:
    result = again(run_dir, MEAN, models={"seed": tmp_path})
    assert classes(result) == {MEAN: "INPUT_UNAVAILABLE"}
    assert "--model NAME=DIR" in result.why


def test_an_image_that_is_gone_is_a_mismatch_with_a_remedy(run_dir: Path, tmp_path: Path) -> None:
    sandbox = {**data_of(run_dir, "run.started")["sandbox"], "image_id": "sha256:" + "0" * 64}
    other = rewritten(run_dir, tmp_path / "run", change("run.started", sandbox=sandbox))
    result = again(other)
    assert set(classes(result).values()) == {"ENV_MISMATCH"}
    assert "--image" in result.why
    assert (result.exit_code, ran(result)) == (5, [])


def test_another_image_may_be_compared_with(run_dir: Path, tmp_path: Path, tiny_config: RunConfig) -> None:
    sandbox = {**data_of(run_dir, "run.started")["sandbox"], "image_id": "sha256:" + "0" * 64}
    other = rewritten(run_dir, tmp_path / "run", change("run.started", sandbox=sandbox))
    result = again(other, "verified", image=tiny_config.image.name)
    assert classes(result) == {MEAN: "IDENTICAL", RANDOM: "IDENTICAL"}
    assert result.environment["differs"] == ["image"]


def test_a_record_from_before_models_were_recorded_says_what_is_missing(run_dir: Path, tmp_path: Path) -> None:
    other = rewritten(run_dir, tmp_path / "run", lambda draft: None if draft[0] == "inputs.resolved" else draft)
    result = again(other, MEAN)
    assert classes(result) == {MEAN: "INPUT_UNAVAILABLE"}
    assert "inputs.resolved" in result.why


def test_an_output_digest_that_is_not_its_tensors_contradicts_the_record(run_dir: Path, tmp_path: Path) -> None:
    other = rewritten(run_dir, tmp_path / "run", change("outputs.verified", MEAN, output_sha256="1" * 64))
    result = again(other, MEAN)
    assert classes(result) == {MEAN: "DIVERGED"}
    assert "contradicts itself" in result.programs[0].why
    assert result.exit_code == 1


def forged(run_dir: Path, target: Path, raw: dict[str, bytes], *, keep: bool, spoil: Callable[[bytes], bytes]) -> Path:
    """Return a record in which the last tensor of the first program is another, and agrees with itself."""
    tensors = {**raw}
    last = list(tensors)[-1]
    tensors[last] = spoil(tensors[last])
    output = b"".join(tensors.values())
    pairs = canonical([[name, hashlib.sha256(data).hexdigest()] for name, data in tensors.items()])
    digests = {"output_sha256": hashlib.sha256(output).hexdigest(), "tensors_sha256": hashlib.sha256(pairs).hexdigest()}
    other = rewritten(run_dir, target, change("outputs.verified", MEAN, **digests))
    blobs = BlobStore(other / "blobs")
    blobs.put_bytes(pairs)
    if keep:
        blobs.put_bytes(output)
    return other


def one_step(data: bytes) -> bytes:
    """Change the lowest bit of the first element."""
    return bytes([data[0] ^ 1]) + data[1:]


def one_sign(data: bytes) -> bytes:
    """Change the sign of the first element (float32)."""
    return data[:3] + bytes([data[3] ^ 0x80]) + data[4:]


def test_the_test_knows_the_recorded_bytes(run_dir: Path, raw: dict[str, bytes]) -> None:
    assert hashlib.sha256(b"".join(raw.values())).hexdigest() == data_of(run_dir, "outputs.verified")["output_sha256"]


def test_a_forged_digest_diverges_and_names_tensor_bits_and_operations(
    run_dir: Path, tmp_path: Path, raw: dict[str, bytes]
) -> None:
    result = again(forged(run_dir, tmp_path / "run", raw, keep=True, spoil=one_step), MEAN)
    program = result.programs[0]
    assert (program.result, result.exit_code) == (ReplayClass.DIVERGED, 1)
    assert program.divergence
    assert program.divergence.first == list(raw)[-1]
    greatest = program.divergence.greatest
    assert greatest
    assert (greatest.tensor, greatest.element, greatest.ulp, program.divergence.elements) == (list(raw)[-1], 0, 1, 1)
    assert int(greatest.bits[0], 16) ^ int(greatest.bits[1], 16) == 1
    assert greatest.bits[1] == raw[list(raw)[-1]][:4][::-1].hex()


def test_without_the_recorded_weights_it_says_that_only_digests_differ(
    run_dir: Path, tmp_path: Path, raw: dict[str, bytes]
) -> None:
    result = again(forged(run_dir, tmp_path / "run", raw, keep=False, spoil=one_step), MEAN)
    assert classes(result) == {MEAN: "DIVERGED"}
    assert result.programs[0].divergence
    assert result.programs[0].divergence.digests_only


def test_the_operations_of_a_diverged_program_are_named(run_dir: Path, tmp_path: Path) -> None:
    pairs = canonical([["a", "0" * 64]])
    digest = hashlib.sha256(pairs).hexdigest()
    other = rewritten(run_dir, tmp_path / "run", change("outputs.verified", RANDOM, tensors_sha256=digest))
    BlobStore(other / "blobs").put_bytes(pairs)
    result = again(other, RANDOM)
    assert classes(result) == {RANDOM: "DIVERGED"}
    assert {"torch.bernoulli", "torch.full_like"} <= set(result.programs[0].operations)


@pytest.mark.parametrize(
    ("keep", "spoil", "expected"),
    [(True, one_step, "WITHIN_TOLERANCE"), (True, one_sign, "DIVERGED"), (False, one_step, "INCONCLUSIVE")],
)
def test_another_processor_is_allowed_what_the_record_declares(
    run_dir: Path, tmp_path: Path, raw: dict[str, bytes], keep: bool, spoil: Callable[[bytes], bytes], expected: str
) -> None:
    other = forged(run_dir, tmp_path / "run", raw, keep=keep, spoil=spoil)
    profile = {**determinism_profile(), "cpu": "another processor (AVX2)"}
    result = again(other, MEAN, profile=profile)
    assert classes(result) == {MEAN: expected}
    assert result.environment["differs"] == ["cpu"]


def test_kept_weights_that_were_altered_are_an_invalid_record(
    run_dir: Path, tmp_path: Path, raw: dict[str, bytes]
) -> None:
    other = copied(run_dir, tmp_path / "run")
    path = BlobStore(other / "blobs").path(BlobStore(other / "blobs").put_bytes(b"".join(raw.values())))
    path.chmod(0o644)
    path.write_bytes(one_step(path.read_bytes()))
    result = again(other)
    assert classes(result)[MEAN] == "LOG_INVALID"
    assert ran(result) == []


def test_another_outcome_diverges_and_a_timeout_on_record_is_inconclusive(run_dir: Path, tmp_path: Path) -> None:
    for reason, expected in (("wrong_shape", "DIVERGED"), ("timeout", "INCONCLUSIVE")):
        other = rewritten(run_dir, tmp_path / reason, change("candidate.rejected", RAISES, reason=reason))
        assert classes(again(other, RAISES)) == {RAISES: expected}


def test_a_verdict_of_another_policy_is_not_compared_and_not_run(run_dir: Path, tmp_path: Path) -> None:
    def admitted_then(draft: tuple[str, str, dict[str, Any]]) -> tuple[str, str, dict[str, Any]]:
        name, subject, data = (
            change("policy.evaluated", REFUSED, verdict="admitted", policy_sha256="2" * 64)(draft) or draft
        )
        return (
            (name, subject, {**data, "stage": "screen"})
            if (name, subject) == ("candidate.rejected", REFUSED)
            else (
                name,
                subject,
                data,
            )
        )

    result = again(rewritten(run_dir, tmp_path / "run", admitted_then), REFUSED)
    assert classes(result) == {REFUSED: "ENV_MISMATCH"}
    assert ran(result) == []


def test_a_bundle_replays_as_its_run_does_and_gives_the_same_bytes_twice(run_dir: Path, tmp_path: Path) -> None:
    first, second = (write_bundle(run_dir, tmp_path / name, weights=False).sha256 for name in ("a", "b"))
    assert first == second
    with opened(tmp_path / "a") as (unpacked, is_bundle):
        assert is_bundle
        assert classes(again(unpacked, "verified", stranger=True)) == {MEAN: "IDENTICAL", RANDOM: "IDENTICAL"}


def test_a_stranger_s_record_that_gives_up_protection_is_refused_unless_accepted(run_dir: Path, tmp_path: Path) -> None:
    other = rewritten(run_dir, tmp_path / "run", change("policy.evaluated", MEAN, verdict="skipped"))
    with pytest.raises(UsageError, match="no policy has checked"):
        again(other, MEAN, stranger=True)
    assert classes(again(other, MEAN, stranger=True, accept_weakened=True)) == {MEAN: "IDENTICAL"}


@pytest.mark.parametrize(("key", "value"), [("runtime", "runc"), ("apparmor", "lax")])
def test_a_stranger_does_not_choose_a_runtime_or_a_profile_of_this_host(
    run_dir: Path, tmp_path: Path, key: str, value: str
) -> None:
    config = dict(data_of(run_dir, "run.started")["config"])
    config["container"] = {**config["container"], key: value}
    other = rewritten(run_dir, tmp_path / "run", change("run.started", config=config))
    with pytest.raises(UsageError, match=rf"\[container\] {key} = '{value}'.*\n.*--weakened"):
        again(other, MEAN, stranger=True)


def test_the_command_writes_what_it_says_and_exits_with_the_class(run_dir: Path, tmp_path: Path) -> None:
    done = assay("replay", run_dir, "--programs", MEAN, "--json", "r.json", "--junit", "r.xml", cwd=tmp_path)
    assert done.code == 0, done.err
    assert f"{MEAN}: IDENTICAL" in done.out
    assert json.loads((tmp_path / "r.json").read_text())["class"] == "IDENTICAL"
    assert (tmp_path / "r.xml").read_text().count("<testcase ") == 1


def test_ctrl_c_stops_cleanly_and_keeps_what_was_judged(run_dir: Path, tmp_path: Path) -> None:
    process = assay_started("replay", run_dir, "--programs", "all", "--json", tmp_path / "r.json", cwd=tmp_path)
    assert process.stdout
    assert process.stdout.readline().startswith(f"{MEAN}: ")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    value = json.loads((tmp_path / "r.json").read_text())
    assert value["interrupted"]
    assert value["programs"][0]["class"] == "IDENTICAL"
    assert value["programs"][1]["why"].startswith("interrupted")
    assert not containers()


@pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed: `make bubblewrap`")
def test_what_ran_in_bubblewrap_replays_in_bubblewrap_as_long_as_it_is_the_same(
    tiny_config: RunConfig, tmp_path: Path
) -> None:
    config = parse_config({**tiny_config.model_dump(mode="json"), "sandbox": "bubblewrap", "image": {}}, source="test")
    run_dir = record(config, tmp_path / "run")
    result = again(run_dir, "verified")
    assert classes(result) == {MEAN: "IDENTICAL", RANDOM: "IDENTICAL"}
    assert result.environment["here"]["sandbox"] == "bubblewrap"
    sandbox = {**data_of(run_dir, "run.started")["sandbox"], "image_id": "sha256:" + "0" * 64}
    other = rewritten(run_dir, tmp_path / "other", change("run.started", sandbox=sandbox))
    assert classes(again(other, MEAN)) == {MEAN: "ENV_MISMATCH"}
    assert classes(again(other, MEAN, image="here")) == {MEAN: "IDENTICAL"}
