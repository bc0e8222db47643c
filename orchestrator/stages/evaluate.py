"""Verified -> Scored: put a program's merged weights into the resident model and ask it the items.

The bytes are hashed again before use, and the same mapped bytes are used: what is scored is what was
verified. Nothing here says no to a program; what fails here is the platform's fault (`EngineError`)
and never becomes a score.
"""

from __future__ import annotations

import contextlib
import hashlib
import mmap
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from evals.arithmetic import ArithmeticTask
from evals.engines.base import Engine, InferenceError
from evals.gsm8k import Gsm8kTask
from evals.math500 import Math500Task
from evals.scorers import JudgeError
from evals.splits import DEV
from evals.task import Item, Task, TaskError
from orchestrator import config
from orchestrator.candidate import Score, Scored, Verified
from orchestrator.errors import ConfigError, EngineError
from sandbox_image.protocol import TensorSpec

if TYPE_CHECKING:
    import torch

_HASH_CHUNK_BYTES = 8 * 1024 * 1024
_TORCH_DTYPES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}


def open_task(settings: config.Evaluate, *, lab_items: Path) -> Task:
    """Load the task that the configuration names; `lab_items` is the folder of the lab's own items.

    Wrap it in `evals.splits.Sealed` before the search sees it.

    Raises:
        ConfigError: the data file is missing, malformed or too small for the splits asked for.
    """
    sizes = {"dev_items": settings.dev_items, "test_items": settings.test_items}
    if settings.task != "lab" and not settings.data:
        raise ConfigError(
            f"key `evaluate.data`: expected the JSONL file of {settings.task}, found none",
            remedy='set data = "path/to/test.jsonl" under [evaluate]',
        )
    try:
        if settings.task == "gsm8k":
            return Gsm8kTask(Path(settings.data), shots=settings.shots, **sizes)
        if settings.task == "math500":
            return Math500Task(Path(settings.data), shots=settings.shots, **sizes)
        return ArithmeticTask(Path(settings.data) if settings.data else lab_items, **sizes)
    except TaskError as error:
        raise ConfigError(f"[evaluate] {error}", remedy="set data, dev_items, test_items and shots to fit") from error


def evaluate_model(
    verified: Verified,
    *,
    engine: Engine,
    task: Task,
    items: Sequence[Item],
    max_new_tokens: int,
    clock: Callable[[], float] = time.monotonic,
) -> Scored:
    """Score one verified program on dev items; the engine is left with its weights in place.

    Raises:
        EngineError: the bytes are not those that were verified, or the engine failed.
    """
    started = clock()
    with merged_tensors(verified) as tensors, _as_engine_error(verified.proposed.id):
        engine.swap(tensors)
        dev = _score(engine, task, items, split=DEV, max_new_tokens=max_new_tokens)
    return Scored(verified=verified, dev=dev, seconds=clock() - started)


def score_split(
    engine: Engine,
    task: Task,
    items: Sequence[Item],
    *,
    split: str,
    max_new_tokens: int,
    tensors: Mapping[str, torch.Tensor] | None = None,
) -> Score:
    """Score the seed (no `tensors`) or a baseline's merged tensors on the items of a split.

    Raises:
        EngineError: the engine failed.
    """
    with _as_engine_error("baseline" if tensors else "seed"):
        engine.swap(tensors or {})
        return _score(engine, task, items, split=split, max_new_tokens=max_new_tokens)


@contextlib.contextmanager
def merged_tensors(verified: Verified) -> Iterator[dict[str, torch.Tensor]]:
    """Map the verified bytes, check their digest and give them as tensors, in the seed's dtypes and shapes.

    The tensors share the mapping: do not keep them beyond the `with`.

    Raises:
        EngineError: the file is missing, has another size or another digest, or this host is big-endian.
    """
    if sys.byteorder != "little":
        raise EngineError("merged weights are little-endian bytes and this host is big-endian")
    expected = sum(spec.nbytes for spec in verified.tensors)
    try:
        with verified.weights.open("rb") as file:
            size = file.seek(0, 2)
            if size != expected:
                raise EngineError(f"{verified.weights}: expected {expected} bytes, found {size}", remedy=_REMEDY)
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    except OSError as error:
        raise EngineError(f"{verified.weights}: cannot be read: {error.strerror}", remedy=_REMEDY) from error
    found = _sha256(mapped)
    if found != verified.output_sha256:
        raise EngineError(
            f"{verified.weights}: expected sha256 {verified.output_sha256}, as verified, found {found}", remedy=_REMEDY
        )
    yield {spec.name: _tensor(mapped, spec) for spec in verified.tensors}


