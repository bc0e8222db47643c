"""The sandbox on the real engine: a run from hand-over to removal, and the platform's own failures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from orchestrator.candidate import Proposed, Ran, Reason, Rejection, Unchecked
from orchestrator.config import RunConfig
from orchestrator.errors import PreflightError, SandboxError
from orchestrator.ledger.events import EVENT_TYPES
from orchestrator.models import MergeInputs
from orchestrator.sandbox.docker import DockerSandbox
from orchestrator.sandbox.engine import connect, engine_facts
from orchestrator.sandbox.leftovers import reap
from orchestrator.sandbox.output import discard_output, read_tensor
from orchestrator.sandbox.owner import LABEL_INSTANCE, LABEL_OWNER
from orchestrator.stages.run import discard, run_program

pytestmark = pytest.mark.docker

MEAN = "def merge_models(model_dict, device):\n    print('hello \\x1b[31m')\n    return sum(model_dict.values()) / 3\n"
SLEEP = "import time\n\n\ndef merge_models(model_dict, device):\n    time.sleep(600)\n"

Propose = Callable[[str], Proposed]
Run = Callable[..., Ran | Rejection]


@pytest.fixture
def run(docker_sandbox: DockerSandbox, tiny_inputs: MergeInputs, propose: Propose) -> Run:
    """Run a source on the tiny models."""

    def one(
        source: str,
        *,
        sandbox: DockerSandbox = docker_sandbox,
        observe: Callable[[str, Mapping[str, Any]], None] = lambda *_: None,
        seed: int = 0,
    ) -> Ran | Rejection:
        return run_program(
            Unchecked(proposed=propose(source)),
            sandbox=sandbox,
            inputs=tiny_inputs,
            seed=seed,
            device="cpu",
            profile="strict",
            observe=observe,
        )

    return one


def containers(label: str) -> list[str]:
    client = connect()
    try:
        return [str(found["Id"]) for found in client.api.containers(all=True, filters={"label": [label]})]
    finally:
        client.close()


def another(config: RunConfig, inputs: MergeInputs, work_dir: Path, **changes: Any) -> DockerSandbox:
    image_id = changes.pop("image_id", engine_facts(config.image.name).image_id)
    container = config.container.model_copy(update=changes)
    return DockerSandbox(
        config.model_copy(update={"container": container}),
        image_id=image_id,
        mounts=inputs.mounts,
        run_id="test",
        work_dir=work_dir,
    )


def test_a_run_ends_with_a_receipt_of_what_the_host_saw(run: Run) -> None:
    ran = run(MEAN)
    assert isinstance(ran, Ran)
    receipt = ran.receipt
    assert (receipt.exit_code, receipt.timed_out, receipt.oom_killed, receipt.truncated) == (0, False, False, False)
    assert 0 < receipt.wall_seconds < 5
    assert 50 * 2**20 < receipt.peak_memory_bytes <= 512 * 2**20
    assert receipt.stdout.startswith("hello \\x1b[31m\n")
    discard(ran)


def test_the_same_program_gives_the_same_bytes_and_another_seed_others(run: Run, tiny_inputs: MergeInputs) -> None:
    source = (
        "import torch\ndef merge_models(model_dict, device, generator):\n"
        "    t = model_dict['add']\n    return t * torch.rand(t.shape, generator=generator)\n"
    )
    written = []
    for seed in (1, 1, 2):
        ran = run(source, seed=seed)
        assert isinstance(ran, Ran)
        written.append([bytes(read_tensor(ran.output, spec)) for spec in tiny_inputs.tensors])
        discard(ran)
    assert written[0] == written[1] != written[2]


def test_events_come_in_order_and_fit_the_ledger(run: Run) -> None:
    events: list[tuple[str, Mapping[str, Any]]] = []
    ran = run(MEAN, observe=lambda kind, data: events.append((kind, data)))
    assert isinstance(ran, Ran)
    discard(ran)
    assert [kind for kind, _ in events] == ["sandbox.created", "sandbox.started", "sandbox.exited"]
    for kind, data in events:
        assert set(data) <= set(EVENT_TYPES[kind].keys)
        assert {key for key, spec in EVENT_TYPES[kind].keys.items() if spec.required} <= set(data)
        json.dumps(data, allow_nan=False)
        assert not _floats(data)


def test_the_container_is_gone_when_its_exit_is_observed(run: Run) -> None:
    left: list[str] = []

    def observe(kind: str, data: Mapping[str, Any]) -> None:
        if kind == "sandbox.exited":
            left.extend(found for found in containers(LABEL_OWNER) if found == data["container_id"])

    ran = run(MEAN, observe=observe)
    assert isinstance(ran, Ran)
    discard(ran)
    assert left == []


def test_a_program_is_not_handed_over_if_it_cannot_be_recorded(run: Run, docker_sandbox: DockerSandbox) -> None:
    def observe(kind: str, data: Mapping[str, Any]) -> None:
        raise RuntimeError("the ledger is full")

    with pytest.raises(RuntimeError, match="the ledger is full"):
        run(MEAN, observe=observe)
    assert containers(f"{LABEL_INSTANCE}={docker_sandbox.instance}") == []
    assert list(docker_sandbox.work_dir.glob("output-*")) == []


def test_the_program_sees_none_of_the_hosts_environment(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_CANARY", "canary-value")
    ran = run(
        "import os\n\n\ndef merge_models(model_dict, device):\n"
        "    print(dict(os.environ))\n"
        "    return sum(model_dict.values()) / 3\n"
    )
    assert isinstance(ran, Ran)
    discard(ran)
    assert "PYTHONPATH" in ran.receipt.stdout
    assert "canary" not in ran.receipt.stdout


def test_each_container_has_a_user_of_its_own(run: Run) -> None:
    source = "import os\n\n\ndef merge_models(model_dict, device):\n    raise ValueError(os.getuid())\n"
    details = []
    for _ in range(2):
        outcome = run(source)
        assert isinstance(outcome, Rejection)
        details.append(outcome.detail)
    assert details[0] != details[1]


def test_an_engine_that_cannot_start_the_image_is_the_platforms_fault(
    run: Run, tiny_config: RunConfig, tiny_inputs: MergeInputs, tmp_path: Path
) -> None:
    missing = another(tiny_config, tiny_inputs, tmp_path / "work", image_id="sha256:" + "0" * 64)
    with missing as sandbox, pytest.raises(SandboxError, match="is not on the engine"):
        run(MEAN, sandbox=sandbox)
    assert list((tmp_path / "work").iterdir()) == []


def test_a_container_too_small_for_torch_is_the_platforms_fault(
    run: Run, tiny_config: RunConfig, tiny_inputs: MergeInputs, tmp_path: Path
) -> None:
    small = another(tiny_config, tiny_inputs, tmp_path / "work", memory_mb=64)
    with small as sandbox:
        with pytest.raises(SandboxError, match="was not ready"):
            run(MEAN, sandbox=sandbox)
        assert containers(f"{LABEL_INSTANCE}={sandbox.instance}") == []


def test_a_runtime_that_the_engine_lacks_is_refused_before_anything_starts(
    tiny_config: RunConfig, tiny_inputs: MergeInputs, tmp_path: Path
) -> None:
    with pytest.raises(PreflightError, match="no-such-runtime"):
        another(tiny_config, tiny_inputs, tmp_path / "work", runtime="no-such-runtime").__enter__()


def test_stopping_ends_a_run_at_once_and_blames_nobody(
    run: Run, tiny_config: RunConfig, tiny_inputs: MergeInputs, tmp_path: Path
) -> None:
    errors: list[BaseException] = []
    started = threading.Event()

    def target() -> None:
        try:
            run(SLEEP, sandbox=sandbox, observe=lambda kind, _: started.set() if kind == "sandbox.started" else None)
        except SandboxError as error:
            errors.append(error)

    with another(tiny_config, tiny_inputs, tmp_path / "work", timeout_seconds=300.0) as sandbox:
        thread = threading.Thread(target=target)
        thread.start()
        assert started.wait(60)
        begun = time.monotonic()
        sandbox.stop()
        thread.join(20)
        assert time.monotonic() - begun < 10
    assert len(errors) == 1


def test_leaving_the_sandbox_removes_what_waits_for_work(
    run: Run, tiny_config: RunConfig, tiny_inputs: MergeInputs, tmp_path: Path
) -> None:
    with another(tiny_config, tiny_inputs, tmp_path / "work") as sandbox:
        sandbox.expect(5)
        ran = run(MEAN, sandbox=sandbox)
        assert isinstance(ran, Ran)
        discard_output(ran.output)
    assert containers(f"{LABEL_INSTANCE}={sandbox.instance}") == []
    assert list((tmp_path / "work").iterdir()) == []


KILLED = """
import os, signal, sys
from pathlib import Path
from orchestrator.candidate import Proposed, Unchecked, source_digest
from orchestrator.config import parse_config
from orchestrator.models import resolve_inputs
from orchestrator.sandbox.docker import DockerSandbox
from orchestrator.sandbox.engine import engine_facts
from orchestrator.stages.run import run_program

