"""The way of programs through check, screen, run and verify, and what the record says of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from rich.console import Console
from safetensors import safe_open

from orchestrator.blobs import BlobStore
from orchestrator.brackets import Stages
from orchestrator.candidate import OwnedOutput, Proposed, Reason, Rejection, Verified, source_digest
from orchestrator.config import RunConfig
from orchestrator.errors import SandboxError
from orchestrator.ledger import Ledger
from orchestrator.live import PlainLog
from orchestrator.models import MergeInputs
from orchestrator.record import Recorder
from orchestrator.sandbox.output import create_output
from orchestrator.session import Session
from orchestrator.trial import Trial
from sandbox_image.protocol import RunJob
from tests.fakes import FakeSandbox

HEAD = "import torch\n\ndef merge_models(model_dict, device):\n"
MEAN = HEAD + "    return sum(model_dict.values()) / len(model_dict)\n"
HALF = HEAD + "    return sum(model_dict.values()) / 6\n"
FIRST = HEAD + "    return list(model_dict.values())[0]\n"
OS = "import os\n" + MEAN


def proposed(source: str, index: int) -> Proposed:
    return Proposed(id=f"i1-{index:03d}", iteration=1, index=index, source=source, digest=source_digest(source))


def halfway(inputs: MergeInputs, folder: Path, job: RunJob) -> OwnedOutput:
    """Write what an honest runner would write: the seed moved half way to the first candidate."""
    output = create_output(folder / f"output-{job.program_digest[:12]}", inputs.tensors, owner=None)
    with (
        safe_open(inputs.seed.files[0], framework="pt") as seed,
        safe_open(inputs.candidates[0].files[0], framework="pt") as other,
    ):
        for spec in inputs.tensors:
            merged = torch.lerp(seed.get_tensor(spec.name), other.get_tensor(spec.name), 0.5).contiguous()
            os.pwrite(output.fd, bytes(merged.view(torch.uint8).flatten().tolist()), spec.offset)
    return output


@pytest.fixture
def session(tiny_config: RunConfig, tiny_inputs: MergeInputs, tmp_path: Path) -> Iterator[Session]:
    (tmp_path / "work").mkdir()
    sandbox = FakeSandbox(
        screen={HALF: Reason.WRONG_SHAPE},
        run={FIRST: Reason.OUT_OF_MEMORY},
        make=lambda job: halfway(tiny_inputs, tmp_path / "work", job),
    )
    blobs = BlobStore(tmp_path / "blobs")
    with Ledger.create(tmp_path / "ledger.jsonl", source="assay/test", config_sha256="0" * 64) as ledger:
        yield Session(
            config=tiny_config,
            run_dir=tmp_path,
            inputs=tiny_inputs,
            sandbox=sandbox,
            blobs=blobs,
            ledger=ledger,
            recorder=Recorder(ledger, blobs),
        )


def trial(session: Session, *, deduplicate: bool = True) -> Trial:
    return Trial(session, Stages(session.recorder, PlainLog(Console(quiet=True))), deduplicate=deduplicate)


def test_each_program_ends_where_it_fails(session: Session) -> None:
    course = trial(session)
    programs = [proposed(source, index) for index, source in enumerate((MEAN, HALF, FIRST, OS))]
    admitted, refused = course.check(programs)
    screened, dropped = course.screen(admitted)
    outcomes = list(course.run(screened))
    assert [(r.proposed.id, r.stage, r.reason) for r in refused] == [("i1-003", "check", Reason.POLICY)]
    assert [(r.proposed.id, r.stage, r.reason) for r in dropped] == [("i1-001", "screen", Reason.WRONG_SHAPE)]
    first, second = outcomes
    assert isinstance(first, Verified)
    assert isinstance(second, Rejection)
    assert (first.proposed.id, second.proposed.id, second.reason) == ("i1-000", "i1-002", Reason.OUT_OF_MEMORY)


def test_each_rejection_is_recorded_once(session: Session) -> None:
    course = trial(session)
    admitted, _ = course.check([proposed(OS, 0), proposed(HALF, 1)])
    course.screen(admitted)
    for program in ("i1-000", "i1-001"):
        kinds = [entry.type for entry in session.ledger.history(program)]
        assert kinds.count("candidate.rejected") == 1


def test_a_program_that_computes_what_an_earlier_one_does_is_a_duplicate(session: Session) -> None:
    course = trial(session)
    admitted, _ = course.check([proposed(MEAN, 0), proposed(MEAN, 1)])
    screened, dropped = course.screen(admitted)
    assert [one.proposed.id for one in screened] == ["i1-000"]
    assert [(one.reason, one.duplicate_of) for one in dropped] == [(Reason.DUPLICATE, "i1-000")]


def test_without_deduplication_every_program_stands_alone(session: Session) -> None:
    course = trial(session, deduplicate=False)
    admitted, _ = course.check([proposed(MEAN, 0), proposed(MEAN, 1)])
    screened, dropped = course.screen(admitted)
    assert len(screened) == 2
    assert not dropped


def test_a_fault_of_the_platform_is_no_rejection_and_leaves_no_output(session: Session) -> None:
    sandbox = session.sandbox
    assert isinstance(sandbox, FakeSandbox)
    sandbox._broken = (HALF,)
    sandbox._screen = {}
    course = trial(session)
    admitted, _ = course.check([proposed(MEAN, 0), proposed(HALF, 1), proposed(FIRST, 2)])
    screened, _ = course.screen(admitted)
    with pytest.raises(SandboxError, match="engine went away"):
        list(course.run(screened))
    assert "candidate.rejected" not in [entry.type for entry in session.ledger.history("i1-001")]
    assert sandbox.stopped
    assert not list((session.run_dir / "work").iterdir())


def test_containers_are_announced_before_they_are_needed(session: Session) -> None:
    course = trial(session)
    admitted, _ = course.check([proposed(MEAN, 0), proposed(FIRST, 1)])
    screened, _ = course.screen(admitted)
    list(course.run(screened))
    assert isinstance(session.sandbox, FakeSandbox)
    assert session.sandbox.expected == 2
