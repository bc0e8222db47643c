"""The models that are merged: which files, which tensors, and what the merged result must look like.

Reads safetensors headers and digests only; no weights are loaded here. Everything that later judges a
program's output (names, dtypes, shapes, offsets) is fixed here, before any program exists.
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.credentials import kinds, redacted
from orchestrator.errors import ModelError
from sandbox_image.protocol import DTYPE_BYTES, TensorSpec, layer_of

WEIGHTS = ("*.safetensors",)
WORDS = ("*.json", "*.model", "*.txt", "*.jinja")  # of a model's directory: tokenizer and settings
_HASH_CHUNK_BYTES = 8 * 1024 * 1024
_MAX_HEADER_BYTES = 100_000_000  # the safetensors format's own limit


Stamp = tuple[int, ...]
"""Device, inode, size and times of a file: nobody but root changes its bytes and leaves them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFiles:
    """One model directory: its safetensors files and their digests."""

    name: str
    path: Path
    files: tuple[Path, ...]
    sha256: tuple[str, ...]
    stamps: tuple[Stamp, ...]  # of the files, taken before they were digested

    @property
    def container_paths(self) -> tuple[str, ...]:
        """Where the files are seen inside the container."""
        return tuple(f"/inputs/{self.name}/{index}.safetensors" for index in range(len(self.files)))


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeInputs:
    """The seed, the candidate models, and the exact layout of any merged result."""

    seed: ModelFiles
    candidates: tuple[ModelFiles, ...]
    tensors: tuple[TensorSpec, ...]  # in output order
    num_layers: int

    @property
    def output_bytes(self) -> int:
        return sum(spec.nbytes for spec in self.tensors)

    @property
    def mounts(self) -> tuple[tuple[Path, str], ...]:
        """(host file, container path) of every read-only input."""
        models = (self.seed, *self.candidates)
        return tuple(pair for model in models for pair in zip(model.files, model.container_paths, strict=True))


def resolve_inputs(seed: Path, candidates: dict[str, Path], include: tuple[str, ...]) -> MergeInputs:
    """Open the models and fix the layout of the merged result.

    Raises:
        ModelError: a directory has no safetensors, or a model does not fit the seed (first tensor named).
    """
    if bad := [
        name for name in candidates if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", name) or name == "seed"
    ]:
        raise ModelError(
            f"candidate name {bad[0]!r}: expected letters, digits, `_`, `.`, `-`, and not `seed`",
            remedy="rename it under [models.candidates]",
        )
    seed_files = _open_model("seed", seed)
    seed_header = _headers(seed_files)
    opened = []
    for name, path in candidates.items():
        model = _open_model(name, path)
        _require_same(seed_header, _headers(model), seed=seed, other=path, name=name)
        opened.append(model)
    return MergeInputs(
        seed=seed_files,
        candidates=tuple(opened),
        tensors=_layout(seed_header, include),
        num_layers=1 + max((layer_of(name) or 0 for name in seed_header), default=0),
    )


class Watch:
    """Knows whether the models' files still hold what was digested. Cheap: files are read again only if touched."""

    def __init__(self, inputs: MergeInputs) -> None:
        self._models = (inputs.seed, *inputs.candidates)
        self._stamps = {file: stamp for one in self._models for file, stamp in zip(one.files, one.stamps, strict=True)}

    def require(self) -> None:
        """Look at every file.

        Raises:
            ModelError: the first file that is gone, or has other bytes than when the run began.
        """
        for model in self._models:
            for file, digest in zip(model.files, model.sha256, strict=True):
                try:
                    self._require(model.name, file, digest)
                except OSError as error:
                    raise _changed(f"model {model.name}: {file}: {error.strerror}") from error

    def _require(self, name: str, file: Path, digest: str) -> None:
        stamp = _stamp(file)
        if stamp == self._stamps[file]:
            return
        if (found := _sha256(file)) != digest:
            raise _changed(f"model {name}: {file}: expected sha256 {digest}, as recorded, found {found}")
        self._stamps[file] = stamp


def _changed(what: str) -> ModelError:
    return ModelError(what, remedy="models must not change while a run is at work: put back what it began with")


def weights_digest(model_dir: Path) -> str:
    """Return one sha256 (hex) over name, size and bytes of each safetensors file of a directory."""
    return folder_digest(model_dir, WEIGHTS)


