"""Two runs on one engine, one of them killed: the other is not disturbed, and only the dead one's things go."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from orchestrator.blobs import BlobStore
from orchestrator.candidate import Proposed, Ran, Unchecked, Verified
from orchestrator.config import RunConfig
from orchestrator.models import MergeInputs
from orchestrator.sandbox.docker import DockerSandbox
from orchestrator.sandbox.engine import engine_facts
from orchestrator.sandbox.kernel import look_at
from orchestrator.sandbox.leases import leases
from orchestrator.stages.run import run_program
from orchestrator.stages.verify import verify_output
from tests.commands import ROOT, assay, environment
from tests.engine import PrivateEngine

pytestmark = pytest.mark.docker

DEADLINE_SECONDS = 1.0
ENDS_WITHIN_SECONDS = 15.0  # of its deadline, without anybody's help
MEAN = "def merge_models(model_dict, device):\n    return sum(model_dict.values()) / {}\n"

VICTIM = """
import sys
from pathlib import Path
from orchestrator.candidate import Proposed, Unchecked, source_digest
from orchestrator.config import parse_config
from orchestrator.models import resolve_inputs
from orchestrator.sandbox.docker import DockerSandbox
from orchestrator.sandbox.engine import engine_facts
from orchestrator.stages.run import run_program

seed, other, work, seconds = sys.argv[1:]
config = parse_config({"name": "victim", "models": {"seed": seed, "candidates": {"add": other}},
                       "container": {"memory_mb": 512, "timeout_seconds": float(seconds)}}, source="victim")
inputs = resolve_inputs(Path(seed), {"add": Path(other)}, ("*.mlp.*",))
source = "import time\\n\\n\\ndef merge_models(model_dict, device):\\n    time.sleep(600)\\n"

def observe(kind, data):
    if kind == "sandbox.started":
        print(data["container_id"], flush=True)

with DockerSandbox(config, image_id=engine_facts(config.image.name).image_id, mounts=inputs.mounts,
                   run_id="victim", work_dir=Path(work)) as sandbox:
    sandbox.expect(3)
    run_program(Unchecked(proposed=Proposed(id="x", iteration=1, index=0, source=source, digest=source_digest(source))),
                sandbox=sandbox, inputs=inputs, seed=0, device="cpu", profile="strict", observe=observe)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Victim:
    """A run whose program sleeps, in a process of its own."""

    process: subprocess.Popen[str]
    container: str
    work: Path

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def victim(own_engine: PrivateEngine, tiny_models: dict[str, Path], tmp_path: Path) -> Iterator[Callable[..., Victim]]:
    started = []

    def start(seconds: float) -> Victim:
        work = tmp_path / "victim"
        process = subprocess.Popen(
            [sys.executable, "-c", VICTIM, str(tiny_models["seed"]), str(tiny_models["add"]), str(work), str(seconds)],
            env=environment(),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout
        return Victim(process=process, container=process.stdout.readline().strip(), work=work)

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_a_run_beside_one_that_is_killed_verifies_all_its_programs_and_keeps_all_that_is_its_own(
    victim: Callable[..., Victim],
    own_engine: PrivateEngine,
    tiny_config: RunConfig,
    tiny_inputs: MergeInputs,
    propose: Callable[[str], Proposed],
    tmp_path: Path,
) -> None:
    work, blobs = tmp_path / "survivor", BlobStore(tmp_path / "blobs")
    image_id = engine_facts(tiny_config.image.name).image_id
    with DockerSandbox(
        tiny_config, image_id=image_id, mounts=tiny_inputs.mounts, run_id="survivor", work_dir=work
    ) as sandbox:

        def verifies(number: int) -> bool:
            outcome = run_program(
                Unchecked(proposed=propose(MEAN.format(number))),
                sandbox=sandbox,
                inputs=tiny_inputs,
                seed=0,
                device="cpu",
                profile="strict",
                observe=lambda *_: None,
            )
            assert isinstance(outcome, Ran), outcome
            bounds = tiny_config.verify
            return isinstance(verify_output(outcome, inputs=tiny_inputs, bounds=bounds, blobs=blobs), Verified)

        sandbox.expect(7)
        other = victim(300.0)
        assert other.container in own_engine.containers()
        assert all(verifies(number) for number in (2, 3))
        other.kill()
        assert all(verifies(number) for number in (4, 5))

        settle()
        its_own = {lease.container for lease in leases().values() if lease.run == "survivor"}
        outputs = set(work.glob("output-*"))
        assert its_own
        done = assay("gc", "--format", "json", cwd=tmp_path)
        assert done.code == 0, done.err
        found = done.json["found"]
        assert {item["run"] for item in found} == {"victim"}
        assert {item["kind"] for item in found} == {"container", "output", "input", "lease", "note"}
        assert other.container in {item["name"] for item in found if item["kind"] == "container"}
        assert set(own_engine.containers()) == its_own
        assert outputs == set(work.glob("output-*"))
        assert list(other.work.iterdir()) == []
        assert verifies(6)
    assert json.loads(assay("gc", "--format", "json", cwd=tmp_path).out)["found"] == []


def test_an_orphaned_program_ends_by_itself_soon_after_its_deadline(
    victim: Callable[..., Victim], own_engine: PrivateEngine
) -> None:
    other = victim(DEADLINE_SECONDS)
    with own_engine.client() as client:
        init = client.api.inspect_container(other.container)["State"]["Pid"]
        while not is_sealed(init):  # `sandbox.started` is recorded before the program is handed over
            time.sleep(0.01)
        handed_over = time.monotonic()
        other.kill()
        while (state := client.api.inspect_container(other.container)["State"])["Running"]:
            assert time.monotonic() < handed_over + DEADLINE_SECONDS + ENDS_WITHIN_SECONDS
            time.sleep(0.1)
    assert time.monotonic() > handed_over + DEADLINE_SECONDS
    assert state["ExitCode"] == 137


def is_sealed(init: int) -> bool:
    """Whether a container's program is about to run: under two filters more than its init, the inner and the last."""
    seen = look_at(init, ())
    assert seen is not None
    return seen.number("Seccomp_filters") == (seen.number_of_init("Seccomp_filters") or 0) + 2


def settle() -> None:
    """Wait until no container is being made."""
    before: set[str] = set()
    while (now := set(leases())) != before:
        before = now
        time.sleep(1.0)
