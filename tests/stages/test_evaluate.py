"""Evaluation: scores only the bytes that were verified, and notices an engine that leaks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from evals.arithmetic import ArithmeticTask
from evals.engines.base import InferenceError
from evals.engines.hf import HfEngine
from evals.task import Item
from orchestrator.candidate import Admitted, Proposed, Receipt, Screened, Verified
from orchestrator.config import Evaluate
from orchestrator.errors import ConfigError, EngineError
from orchestrator.models import MergeInputs, resolve_inputs
from orchestrator.stages.evaluate import CanaryEngine, evaluate_model, merged_tensors, open_task, score_split
from tests.evals.data import FIXTURES
from tests.tiny import make_tiny, make_variant, weights

PROMPTS = ("what is 12 plus 7?", "what is 30 minus 4?", "what is 6 times 9?", "return")


class Echo:
    """A task whose right answers are what one model says: its score is 1, others' are lower."""

    name = "echo"
    stop: Sequence[str] = ()

    def __init__(self, engine: HfEngine) -> None:
        said = engine.generate(PROMPTS, max_new_tokens=4, stop=())
        self._items = [Item(id=prompt, prompt=prompt, answer=text) for prompt, text in zip(PROMPTS, said, strict=True)]

    def items(self, split: str) -> Sequence[Item]:
        return self._items

    def correct(self, item: Item, output: str) -> bool:
        return output == item.answer


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("models")
    seed = make_tiny(folder / "seed")
    return seed, make_variant(seed, folder / "expert", seed=1)


@pytest.fixture(scope="module")
def inputs(models: tuple[Path, Path]) -> MergeInputs:
    return resolve_inputs(models[0], {"expert": models[1]}, ("*.mlp.*", "*embed*"))


@pytest.fixture
def engine(models: tuple[Path, Path]) -> HfEngine:
    return HfEngine(models[0], batch_size=4)


def raw(tensors: Mapping[str, torch.Tensor], inputs: MergeInputs) -> bytes:
    return b"".join(tensors[spec.name].contiguous().numpy().tobytes() for spec in inputs.tensors)


def verified(data: bytes, inputs: MergeInputs, folder: Path) -> Verified:
    (folder / "blob").write_bytes(data)
    proposed = Proposed(id="i1-000", iteration=1, index=0, source="", digest="")
    return Verified(
        program=Screened(admitted=Admitted(proposed=proposed, policy_digest="", ast_digest=""), fingerprint="f"),
        receipt=Receipt(
            container_id="",
            image_id="",
            exit_code=0,
            oom_killed=False,
            timed_out=False,
            wall_seconds=0.0,
            startup_seconds=0.0,
            peak_memory_bytes=0,
            stdout="",
            stderr="",
            truncated=False,
        ),
        output_sha256=hashlib.sha256(data).hexdigest(),
        tensor_sha256=(),
        tensors=inputs.tensors,
        weights=folder / "blob",
        norm_ratio=1.0,
    )


def test_a_program_is_scored_on_the_model_that_its_bytes_make(
    engine: HfEngine, models: tuple[Path, Path], inputs: MergeInputs, tmp_path: Path
) -> None:
    engine.swap({spec.name: weights(models[1])[spec.name] for spec in inputs.tensors})
    task = Echo(engine)
    engine.swap({})
    merged = verified(raw(weights(models[1]), inputs), inputs, tmp_path)
    scored = evaluate_model(merged, engine=engine, task=task, items=task.items("dev"), max_new_tokens=4)
    assert scored.dev.split == "dev"
    assert scored.dev.correct == (True,) * len(PROMPTS)
    assert scored.verified is merged
    seed = score_split(engine, task, task.items("dev"), split="dev", max_new_tokens=4)
    assert seed.accuracy < 1


def test_the_seed_s_score_does_not_depend_on_what_was_scored_before(
    engine: HfEngine, models: tuple[Path, Path], inputs: MergeInputs, tmp_path: Path
) -> None:
    task = Echo(engine)
    merged = verified(raw(weights(models[1]), inputs), inputs, tmp_path)
    evaluate_model(merged, engine=engine, task=task, items=task.items("dev"), max_new_tokens=4)
    assert score_split(engine, task, task.items("dev"), split="dev", max_new_tokens=4).accuracy == 1


