"""A bundle that stays in the repository, and the models that it was made from, byte by byte by rule.

`python -m tests.replay.kept FILE` makes another one, for when formats change: the old ones stay, too.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import struct
import sys
from pathlib import Path

from orchestrator.bundle import write_bundle
from orchestrator.config import parse_config
from tests.replay.recorded import record

FOLDER = Path("/tmp/assay-kept")  # noqa: S108  (what the record names: of nobody's machine)
NAMES = ("seed", "one", "two")
SHAPES = {"layers.0.weight": (8, 16), "layers.1.weight": (16, 8), "norm.weight": (16,)}


def write_models(folder: Path) -> dict[str, Path]:
    """Write the models; the same bytes on every machine and with every version of every library."""
    models = {}
    for number, name in enumerate(NAMES):
        models[name] = folder / name
        models[name].mkdir(parents=True)
        (models[name] / "model.safetensors").write_bytes(_safetensors(number))
    return models


def _safetensors(number: int) -> bytes:
    header, data = {}, b""
    for name, shape in SHAPES.items():
        count = shape[0] * (shape[1] if len(shape) > 1 else 1)
        values = [((index * 40503 + number * 977) % 65536 - 32768) / 65536 for index in range(count)]
        packed = struct.pack(f"<{count}f", *values)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(packed)]}
        data += packed
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def make(out: Path) -> None:
    """Record the programs on these models and bundle the record."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    os.environ["ASSAY_KEYS"] = str(FOLDER / "keys")
    platform.platform = lambda *_, **__: "Linux"  # the kernel's name is nobody's business
    models = {name: str(path) for name, path in write_models(FOLDER / "models").items()}
    image = {"name": os.environ.get("ASSAY_IMAGE", "assay-sandbox")}
    raw = {"name": "kept", "models": {"seed": models.pop("seed"), "candidates": models}, "image": image}
    write_bundle(record(parse_config(raw, source="kept"), FOLDER / "run"), out, weights=False)


if __name__ == "__main__":
    make(Path(sys.argv[1]))