_REMEDY = "the blob store was changed after verification: find out by whom before trusting this run"


def _sha256(data: mmap.mmap) -> str:
    digest = hashlib.sha256()
    with memoryview(data) as view:
        for start in range(0, len(view), _HASH_CHUNK_BYTES):
            digest.update(view[start : start + _HASH_CHUNK_BYTES])
    return digest.hexdigest()


def _tensor(data: mmap.mmap, spec: TensorSpec) -> torch.Tensor:
    import torch

    dtype: torch.dtype = getattr(torch, _TORCH_DTYPES[spec.dtype])
    if spec.nbytes == 0:
        return torch.empty(spec.shape, dtype=dtype)
    count = spec.nbytes // dtype.itemsize
    return torch.frombuffer(data, dtype=dtype, count=count, offset=spec.offset).reshape(spec.shape)


def _score(engine: Engine, task: Task, items: Sequence[Item], *, split: str, max_new_tokens: int) -> Score:
    if not items:
        raise EngineError(f"split {split}: expected at least one item, found none")
    outputs = engine.generate([item.prompt for item in items], max_new_tokens=max_new_tokens, stop=task.stop)
    return Score(
        split=split,
        correct=tuple(task.correct(item, output) for item, output in zip(items, outputs, strict=True)),
    )


@contextlib.contextmanager
def _as_engine_error(what: str) -> Iterator[None]:
    """Turn an engine's own failures into `EngineError`, naming what was being scored."""
    try:
        yield
    except (InferenceError, JudgeError) as error:
        raise EngineError(f"scoring {what}: {error}") from error
    except RuntimeError as error:  # torch's own, such as memory that ran out
        raise EngineError(
            f"scoring {what}: {str(error).splitlines()[0]}", remedy="lower evaluate.batch_size if memory ran out"
        ) from error


class CanaryEngine:
    """An engine that proves now and then that swapping leaves no trace.

    After every `every` swaps it restores the seed, answers a few prompts again and compares the text with
    the first answers. Weights that leak from one program into the next would otherwise be scored silently.
    """

    def __init__(self, engine: Engine, prompts: Sequence[str], *, every: int, max_new_tokens: int) -> None:
        """Take the seed's answers now.

        Raises:
            EngineError: no prompts, or the engine failed.
        """
        if not prompts:
            raise EngineError("the canary needs at least one prompt")
        self._engine = engine
        self._prompts = tuple(prompts)
        self._every = every
        self._max_new_tokens = max_new_tokens
        self._swaps = 0
        self.checks = 0
        self._first = self._sing()

    def swap(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Swap as the engine does; every so often, compare the seed's answers before it.

        Raises:
            EngineError: the restored seed answers otherwise than it did at first.
        """
        if self._swaps and self._swaps % self._every == 0:
            self._check()
        self._swaps += 1
        self._engine.swap(tensors)

    def generate(self, prompts: Sequence[str], *, max_new_tokens: int, stop: Sequence[str]) -> list[str]:
        return self._engine.generate(prompts, max_new_tokens=max_new_tokens, stop=stop)

    def _check(self) -> None:
        self.checks += 1
        answers = self._sing()
        for prompt, first, now in zip(self._prompts, self._first, answers, strict=True):
            if first != now:
                raise EngineError(
                    f"the restored seed answers {prompt[-60:]!r} with {now!r} after {self._swaps} swaps, expected "
                    f"{first!r} as at first",
                    remedy="scores since the last check are not to be trusted; restart the run",
                )

    def _sing(self) -> list[str]:
        with _as_engine_error("the canary"):
            self._engine.swap({})
            return self._engine.generate(self._prompts, max_new_tokens=self._max_new_tokens, stop=())
