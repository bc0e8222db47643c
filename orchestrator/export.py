"""Writes a verified merge as a model directory in Hugging Face layout, ready for `from_pretrained`.

The merged tensors come from the blob store, all others from the seed, as do configuration and tokenizer.
The host writes the safetensors header; nothing of it came from a program.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import torch
from safetensors.torch import save_file

from orchestrator.candidate import Verified
from orchestrator.errors import UsageError
from orchestrator.models import MergeInputs
from orchestrator.weights import TORCH_DTYPES, Weights

WEIGHTS_NAME = "model.safetensors"
_COPIED = ("*.json", "*.model", "*.txt", "*.jinja")
_INDEX = "model.safetensors.index.json"  # names shards that the merged model does not have


def write_model(verified: Verified, *, inputs: MergeInputs, out: Path) -> Path:
    """Write the merged model to the directory `out`, whole or not at all; return it.

    Raises:
        UsageError: `out` exists with something in it, or cannot be written.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out}: expected a new or empty directory", remedy="pass another --out, or remove it")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as scratch:
            made = Path(scratch) / out.name
            made.mkdir()
            _fill(made, verified, inputs)
            made.rename(out)
    except OSError as error:
        raise UsageError(
            f"{out}: cannot be written: {error.strerror}", remedy="pass an --out that you may write"
        ) from error
    return out


def merged_state(verified: Verified, inputs: MergeInputs) -> dict[str, torch.Tensor]:
    """Return every parameter of the merged model: merged ones from the blob, the rest from the seed."""
    seed = Weights(inputs.seed)
    state = {name: seed.read(name) for name in seed.names}
    with verified.weights.open("rb") as file:
        for spec in verified.tensors:
            file.seek(spec.offset)
            data = bytearray(file.read(spec.nbytes))
            dtype = TORCH_DTYPES[spec.dtype]
            flat = torch.frombuffer(data, dtype=dtype) if data else torch.empty(0, dtype=dtype)
            state[spec.name] = flat.reshape(spec.shape)
    return state


def _fill(folder: Path, verified: Verified, inputs: MergeInputs) -> None:
    for pattern in _COPIED:
        for path in sorted(inputs.seed.path.glob(pattern)):
            if path.name != _INDEX and path.is_file():
                shutil.copyfile(path, folder / path.name)
    weights = folder / WEIGHTS_NAME
    save_file(merged_state(verified, inputs), str(weights), metadata={"format": "pt"})
    weights.chmod(0o644)
    with weights.open("rb") as file:
        os.fsync(file.fileno())
