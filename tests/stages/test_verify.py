"""Ran -> Verified | Rejection: every step of `verify`, on outputs written by hand."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from orchestrator.blobs import BlobStore
from orchestrator.candidate import Proposed, Ran, Reason, Receipt, Rejection, Stage, Unchecked, Verified
from orchestrator.config import Verify
from orchestrator.errors import UsageError
from orchestrator.export import write_model
from orchestrator.models import MergeInputs, resolve_inputs
from orchestrator.sandbox.output import create_output
from orchestrator.stages.verify import verify_output
from orchestrator.weights import Weights
from tests.tiny import make_tiny, make_variant, weights

RECEIPT = Receipt(
    container_id="c",
    image_id="sha256:0",
    exit_code=0,
    oom_killed=False,
    timed_out=False,
    wall_seconds=0.1,
    startup_seconds=1.0,
    peak_memory_bytes=1,
    stdout="",
    stderr="",
    truncated=False,
)
Change = Callable[[int], None]


class Bench:
    """Writes outputs as a program might have left them, and has them verified."""

    def __init__(self, inputs: MergeInputs, folder: Path, proposed: Proposed) -> None:
        self.inputs = inputs
        self.blobs = BlobStore(folder / "blobs")
        self._folder = folder
        self._proposed = proposed
        self.ran: Ran | None = None

    def merged(self, scale: float) -> list[torch.Tensor]:
        """The seed plus a multiple of the first candidate's task vector."""
        seed, other = Weights(self.inputs.seed), Weights(self.inputs.candidates[0])
        pairs = [(seed.read(spec.name), other.read(spec.name)) for spec in self.inputs.tensors]
        return [(base + scale * (tuned - base)).to(base.dtype) for base, tuned in pairs]

    def verify(
        self,
        tensors: list[torch.Tensor] | None,
        *,
        change: Change = lambda fd: None,
        receipt: Receipt = RECEIPT,
        bounds: Verify | None = None,
        finished: bool = True,
    ) -> Verified | Rejection:
        output = create_output(self._folder / "output-1", self.inputs.tensors, owner=os.geteuid())
        for spec, tensor in zip(self.inputs.tensors, tensors or [], strict=False):
            os.pwrite(output.fd, bytes(tensor.contiguous().view(torch.uint8).flatten().tolist()), spec.offset)
        change(output.fd)
        self.ran = Ran(program=Unchecked(proposed=self._proposed), receipt=receipt, output=output, finished=finished)
        return verify_output(self.ran, inputs=self.inputs, bounds=bounds or Verify(), blobs=self.blobs)


@pytest.fixture
def bench(tiny_inputs: MergeInputs, tmp_path: Path, propose: Callable[[str], Proposed]) -> Bench:
    return Bench(tiny_inputs, tmp_path, propose("program"))


def reason(outcome: Verified | Rejection) -> Reason:
    assert isinstance(outcome, Rejection), "verified"
    assert outcome.stage is Stage.VERIFY
    return outcome.reason


def test_good_weights_are_hashed_and_stored(bench: Bench) -> None:
    tensors = bench.merged(0.5)
    verified = bench.verify(tensors)
    assert isinstance(verified, Verified), verified.detail
    stored = verified.weights.read_bytes()
    assert hashlib.sha256(stored).hexdigest() == verified.output_sha256 == verified.weights.name
    assert len(stored) == bench.inputs.output_bytes
    first = bench.inputs.tensors[0]
    assert verified.tensor_sha256[0] == (first.name, hashlib.sha256(stored[: first.nbytes]).hexdigest())


def test_the_norm_ratio_is_that_of_the_task_vectors(bench: Bench) -> None:
    full, half = bench.verify(bench.merged(1.0)), bench.verify(bench.merged(0.5))
    assert isinstance(full, Verified)
    assert isinstance(half, Verified)
    assert half.norm_ratio == pytest.approx(full.norm_ratio / 2, rel=1e-4)
    assert 0.5 < full.norm_ratio <= 1.0


def test_an_output_that_was_never_written_is_missing(bench: Bench) -> None:
    assert reason(bench.verify(None)) is Reason.OUTPUT_MISSING


def test_good_weights_of_a_runner_that_was_not_done_are_no_result(bench: Bench) -> None:
    assert reason(bench.verify(bench.merged(0.5), finished=False)) is Reason.PROTOCOL


def test_a_fault_of_the_output_comes_before_a_runner_that_was_not_done(bench: Bench) -> None:
    assert reason(bench.verify(None, finished=False)) is Reason.OUTPUT_MISSING


def test_one_tensor_that_was_never_written_is_missing_and_named(bench: Bench) -> None:
    outcome = bench.verify(bench.merged(0.5)[:-1])
    assert reason(outcome) is Reason.OUTPUT_MISSING
    assert isinstance(outcome, Rejection)
    assert bench.inputs.tensors[-1].name in outcome.detail


