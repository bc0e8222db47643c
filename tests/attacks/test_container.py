"""Every program in `container/`, run as plain Python on the real engine: one rejection each, nothing left.

Each says in its docstring what it tries, and how it must end: `Expected: <stage> <reason>`.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from orchestrator.blobs import BlobStore
from orchestrator.candidate import Proposed, Ran, Rejection, Unchecked, Verified, source_digest
from orchestrator.config import RunConfig
from orchestrator.models import MergeInputs
from orchestrator.sandbox.docker import DockerSandbox
from orchestrator.sandbox.engine import connect
from orchestrator.sandbox.owner import LABEL_INSTANCE
from orchestrator.stages.run import run_program
from orchestrator.stages.verify import verify_output

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]

ATTACKS = sorted((Path(__file__).parent / "container").glob("*.py"))
KILL_SECONDS = 2.0  # within which a program past its deadline is dead

Outcome = Verified | Rejection


def expected(path: Path) -> set[str]:
    """Return `<stage> <reason>` from the last line of the docstring; more than one where the machine decides."""
    line = (ast.get_docstring(ast.parse(path.read_text())) or "").splitlines()[-1]
    word, _, rest = line.partition(": ")
    assert word == "Expected", f"{path.name}: no `Expected: <stage> <reason>` at the end of its docstring"
    return set(rest.split(" or "))


def _attack(path: Path, sandbox: DockerSandbox, config: RunConfig, inputs: MergeInputs, blobs: BlobStore) -> Outcome:
    source = path.read_text()
    program = Unchecked(
        proposed=Proposed(id=path.stem, iteration=1, index=0, source=source, digest=source_digest(source))
    )
    outcome = run_program(
        program, sandbox=sandbox, inputs=inputs, seed=0, device="cpu", profile="strict", observe=lambda *_: None
    )
    if isinstance(outcome, Ran):
        return verify_output(outcome, inputs=inputs, bounds=config.verify, blobs=blobs)
    return outcome


@pytest.fixture(scope="module")
def outcomes(
    docker_sandbox: DockerSandbox,
    tiny_config: RunConfig,
    tiny_inputs: MergeInputs,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, Outcome]]:
    """All attacks, two at a time as in a run."""
    blobs = BlobStore(tmp_path_factory.mktemp("blobs"))
    docker_sandbox.expect(len(ATTACKS))
    with ThreadPoolExecutor(tiny_config.container.parallel) as threads:
        results = threads.map(lambda path: _attack(path, docker_sandbox, tiny_config, tiny_inputs, blobs), ATTACKS)
        yield dict(zip((path.stem for path in ATTACKS), results, strict=True))


@pytest.mark.parametrize("path", ATTACKS, ids=lambda path: path.stem)
def test_attack_ends_as_its_docstring_says(path: Path, outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes[path.stem]
    assert isinstance(outcome, Rejection), f"{path.stem} was verified"
    assert f"{outcome.stage.value} {outcome.reason.value}" in expected(path), outcome.detail


def test_no_attack_outlives_its_deadline(outcomes: dict[str, Outcome], tiny_config: RunConfig) -> None:
    limit = tiny_config.container.timeout_seconds + KILL_SECONDS
    for name, outcome in outcomes.items():
        assert outcome.receipt is not None
        assert outcome.receipt.wall_seconds <= limit, name


def test_no_attack_leaves_a_container(outcomes: dict[str, Outcome], docker_sandbox: DockerSandbox) -> None:
    client = connect()
    try:
        label = f"{LABEL_INSTANCE}={docker_sandbox.instance}"
        assert len(outcomes) == len(ATTACKS)
        assert client.api.containers(all=True, filters={"label": [label]}) == []
    finally:
        client.close()


def test_no_attack_leaves_an_output_file_or_an_open_one(
    outcomes: dict[str, Outcome], docker_sandbox: DockerSandbox
) -> None:
    assert len(outcomes) == len(ATTACKS)
    assert list(docker_sandbox.work_dir.glob("output-*")) == []
    opened = [
        os.readlink(f"/proc/self/fd/{fd}")
        for fd in os.listdir("/proc/self/fd")
        if Path(f"/proc/self/fd/{fd}").is_symlink()
    ]
    assert not [name for name in opened if name.startswith(str(docker_sandbox.work_dir))]


def test_kept_output_is_bounded(outcomes: dict[str, Outcome]) -> None:
    for name in ("flood_stdout", "flood_stderr", "flood_and_leave", "forge_endless_message"):
        receipt = outcomes[name].receipt
        assert receipt is not None
        assert receipt.truncated, name
        assert len(receipt.stdout) <= 64 * 1024, name
        assert len(receipt.stderr) <= 64 * 1024, name
