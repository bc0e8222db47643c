"""The way of programs through check, screen, run and verify, and what the record says of it."""

from __future__ import annotations

import dataclasses
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from rich.console import Console
from safetensors import safe_open

from orchestrator.blobs import BlobStore
from orchestrator.brackets import Stages
from orchestrator.candidate import (
    Admitted,
    OwnedOutput,
    Proposed,
    Reason,
    Rejection,
    Screened,
    Verified,
    source_digest,
)
from orchestrator.config import RunConfig
from orchestrator.errors import EngineError, LedgerError, ModelError, SandboxError
from orchestrator.ledger import Ledger, require_chain
from orchestrator.live import PlainLog
from orchestrator.models import MergeInputs, resolve_inputs
from orchestrator.record import Recorder
from orchestrator.sandbox.output import create_output
from orchestrator.session import Session
from orchestrator.state import fold
from orchestrator.trial import Trial
from orchestrator.witnessed import Witnessing
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
            witnessing=Witnessing(tiny_config.ledger, tmp_path),
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


def resumed(session: Session) -> Session:
    """The session of a process that goes on with what is on record now."""
    return dataclasses.replace(session, state=fold(session.ledger.entries()))


def taken(session: Session, sources: tuple[str, ...]) -> list[tuple[str, str]]:
    """Take programs as far as they go; return what became of each."""
    programs = [proposed(source, index) for index, source in enumerate(sources)]
    if not session.ledger.history("i1-000"):
        session.recorder.generated(*programs)
    course = trial(session)
    admitted, refused = course.check(programs)
    screened, dropped = course.screen(admitted)
    outcomes: list[Verified | Rejection] = [*refused, *dropped, *course.run(screened)]
    return sorted((one.proposed.id, outcome_of(one)) for one in outcomes)


def outcome_of(one: Verified | Rejection) -> str:
    return f"{one.stage} {one.reason} {one.duplicate_of}" if isinstance(one, Rejection) else one.output_sha256


SOURCES = (MEAN, OS, HALF, FIRST, MEAN)


def test_what_is_on_record_is_returned_and_nothing_is_recorded_again(session: Session) -> None:
    outcomes = taken(session, SOURCES)
    size = session.ledger.size
    idle = FakeSandbox(broken=SOURCES, screen=dict.fromkeys(SOURCES, Reason.KILLED))  # whatever it did would show
    assert taken(dataclasses.replace(resumed(session), sandbox=idle), SOURCES) == outcomes
    assert idle.expected == 0
    assert session.ledger.size == size


def test_a_restored_program_is_the_one_that_was_verified(session: Session) -> None:
    programs = [proposed(MEAN, 0)]
    session.recorder.generated(*programs)
    first = next(trial(session).run(trial(session).screen(trial(session).check(programs)[0])[0]))
    again = resumed(session)
    known = again.past.proposed(1)
    assert known == {0: programs[0]}
    (second,) = list(trial(again).run(trial(again).screen(trial(again).check([known[0]])[0])[0]))
    assert isinstance(first, Verified)
    assert isinstance(second, Verified)
    assert (second.output_sha256, second.tensor_sha256, second.tensors, second.weights, second.norm_ratio) == (
        first.output_sha256,
        first.tensor_sha256,
        first.tensors,
        first.weights,
        first.norm_ratio,
    )


@pytest.mark.parametrize("stage", ["check", "screen"])
def test_programs_that_a_stage_did_not_reach_go_on_from_there(session: Session, stage: str) -> None:
    programs = [proposed(source, index) for index, source in enumerate(SOURCES)]
    session.recorder.generated(*programs)
    course = trial(session)
    admitted, _ = course.check(programs[:2] if stage == "check" else programs)
    if stage == "screen":
        course.screen(admitted[:2])
    outcomes = taken(resumed(session), SOURCES)
    assert [program for program, _ in outcomes] == [f"i1-{index:03d}" for index in range(5)]
    assert outcomes[1:] == [
        ("i1-001", "check policy "),
        ("i1-002", "screen wrong_shape "),
        ("i1-003", "run out_of_memory "),
        ("i1-004", "screen duplicate i1-000"),
    ]
    kinds = [entry.type for index in range(5) for entry in session.ledger.history(f"i1-{index:03d}")]
    assert kinds.count("policy.evaluated") == 5
    assert kinds.count("screen.completed") == 4
    assert kinds.count("candidate.rejected") == 4


