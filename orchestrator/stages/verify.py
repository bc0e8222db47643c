"""Ran -> Verified | Rejection: the host reads the output, and believes nothing else.

Steps, first fault decides:
  1. the container exited by itself, with status 0, in time
  2. the file is the one that the host made: regular, one link, exact size         -> output_size
  3. every tensor was written: first and last element are not the host's own marks -> output_missing
  4. every element is finite                                                       -> not_finite
  5. the bytes are not the seed's                                                  -> identical_to_seed
  6. the merged task vector's norm is within bounds of the largest candidate's     -> output_norm
  7. the runner had said that it was done, not only ended                          -> protocol

Each byte is read once, through the descriptor that the host kept: what is checked is what is hashed and
what is stored. Only then does a `Verified` exist. The output is closed and removed in every case.
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass

import torch

from orchestrator.blobs import BlobStore, BlobWriter
from orchestrator.candidate import Ran, Reason, Receipt, Rejection, Stage, Verified
from orchestrator.config import Verify
from orchestrator.models import MergeInputs
from orchestrator.sandbox.output import discard_output, never_written, read_tensor, shape_fault
from orchestrator.weights import TORCH_DTYPES, Weights, largest_task_vector, squared_norm
from sandbox_image.protocol import TensorSpec

_largest_task_vector = functools.lru_cache(maxsize=4)(largest_task_vector)  # the same for a whole run


class _OutputError(Exception):
    """Ends the reading; never leaves this module."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


@dataclass(slots=True)
class _Sums:
    """What is added up while the tensors go by."""

    squared: float = 0.0
    differs: bool = False


def verify_output(ran: Ran, *, inputs: MergeInputs, bounds: Verify, blobs: BlobStore) -> Verified | Rejection:
    """Check a program's output, hash it and move it into the blob store. See the module's steps.

    Raises:
        SandboxError: the output could not be read for reasons of the host.
        OSError: the blob store could not be written.
    """
    try:
        _require_clean_exit(ran.receipt)
        _require_the_file(ran, inputs)
        with blobs.writer() as blob:
            digests, sums = _read_all(ran, inputs, blob)
            ratio = _require_change(sums, inputs, bounds)
            _require_finished(ran)
            output_sha256 = blob.commit()
    except _OutputError as fault:
        return Rejection(
            proposed=ran.proposed, stage=Stage.VERIFY, reason=fault.reason, detail=str(fault), receipt=ran.receipt
        )
    finally:
        discard_output(ran.output)
    return Verified(
        program=ran.program,
        receipt=ran.receipt,
        output_sha256=output_sha256,
        tensor_sha256=digests,
        tensors=inputs.tensors,
        weights=blobs.path(output_sha256),
        norm_ratio=ratio,
    )


def _require_clean_exit(receipt: Receipt) -> None:
    if receipt.exit_code != 0 or receipt.timed_out or receipt.oom_killed:
        raise _OutputError(
            Reason.PROTOCOL, f"expected a container that exited with 0 in time, found {receipt.exit_code}"
        )


def _require_finished(ran: Ran) -> None:
    """Last, because anything that is wrong with the output itself says more."""
    if not ran.finished:
        raise _OutputError(Reason.PROTOCOL, "the process ended with status 0 before every tensor was merged")


def _require_the_file(ran: Ran, inputs: MergeInputs) -> None:
    if fault := shape_fault(ran.output):
        raise _OutputError(Reason.OUTPUT_SIZE, fault)
    if missing := [spec.name for spec in inputs.tensors if never_written(ran.output, spec)]:
        raise _OutputError(Reason.OUTPUT_MISSING, f"{len(missing)} tensors were never written, {missing[0]} first")


def _read_all(ran: Ran, inputs: MergeInputs, blob: BlobWriter) -> tuple[tuple[tuple[str, str], ...], _Sums]:
    """Read, check, hash and store tensor by tensor."""
    seed, sums = Weights(inputs.seed), _Sums()
    digests = []
    for spec in inputs.tensors:
        data = read_tensor(ran.output, spec)
        blob.write(data)
        digests.append((spec.name, hashlib.sha256(data).hexdigest()))
        if spec.nbytes:
            _add(sums, spec, _tensor(data, spec), seed.read(spec.name))
    return tuple(digests), sums


def _add(sums: _Sums, spec: TensorSpec, merged: torch.Tensor, base: torch.Tensor) -> None:
    finite = torch.isfinite(merged)
    if not bool(finite.all()):
        bad = int((~finite).sum())
        raise _OutputError(
            Reason.NOT_FINITE, f"tensor {spec.name}: {bad} of {merged.numel()} elements are NaN or infinite"
        )
    wide = torch.float64 if spec.dtype == "F64" else torch.float32
    sums.squared += squared_norm(merged.to(wide) - base.to(wide))
    sums.differs = sums.differs or not torch.equal(merged.view(torch.uint8), base.contiguous().view(torch.uint8))


def _require_change(sums: _Sums, inputs: MergeInputs, bounds: Verify) -> float:
    """Return the norm ratio, if it is within bounds."""
    if not sums.differs:
        raise _OutputError(Reason.IDENTICAL_TO_SEED, "every byte is the seed's")
    largest = _largest_task_vector(inputs)
    norm = sums.squared**0.5
    ratio = norm / largest if largest else float("inf")
    if not bounds.min_norm_ratio <= ratio <= bounds.max_norm_ratio:
        raise _OutputError(
            Reason.OUTPUT_NORM,
            f"norm of the merged task vector: expected {bounds.min_norm_ratio:g} to {bounds.max_norm_ratio:g} times "
            f"the largest candidate's ({largest:.4g}), found {ratio:.4g} times",
        )
    return ratio


def _tensor(data: bytearray, spec: TensorSpec) -> torch.Tensor:
    """View the bytes as a tensor of the manifest's dtype and shape."""
    flat = torch.frombuffer(data, dtype=TORCH_DTYPES[spec.dtype])
    return flat.reshape(spec.shape)
