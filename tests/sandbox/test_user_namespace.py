"""An engine with user-namespace remapping, for real: a second one, of the test's own. Needs root and loop devices."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.candidate import Proposed, Ran, Unchecked, Verified, source_digest
from orchestrator.config import RunConfig
from orchestrator.containment import require_containment
from orchestrator.ledger import read
from orchestrator.sandbox.output import never_written
from orchestrator.sandbox.protections import State, finding
from orchestrator.session import open_session
from orchestrator.stages.run import run_program
from orchestrator.stages.verify import verify_output
from tests.engine import PrivateEngine

pytestmark = [
    pytest.mark.docker,
    pytest.mark.timeout(180),
    # docker-py leaves its socket to the collector where an engine does not answer yet
    pytest.mark.filterwarnings("ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"),
]

FIRST, COUNT = 300_000, 65_536
MEAN = "def merge_models(model_dict, device):\n    return sum(model_dict.values()) / len(model_dict)\n"


@pytest.fixture(scope="module")
def remapped(tiny_config: RunConfig) -> Iterator[str]:
    """Address of an engine that maps its containers' users to others; only it sees the mapping's files."""
    if os.geteuid() != 0 or shutil.which("dockerd") is None:
        pytest.skip("a second engine needs root and dockerd")
    if not Path("/etc/subuid").exists():
        pytest.skip("there is no /etc/subuid to cover with another")
    engine = PrivateEngine()
    try:
        try:
            engine.make_disk()
        except OSError as error:
            pytest.skip(str(error))
        engine.folder.chmod(0o711)  # the engine insists that its remapped root can come by
        ids = engine.folder / "ids"
        ids.write_text(f"nobody:{FIRST}:{COUNT}\n")
        engine._on_disk(f"mount --bind {ids} /etc/subuid && mount --bind {ids} /etc/subgid")
        engine.start("--userns-remap=nobody:nogroup")
        engine.load(tiny_config.image.name)
        gc.collect()
        yield engine.address
    finally:
        engine.destroy()


def test_a_required_user_namespace_is_seen_by_the_kernel_and_everything_works_in_it(
    remapped: str, tiny_config: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", remapped)
    program = Unchecked(proposed=Proposed(id="x-000", iteration=1, index=0, source=MEAN, digest=source_digest(MEAN)))
    config = tiny_config.model_copy(update={"require": ("user-namespace", "own-uid")})
    with open_session(config, tmp_path / "run") as session:
        require_containment(session)
        seen = session.sandbox.look(session.inputs.tensors)
        ran = run_program(
            program,
            sandbox=session.sandbox,
            inputs=session.inputs,
            seed=0,
            device="cpu",
            profile="strict",
            observe=session.recorder.observer(program.proposed),
        )
        assert isinstance(ran, Ran)
        assert not never_written(ran.output, session.inputs.tensors[0])
        outcome = verify_output(ran, inputs=session.inputs, bounds=config.verify, blobs=session.blobs)
    assert isinstance(outcome, Verified)
    assert finding("user-namespace", seen).state is State.IN_EFFECT
    assert seen.kernel is not None
    assert seen.kernel.uid_map == f"0 {FIRST} {COUNT}"
    assert FIRST < (seen.kernel.number("Uid") or 0) < FIRST + COUNT
    assert "canaries.held" in [entry.type for entry in read(session.run_dir / "ledger.jsonl")]