def folder_digest(folder: Path, patterns: Sequence[str]) -> str:
    """Return one sha256 (hex) over name, size and bytes of each file of a directory that a pattern names."""
    digest = hashlib.sha256()
    for file in sorted({file for pattern in patterns for file in folder.glob(pattern) if file.is_file()}):
        digest.update(f"{file.name}\0{file.stat().st_size}\0".encode())
        with file.open("rb") as stream:
            while chunk := stream.read(_HASH_CHUNK_BYTES):
                digest.update(chunk)
    return digest.hexdigest()


def _open_model(name: str, path: Path) -> ModelFiles:
    if not path.is_dir():
        raise ModelError(f"model {name}: {path} is not a directory", remedy="set its path under [models]")
    files = tuple(file.resolve() for file in sorted(path.glob("*.safetensors")))
    if not files:
        raise ModelError(
            f"model {name}: no *.safetensors file in {path}",
            remedy="convert it with save_pretrained; pickled weights (.bin, .pt) are never loaded",
        )
    try:
        stamps = tuple(_stamp(file) for file in files)
        sha256 = tuple(_sha256(file) for file in files)
        return ModelFiles(name=name, path=path, files=files, sha256=sha256, stamps=stamps)
    except OSError as error:
        raise ModelError(f"model {name}: {error.filename}: {error.strerror}", remedy="make it readable") from error


def _stamp(path: Path) -> Stamp:
    stat = path.stat()
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_HASH_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _headers(model: ModelFiles) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Return parameter name -> (dtype, shape), over all shards."""
    tensors: dict[str, tuple[str, tuple[int, ...]]] = {}
    for file in model.files:
        for name, entry in _read_header(file).items():
            if name != "__metadata__":
                tensors[name] = (str(entry["dtype"]), tuple(int(size) for size in entry["shape"]))
    return tensors


def _read_header(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            if not 2 <= length <= _MAX_HEADER_BYTES:
                raise ValueError(f"header length {length}")
            header = json.loads(stream.read(length))
        if not isinstance(header, dict):
            raise TypeError("header is not an object")
        return header
    except (ValueError, TypeError, KeyError) as error:
        raise ModelError(f"{file}: not a safetensors file ({error})", remedy="save the model again") from error


def _require_same(
    seed_header: dict[str, tuple[str, tuple[int, ...]]],
    header: dict[str, tuple[str, tuple[int, ...]]],
    *,
    seed: Path,
    other: Path,
    name: str,
) -> None:
    """Refuse a candidate whose tensors differ from the seed's; the first differing one is named."""
    for tensor in sorted(seed_header.keys() | header.keys()):
        expected, found = seed_header.get(tensor), header.get(tensor)
        same_shape = expected is not None and found is not None and expected[1] == found[1]
        if not same_shape:
            raise ModelError(
                f"model {name} ({other}): tensor {tensor}: expected {_show(expected)} as in the seed ({seed}), "
                f"found {_show(found)}",
                remedy="candidates must be fine-tuned from the seed's architecture; remove it from [models.candidates]",
            )


def _show(entry: tuple[str, tuple[int, ...]] | None) -> str:
    return f"{entry[0]} {list(entry[1])}" if entry else "no such tensor"


def _layout(header: dict[str, tuple[str, tuple[int, ...]]], include: tuple[str, ...]) -> tuple[TensorSpec, ...]:
    """Fix names, dtypes, shapes and offsets of the merged tensors, sorted by name."""
    if bad := [name for name in header if kinds(name)]:
        raise ModelError(
            f"a tensor is named {redacted(bad[0])!r}: expected no credential", remedy="rename it: names are recorded"
        )
    specs: list[TensorSpec] = []
    offset = 0
    for name in sorted(header):
        dtype, shape = header[name]
        if dtype not in DTYPE_BYTES or not any(fnmatch.fnmatchcase(name, pattern) for pattern in include):
            continue
        nbytes = DTYPE_BYTES[dtype]
        for size in shape:
            nbytes *= size
        specs.append(TensorSpec(name=name, dtype=dtype, shape=shape, offset=offset, nbytes=nbytes))
        offset += nbytes
    if not specs or offset == 0:
        raise ModelError(
            f"[models] include = {list(include)} matches no floating tensor of the seed (it has {len(header)})",
            remedy="for example include = ['*.mlp.*'], or ['*'] for all",
        )
    return tuple(specs)
