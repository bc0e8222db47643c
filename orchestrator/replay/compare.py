"""Two outputs, tensor by tensor and bit by bit: which tensor differs first, and by how much at most.

Values are compared as bit patterns: -0.0 is not 0.0. Distances are counted in representable numbers between the
two (ulp), and as values. Reads files that the caller has checked against their digests; judges nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from orchestrator.weights import TORCH_DTYPES
from sandbox_image.protocol import DTYPE_BYTES, TensorSpec

_INTEGERS = {2: torch.int16, 4: torch.int32, 8: torch.int64}
_HALF = 2**62 - 1  # two of these still fit


@dataclass(frozen=True, slots=True, kw_only=True)
class Greatest:
    """One element: where two tensors are farthest apart."""

    tensor: str
    dtype: str
    element: int  # in row-major order
    bits: tuple[str, str]  # of the record and of the replay, hexadecimal, most significant digit first
    ulp: int  # representable numbers from one to the other; 0 for 0.0 and -0.0
    absolute: float
    relative: float  # to the record's value; infinite where that is zero


@dataclass(frozen=True, slots=True, kw_only=True)
class Divergence:
    """How two outputs differ. Without the record's weights, only which tensors."""

    first: str  # in the order of the output
    tensors: int  # that differ
    of: int
    elements: int = 0  # that differ, in all of them; 0 where only digests can be compared
    greatest: Greatest | None = None
    largest_ulp: Mapping[str, float] | None = None  # dtype -> in ulp of the tensor's largest element

    @property
    def digests_only(self) -> bool:
        return self.greatest is None


def differing(record: Sequence[tuple[str, str]], found: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """Return the names whose digests differ, in the order of what was found; then those that are missing there."""
    before, after = dict(record), dict(found)
    names = [name for name, digest in found if before.get(name) != digest]
    return (*names, *(name for name, _ in record if name not in after))


def digests_only(names: Sequence[str], of: int) -> Divergence:
    """Return what can be said where the record's weights were not kept."""
    return Divergence(first=names[0], tensors=len(names), of=of)


def measured(
    names: Sequence[str],
    record: Path,
    record_order: Sequence[str],
    found: Path,
    specs: Sequence[TensorSpec],
) -> Divergence:
    """Compare the named tensors of two outputs.

    Args:
        record: the recorded output, its tensors lying in `record_order`, each of the size that `specs` gives it.
        found: the replayed output, laid out as `specs` say.
    """
    by_name = {spec.name: spec for spec in specs}
    offsets, at = {}, 0
    for name in record_order:
        offsets[name] = at
        at += by_name[name].nbytes
    parts = [_compare(by_name[name], record, offsets[name], found) for name in names]
    farthest = max((part.greatest for part in parts if part.greatest), key=lambda one: (one.ulp, one.absolute))
    scaled: dict[str, float] = {}
    for part in parts:
        for dtype, value in (part.largest_ulp or {}).items():
            scaled[dtype] = max(value, scaled.get(dtype, 0.0))
    return Divergence(
        first=names[0],
        tensors=len(names),
        of=len(specs),
        elements=sum(part.elements for part in parts),
        greatest=farthest,
        largest_ulp=scaled,
    )


def _compare(spec: TensorSpec, record: Path, offset: int, found: Path) -> Divergence:
    before, after = _read(record, offset, spec), _read(found, spec.offset, spec)
    values = tuple(data.view(TORCH_DTYPES[spec.dtype]).to(torch.float64) for data in (before, after))
    bits = tuple(data.view(_INTEGERS[DTYPE_BYTES[spec.dtype]]).to(torch.int64) for data in (before, after))
    apart = (values[0] - values[1]).abs()
    distance = _distance(*(_ordered(one, DTYPE_BYTES[spec.dtype]) for one in bits))
    differs = bits[0] != bits[1]
    at = int(torch.where(differs, distance, torch.full_like(distance, -1)).argmax())
    largest = float(values[0].abs().max())
    return Divergence(
        first=spec.name,
        tensors=1,
        of=1,
        elements=int(differs.sum()),
        greatest=_greatest(spec, at, bits, values, int(distance[at])),
        largest_ulp={spec.dtype: _scaled(float(apart.max()), largest, spec.dtype)},
    )


def _greatest(
    spec: TensorSpec, at: int, bits: tuple[torch.Tensor, ...], values: tuple[torch.Tensor, ...], ulp: int
) -> Greatest:
    width = DTYPE_BYTES[spec.dtype]
    before, after = float(values[0][at]), float(values[1][at])
    first, second = (f"{int(one[at]) & (1 << 8 * width) - 1:0{2 * width}x}" for one in bits)
    apart = abs(before - after)
    return Greatest(
        tensor=spec.name,
        dtype=spec.dtype,
        element=at,
        bits=(first, second),
        ulp=ulp,
        absolute=apart,
        relative=apart / abs(before) if before else (float("inf") if apart else 0.0),
    )


def _scaled(apart: float, largest: float, dtype: str) -> float:
    """Return a distance in units in the last place of a tensor's largest element."""
    eps = torch.finfo(TORCH_DTYPES[dtype]).eps
    unit = 2.0 ** torch.tensor(largest, dtype=torch.float64).log2().floor().item() * eps if largest else 0.0
    return apart / unit if unit else (float("inf") if apart else 0.0)


def _read(path: Path, offset: int, spec: TensorSpec) -> torch.Tensor:
    with path.open("rb") as file:
        file.seek(offset)
        data = bytearray(file.read(spec.nbytes))
    return torch.frombuffer(data, dtype=torch.uint8)


def _ordered(bits: torch.Tensor, width: int) -> torch.Tensor:
    """Map bit patterns (sign and magnitude) to integers in the order of their values; 0.0 and -0.0 are both 0."""
    low = -(1 << 8 * width - 1)
    return torch.where(bits >= 0, bits, low - bits)


def _distance(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Return |one - other| without overflow; of 64-bit numbers of unlike sign, at most 2^63 - 2."""
    alike = (one < 0) == (other < 0)
    return torch.where(alike, (one - other).abs(), one.abs().clamp(max=_HALF) + other.abs().clamp(max=_HALF))