seed, other, work, source = sys.argv[1:]
config = parse_config({"name": "t", "models": {"seed": seed, "candidates": {"add": other}},
                       "container": {"memory_mb": 512, "timeout_seconds": 300}}, source="t")
inputs = resolve_inputs(Path(seed), {"add": Path(other)}, ("*.mlp.*",))

def observe(kind, data):
    if kind == "sandbox.started":
        print(data["container_id"], flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

with DockerSandbox(config, image_id=engine_facts(config.image.name).image_id, mounts=inputs.mounts,
                   run_id="killed", work_dir=Path(work)) as sandbox:
    run_program(Unchecked(proposed=Proposed(id="x", iteration=1, index=0, source=source, digest=source_digest(source))),
                sandbox=sandbox, inputs=inputs, seed=0, device="cpu", profile="strict", observe=observe)
"""


def test_what_a_killed_orchestrator_left_is_removed_and_nothing_else(
    tiny_models: dict[str, Path], tiny_config: RunConfig, tiny_inputs: MergeInputs, run: Run, tmp_path: Path
) -> None:
    work = tmp_path / "killed"
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(tiny_models["seed"]), str(tiny_models["add"]), str(work), SLEEP],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
    )
    left = killed.stdout.strip()
    assert killed.returncode == -9, killed.stderr
    assert left in containers(LABEL_OWNER)
    assert list(work.glob("output-*"))
    with another(tiny_config, tiny_inputs, tmp_path / "alive") as sandbox:  # a start removes them
        assert left not in containers(LABEL_OWNER)
        assert not list(work.glob("output-*"))
        sandbox.expect(3)
        ran = run(MEAN, sandbox=sandbox)
        assert isinstance(ran, Ran)
        discard(ran)
        waiting = containers(f"{LABEL_INSTANCE}={sandbox.instance}")
        reap()
        assert set(waiting) <= set(containers(f"{LABEL_INSTANCE}={sandbox.instance}"))


def test_the_deadline_is_the_hosts(run: Run, tiny_config: RunConfig) -> None:
    outcome = run(SLEEP)
    assert isinstance(outcome, Rejection)
    assert outcome.reason is Reason.TIMEOUT
    assert outcome.receipt is not None
    limit = tiny_config.container.timeout_seconds
    assert limit <= outcome.receipt.wall_seconds <= limit + 2


def _floats(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_floats(inner) for inner in value.values())
    if isinstance(value, list | tuple):
        return any(_floats(inner) for inner in value)
    return isinstance(value, float)