@pytest.mark.parametrize("size", [0, 5])
def test_a_shorter_file_has_the_wrong_size(bench: Bench, size: int) -> None:
    assert reason(bench.verify(bench.merged(0.5), change=lambda fd: os.ftruncate(fd, size))) is Reason.OUTPUT_SIZE


def test_a_longer_file_has_the_wrong_size(bench: Bench) -> None:
    longer = bench.inputs.output_bytes + 1
    assert reason(bench.verify(bench.merged(0.5), change=lambda fd: os.ftruncate(fd, longer))) is Reason.OUTPUT_SIZE


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_single_element_that_is_not_finite_is_enough(bench: Bench, value: float) -> None:
    tensors = bench.merged(0.5)
    tensors[1].view(-1)[1] = value
    outcome = bench.verify(tensors)
    assert reason(outcome) is Reason.NOT_FINITE
    assert isinstance(outcome, Rejection)
    assert bench.inputs.tensors[1].name in outcome.detail


def test_the_seed_itself_is_no_merge(bench: Bench) -> None:
    assert reason(bench.verify(bench.merged(0.0))) is Reason.IDENTICAL_TO_SEED


def test_a_single_changed_element_is_a_merge(bench: Bench) -> None:
    tensors = bench.merged(0.0)
    tensors[0].view(-1)[0] = 2.0
    assert isinstance(bench.verify(tensors), Verified)


def test_far_too_large_weights_are_out_of_bounds(bench: Bench) -> None:
    assert reason(bench.verify(bench.merged(1000.0))) is Reason.OUTPUT_NORM


def test_far_too_small_changes_are_out_of_bounds(bench: Bench) -> None:
    outcome = bench.verify(bench.merged(0.01), bounds=Verify(min_norm_ratio=0.5))
    assert reason(outcome) is Reason.OUTPUT_NORM


def test_a_receipt_that_is_not_clean_verifies_nothing(bench: Bench) -> None:
    for receipt in (replace(RECEIPT, exit_code=1), replace(RECEIPT, timed_out=True), replace(RECEIPT, oom_killed=True)):
        assert reason(bench.verify(bench.merged(0.5), receipt=receipt)) is Reason.PROTOCOL


@pytest.mark.parametrize("good", [True, False])
def test_the_output_is_gone_afterwards(bench: Bench, good: bool) -> None:
    bench.verify(bench.merged(0.5) if good else None)
    assert bench.ran is not None
    assert not bench.ran.output.path.exists()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(bench.ran.output.fd)


def test_what_is_rejected_is_not_stored(bench: Bench) -> None:
    bench.verify(bench.merged(1000.0))
    assert list(bench.blobs.root.iterdir()) == []


def test_every_dtype_is_verified(tmp_path: Path, propose: Callable[[str], Proposed]) -> None:
    seed = make_tiny(tmp_path / "seed", hidden=16, mlp=32)
    other = make_variant(seed, tmp_path / "other", seed=1)
    for number, dtype in enumerate((torch.float64, torch.float16, torch.bfloat16)):
        for folder in (seed, other):
            save_file({k: v.to(dtype) for k, v in weights(folder).items()}, folder / "model.safetensors")
        inputs = resolve_inputs(seed, {"other": other}, ("*",))
        folder = tmp_path / str(number)
        folder.mkdir()
        bench = Bench(inputs, folder, propose("program"))
        verified = bench.verify(bench.merged(0.5))
        assert isinstance(verified, Verified), verified.detail
        assert verified.norm_ratio == pytest.approx(0.5, rel=0.05)


def test_a_verified_merge_becomes_a_model_that_loads(bench: Bench, tmp_path: Path) -> None:
    verified = bench.verify(bench.merged(0.5))
    assert isinstance(verified, Verified)
    folder = write_model(verified, inputs=bench.inputs, out=tmp_path / "out" / "merged")
    model = AutoModelForCausalLM.from_pretrained(folder)
    AutoTokenizer.from_pretrained(folder)
    state = model.state_dict()
    for spec, expected in zip(bench.inputs.tensors, bench.merged(0.5), strict=True):
        assert torch.equal(state[spec.name], expected)
    seed = weights(bench.inputs.seed.path)
    untouched = set(seed) - {spec.name for spec in bench.inputs.tensors}
    assert untouched
    assert all(torch.equal(state[name], seed[name]) for name in untouched)


def test_a_model_is_not_written_over_another(bench: Bench, tmp_path: Path) -> None:
    verified = bench.verify(bench.merged(0.5))
    assert isinstance(verified, Verified)
    write_model(verified, inputs=bench.inputs, out=tmp_path / "merged")
    with pytest.raises(UsageError, match="empty directory"):
        write_model(verified, inputs=bench.inputs, out=tmp_path / "merged")


def test_a_model_that_cannot_be_written_leaves_nothing(bench: Bench, tmp_path: Path) -> None:
    verified = bench.verify(bench.merged(0.5))
    assert isinstance(verified, Verified)
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        write_model(verified, inputs=bench.inputs, out=tmp_path / "file" / "merged")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["blobs", "file"]