@pytest.mark.parametrize("change", ["one bit", "shorter", "longer", "missing"])
def test_bytes_other_than_the_verified_ones_are_never_scored(
    engine: HfEngine, models: tuple[Path, Path], inputs: MergeInputs, tmp_path: Path, change: str
) -> None:
    data = raw(weights(models[1]), inputs)
    merged = verified(data, inputs, tmp_path)
    match change:
        case "one bit":
            merged.weights.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        case "shorter":
            merged.weights.write_bytes(data[:-4])
        case "longer":
            merged.weights.write_bytes(data + bytes(4))
        case _:
            merged.weights.unlink()
    task = Echo(engine)
    with pytest.raises(EngineError, match=r"blob: (expected|cannot be read)"):
        evaluate_model(merged, engine=engine, task=task, items=task.items("dev"), max_new_tokens=4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
def test_tensors_come_out_of_the_bytes_in_every_dtype(tmp_path: Path, dtype: torch.dtype) -> None:
    tensors = {"a.weight": torch.randn(3, 5).to(dtype), "b.weight": torch.randn(7).to(dtype)}
    (tmp_path / "m").mkdir()
    save_file(tensors, tmp_path / "m" / "model.safetensors")
    inputs = resolve_inputs(tmp_path / "m", {"expert": tmp_path / "m"}, ("*",))
    data = b"".join(tensors[spec.name].view(torch.uint8).numpy().tobytes() for spec in inputs.tensors)
    with merged_tensors(verified(data, inputs, tmp_path)) as found:
        assert found.keys() == tensors.keys()
        assert all(torch.equal(found[name], tensors[name]) for name in tensors)


def test_changing_the_tensors_does_not_change_the_blob(
    models: tuple[Path, Path], inputs: MergeInputs, tmp_path: Path
) -> None:
    merged = verified(raw(weights(models[1]), inputs), inputs, tmp_path)
    with merged_tensors(merged) as tensors:
        for tensor in tensors.values():
            tensor.zero_()
    with merged_tensors(merged):
        pass  # the digest still holds


class Leaky:
    """An engine that forgets to restore one tensor."""

    def __init__(self, engine: HfEngine) -> None:
        self._engine = engine
        self._kept: dict[str, torch.Tensor] = {}

    def swap(self, tensors: Mapping[str, torch.Tensor]) -> None:
        self._kept.update({name: tensor for name, tensor in tensors.items() if "embed" in name})
        self._engine.swap({**tensors, **self._kept})

    def generate(self, prompts: Sequence[str], *, max_new_tokens: int, stop: Sequence[str]) -> list[str]:
        return self._engine.generate(prompts, max_new_tokens=max_new_tokens, stop=stop)


def test_the_canary_notices_an_engine_that_does_not_restore_the_seed(
    engine: HfEngine, models: tuple[Path, Path]
) -> None:
    canary = CanaryEngine(Leaky(engine), PROMPTS, every=2, max_new_tokens=4)
    canary.swap(weights(models[1]))
    canary.swap({})
    with pytest.raises(EngineError, match="the restored seed answers"):
        canary.swap({})


def test_the_canary_is_silent_over_an_engine_that_restores(engine: HfEngine, models: tuple[Path, Path]) -> None:
    canary = CanaryEngine(engine, PROMPTS, every=2, max_new_tokens=4)
    for _ in range(7):
        canary.swap(weights(models[1]))
    assert canary.checks == 3
    assert canary.generate(PROMPTS, max_new_tokens=4, stop=()) == engine.generate(PROMPTS, max_new_tokens=4, stop=())


class Broken:
    """An engine that fails."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def swap(self, tensors: Mapping[str, torch.Tensor]) -> None:
        raise self._error

    def generate(self, prompts: Sequence[str], *, max_new_tokens: int, stop: Sequence[str]) -> list[str]:
        raise self._error


@pytest.mark.parametrize("error", [InferenceError("no such tensor"), RuntimeError("CUDA out of memory")])
def test_a_failing_engine_is_the_platform_s_fault_and_no_score(engine: HfEngine, error: Exception) -> None:
    task = Echo(engine)
    with pytest.raises(EngineError, match=str(error)):
        score_split(Broken(error), task, task.items("dev"), split="dev", max_new_tokens=4)


def test_a_split_without_items_has_no_score(engine: HfEngine) -> None:
    with pytest.raises(EngineError, match="expected at least one item"):
        score_split(engine, Echo(engine), [], split="dev", max_new_tokens=4)


def test_the_configured_task_is_opened(tmp_path: Path) -> None:
    settings = Evaluate(task="gsm8k", data=str(FIXTURES / "gsm8k.jsonl"), dev_items=4, test_items=2, shots=1)
    task = open_task(settings, lab_items=tmp_path)
    assert (task.name, len(task.items("dev")), len(task.items("test"))) == ("gsm8k", 4, 2)


def test_the_lab_brings_its_own_items(tmp_path: Path) -> None:
    for split in ("dev", "test"):
        line = json.dumps({"id": split, "prompt": "1 plus 1?", "answer": "2"})
        (tmp_path / f"{split}.jsonl").write_text(line + "\n")
    task = open_task(Evaluate(dev_items=1, test_items=1), lab_items=tmp_path)
    assert isinstance(task, ArithmeticTask)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (Evaluate(task="math500"), "key `evaluate.data`: expected the JSONL file of math500"),
        (Evaluate(task="gsm8k", data=str(FIXTURES / "gsm8k.jsonl")), "at least 800 dev . 1000 test items, found 8"),
        (Evaluate(), "dev.jsonl: cannot be read"),
    ],
)
def test_items_that_cannot_be_had_are_the_user_s_to_mend(settings: Evaluate, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        open_task(settings, lab_items=tmp_path)
