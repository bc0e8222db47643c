"""Reads task vectors from the mounted models and writes merged tensors into the output file.

What is written is only a claim: the host reads the file again through its own descriptor.
"""

from __future__ import annotations

import ctypes
import json
import math
import os
import sys
from collections.abc import Mapping, Sequence

import torch

from sandbox_image.protocol import TensorSpec

TORCH_DTYPES: Mapping[str, torch.dtype] = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
}

_LENGTH_BYTES = 8


class Model:
    """One model's safetensors files, opened; tensors are read one at a time.

    The format is a length, a JSON header and raw bytes. The host has checked the headers, and digests the
    files; reading it here keeps one more package out of the image.
    """

    def __init__(self, files: Sequence[str], device: str) -> None:
        self._device = device
        self._where: dict[str, tuple[int, int, torch.dtype, list[int]]] = {}
        for path in files:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            length = int.from_bytes(os.pread(fd, _LENGTH_BYTES, 0), "little")
            for name, entry in json.loads(_read(fd, _LENGTH_BYTES, length)).items():
                if entry.get("dtype") in TORCH_DTYPES:
                    offset = _LENGTH_BYTES + length + entry["data_offsets"][0]
                    self._where[name] = (fd, offset, TORCH_DTYPES[entry["dtype"]], entry["shape"])

    def read(self, name: str) -> torch.Tensor:
        """Return a fresh copy of a floating parameter, in its own dtype, on the device."""
        fd, offset, dtype, shape = self._where[name]
        count = math.prod(shape)
        if count == 0:
            return torch.empty(shape, dtype=dtype, device=self._device)
        flat = torch.frombuffer(_read(fd, offset, count * dtype.itemsize), dtype=dtype)
        return flat.reshape(shape).to(self._device)


def task_vectors(base: torch.Tensor, candidates: Mapping[str, Model], name: str) -> dict[str, torch.Tensor]:
    """Return candidate name -> theta_j - theta_seed for one parameter: float32, fresh copies."""
    seed = base.to(torch.float32)
    return {key: model.read(name).to(torch.float32) - seed for key, model in candidates.items()}


def merged(base: torch.Tensor, task_vector: torch.Tensor, dtype: str) -> torch.Tensor:
    """Return theta_seed + tau, computed in float32 (float64 for a float64 seed), in the seed's dtype."""
    wide = torch.float64 if dtype == "F64" else torch.float32
    return (base.to(wide) + task_vector.to(wide)).to(TORCH_DTYPES[dtype])


def write_tensor(fd: int, spec: TensorSpec, tensor: torch.Tensor) -> None:
    """Write a tensor's raw little-endian bytes at its offset."""
    data = tensor.detach().to("cpu").contiguous()
    if data.nbytes != spec.nbytes or sys.byteorder != "little":
        raise ValueError(
            f"{spec.name}: expected {spec.nbytes} little-endian bytes, found {data.nbytes} {sys.byteorder}"
        )
    view = memoryview((ctypes.c_char * spec.nbytes).from_address(data.data_ptr())) if spec.nbytes else memoryview(b"")
    written = 0
    while written < spec.nbytes:
        written += os.pwrite(fd, view[written:], spec.offset + written)


def _read(fd: int, offset: int, size: int) -> bytearray:
    """Return exactly `size` bytes; one `pread` gives at most 2 GiB."""
    data = bytearray(size)
    view, done = memoryview(data), 0
    while done < size:
        count = os.preadv(fd, [view[done:]], offset + done)
        if count == 0:
            raise EOFError(f"expected {size} bytes at {offset}, found {done}")
        done += count
    return data