def test_a_program_whose_container_was_lost_is_run_again_and_has_a_whole_chain(session: Session) -> None:
    programs = [proposed(MEAN, 0)]
    session.recorder.generated(*programs)
    course = trial(session)
    course.screen(course.check(programs)[0])
    lost = {"container_id": "0ddba11", "purpose": "run", "program_sha256": programs[0].digest}
    for kind in ("sandbox.created", "sandbox.started"):
        session.recorder.event(kind, lost, subject="i1-000")
    again = resumed(session)
    assert again.state.in_flight == ["i1-000"]
    session.recorder.resumed(again.state)
    session.recorder.lost(again.state.open_containers)
    assert not fold(session.ledger.entries()).open_containers
    ((_, output),) = taken(again, (MEAN,))
    score = {"split": "dev", "items": 1, "correct": "1", "accuracy": "1", "seconds": "1", "iteration": 1}
    scored = {**score, "program_sha256": programs[0].digest, "output_sha256": output}
    session.recorder.event("eval.completed", scored, subject="i1-000")
    assert len(require_chain(session.ledger.history("i1-000"), "i1-000")) == 8


def test_a_full_disk_stops_the_record_and_what_it_holds_stands(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = [proposed(source, index) for index, source in enumerate(SOURCES)]
    session.recorder.generated(*programs)
    course = trial(session)
    admitted, _ = course.check(programs)
    write, left = os.write, [1]

    def full(fd: int, data: bytes) -> int:
        if left.pop() if left else False:
            return write(fd, data)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("orchestrator.ledger.store.os.write", full)
    with pytest.raises(LedgerError, match="No space left"):
        course.screen(admitted)
    monkeypatch.undo()
    path = session.ledger.path
    session.ledger.close()
    with Ledger.open(path) as ledger:
        again = dataclasses.replace(session, ledger=ledger, recorder=Recorder(ledger, session.blobs))
        outcomes = taken(resumed(again), SOURCES)
        verified = _verified(again)
        kinds = [entry.type for entry in ledger.entries()]
    assert outcomes == [
        ("i1-000", verified[0].output_sha256),
        ("i1-001", "check policy "),
        ("i1-002", "screen wrong_shape "),
        ("i1-003", "run out_of_memory "),
        ("i1-004", "screen duplicate i1-000"),
    ]
    assert kinds.count("screen.completed") == 4


def test_merged_weights_that_are_gone_are_made_again(session: Session) -> None:
    taken(session, (MEAN,))
    (verified,) = _verified(session)
    session.blobs.drop(verified.output_sha256)
    made = trial(session).remake(verified)
    assert made.weights.is_file()
    assert made.output_sha256 == verified.output_sha256


def test_merged_weights_that_come_out_otherwise_are_refused(session: Session) -> None:
    taken(session, (MEAN,))
    (verified,) = _verified(session)
    with pytest.raises(EngineError, match=r"i1-000 was run again .* expected 0000"):
        trial(session).remake(dataclasses.replace(verified, output_sha256="0" * 64))


def _verified(session: Session) -> list[Verified]:
    """Return the verified programs as the record has them."""
    past = resumed(session).past
    found = []
    for program in past.proposed(1).values():
        admitted = past.checked(program)
        screened = past.screened(admitted) if isinstance(admitted, Admitted) else None
        verdict = past.verdict(screened) if isinstance(screened, Screened) else None
        if isinstance(verdict, Verified):
            found.append(verdict)
    return found


def test_after_the_platform_failed_only_what_has_no_outcome_is_done_again(session: Session) -> None:
    sandbox = session.sandbox
    assert isinstance(sandbox, FakeSandbox)
    sandbox._broken = (FIRST,)
    with pytest.raises(SandboxError, match="engine went away"):
        taken(session, SOURCES)
    done = {name: program for name, program in resumed(session).state.programs.items() if program.verified}
    sandbox._broken = ()
    sandbox.expected = 0
    outcomes = dict(taken(resumed(session), SOURCES))
    assert sandbox.expected == 1
    assert outcomes["i1-003"] == "run out_of_memory "
    assert list(done) == ["i1-000"]
    assert [entry.type for entry in session.ledger.history("i1-000")].count("outputs.verified") == 1


@pytest.mark.parametrize("when", ["before", "while"])
def test_weights_that_change_under_a_run_end_it_and_no_program_is_judged_by_them(
    session: Session, tiny_inputs: MergeInputs, tmp_path: Path, when: str
) -> None:
    shutil.copytree(tiny_inputs.seed.path, tmp_path / "seed")
    candidates = {one.name: one.path for one in tiny_inputs.candidates}
    inputs = resolve_inputs(tmp_path / "seed", candidates, session.config.models.include)
    weights = tmp_path / "seed" / "model.safetensors"
    assert isinstance(session.sandbox, FakeSandbox)
    make = session.sandbox.make
    assert make
    if when == "while":
        session.sandbox.make = lambda job: (make(job), flip(weights))[0]
    session = dataclasses.replace(session, inputs=inputs)
    course = trial(session)
    admitted, _ = course.check([proposed(MEAN, 0)])
    screened, _ = course.screen(admitted)
    if when == "before":
        flip(weights)
    with pytest.raises(ModelError, match=r"model seed: .*as recorded"):
        list(course.run(screened))
    assert not [
        one for one in session.ledger.history("i1-000") if one.type in ("outputs.verified", "candidate.rejected")
    ]
    assert not list((tmp_path / "work").iterdir())


def flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
