"""Preference pairs -> a trained factory, with TRL's DPOTrainer. The only module that imports trl.

One call is one iteration's training: the factory that is passed in is both the starting point and the
frozen reference, whose log-probabilities are computed once before training, so that no second model is
held in memory. What comes out is always a full model directory: with `method = "lora"` the adapter is
merged into the weights (and kept beside them in `adapter/`), so that the next iteration samples from it,
and trains from it, like from any factory.

It decides nothing about which programs are better: that is `preferences.py`'s.
"""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from evals.engines.hf import quiet_transformers
from orchestrator.config import Dpo
from orchestrator.errors import EngineError
from orchestrator.models import weights_digest
from orchestrator.stages.learn.preferences import Pair

if TYPE_CHECKING:
    import torch

Progress = Callable[[int, int], None]  # (done, total) optimiser steps

ADAPTER_FOLDER = "adapter"
MAX_GRAD_NORM = 1.0  # gradients are clipped at this norm


class Prompt(Protocol):
    """What the factory was asked (`generate/prompts.py` has the real ones)."""

    @property
    def text(self) -> str: ...

    @property
    def chat(self) -> bool:
        """Whether the text is an instruction, to be wrapped in the model's chat template if it has one."""
        ...

    def completion(self, program: str) -> str:
        """Return what the factory writes after the prompt when it writes this program.

        Raises:
            ValueError: it cannot have written it.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A trained factory, and how the training went."""

    checkpoint: Path  # a model directory in Hugging Face layout
    adapter_digest: str  # sha256 over the names and bytes of the checkpoint's safetensors files
    pairs: int  # given
    dropped: int  # of those, left out: too long, or not on a token boundary
    steps: int
    loss_first: float
    loss_last: float
    accuracy: float  # share of pairs whose chosen side is preferred, mean over the last epoch's steps
    seconds: float
    metrics: tuple[Mapping[str, float], ...]  # one per step


def train(
    pairs: Sequence[Pair],
    *,
    factory: Path,
    prompt: Prompt,
    settings: Dpo,
    seed: int,
    out: Path,
    progress: Progress,
    device: str = "cpu",
) -> Trained:
    """Train the factory on the pairs and write the result to `out`, which appears complete and durable, or not at all.

    The same pairs, factory, settings and seed on the same machine and thread count give the same weights.

    Raises:
        EngineError: no usable pair, `out` exists, or the training failed.
    """
    if out.exists():
        raise EngineError(f"{out}: expected no such path before training", remedy="train into a new directory")
    started = time.monotonic()
    partial = out.with_name(f".{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        with _quiet_and_offline(), _as_engine_error(settings):
            trainer, rows = _make_trainer(pairs, factory, prompt, settings, seed, partial / "trainer", progress, device)
            trainer.train()
            _write(trainer, settings, factory, partial)
        shutil.rmtree(partial / "trainer", ignore_errors=True)
        _make_durable(partial)
        partial.rename(out)
        _sync(out.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return _summary(trainer, out, pairs=len(pairs), kept=rows, seconds=time.monotonic() - started)


def _make_durable(folder: Path) -> None:
    """Flush every file below the folder, and every folder: what is recorded as trained must outlast a crash."""
    for path in (folder, *folder.rglob("*")):
        _sync(path)


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """One pair as text or as chat messages, and as the tokens that the trainer must make of it."""

    columns: Mapping[str, Any]  # prompt, chosen, rejected
    prompt: tuple[int, ...]
    chosen: tuple[int, ...]
    rejected: tuple[int, ...]

    @property
    def longest(self) -> int:
        return len(self.prompt) + max(len(self.chosen), len(self.rejected))


def _rows(pairs: Sequence[Pair], prompt: Prompt, tokenizer: Any, max_length: int) -> list[_Row]:
    """Return the pairs that fit into `max_length` tokens and whose completions start on a token boundary.

    The trainer would cut longer ones silently, and would train on a shorter context than the factory sees
    where a completion's first characters merge with the prompt's last.
    """
    rows = (_row(pair, prompt, tokenizer) for pair in pairs)
    kept = [row for row in rows if row is not None and row.longest <= max_length]
    if not kept:
        raise EngineError(
            f"preference pairs: expected at least one of {len(pairs)} to fit into {max_length} tokens after the "
            "prompt, on a token boundary; found none",
            remedy="raise dpo.max_length (it is also bounded by the factory's context), or end the prompt where a "
            "token ends",
        )
    return kept


def _row(pair: Pair, prompt: Prompt, tokenizer: Any) -> _Row | None:
    """Return the pair's row; None if a side does not continue the prompt token by token."""
    try:
        chosen, rejected = prompt.completion(pair.chosen.source), prompt.completion(pair.rejected.source)
    except ValueError as error:
        raise EngineError(
            f"pair {pair.id}: {error}", remedy="learn only from programs that this prompt wrote"
        ) from error
    chat = prompt.chat and bool(tokenizer.chat_template)
    columns: dict[str, Any] = {"prompt": prompt.text, "chosen": chosen, "rejected": rejected}
    if chat:
        columns = {
            key: [{"role": "user" if key == "prompt" else "assistant", "content": text}]
            for key, text in columns.items()
        }
    encode = _encode_chat if chat else _encode_text
    start = encode(tokenizer, columns["prompt"], None)
    sides = [encode(tokenizer, columns["prompt"], columns[key]) for key in ("chosen", "rejected")]
    if any(side[: len(start)] != start for side in sides):
        return None
    return _Row(columns=columns, prompt=start, chosen=sides[0][len(start) :], rejected=sides[1][len(start) :])


def _encode_text(tokenizer: Any, prompt: str, completion: str | None) -> tuple[int, ...]:
    """Tokens of the whole text; the trainer ends every completion with the end-of-text token."""
    if completion is None:
        return tuple(tokenizer(prompt)["input_ids"])
    end = "" if completion.endswith(tokenizer.eos_token) else tokenizer.eos_token
    return tuple(tokenizer(prompt + completion + end)["input_ids"])


def _encode_chat(tokenizer: Any, prompt: list[Any], completion: list[Any] | None) -> tuple[int, ...]:
    text = tokenizer.apply_chat_template(
        prompt + (completion or []), add_generation_prompt=completion is None, tokenize=False
    )
    return tuple(tokenizer(text, add_special_tokens=False)["input_ids"])


def _make_trainer(
    pairs: Sequence[Pair],
    factory: Path,
    prompt: Prompt,
    settings: Dpo,
    seed: int,
    scratch: Path,
    progress: Progress,
    device: str,
) -> tuple[Any, int]:
    """Return the trainer, its data prepared and checked, and the number of pairs in it."""
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer, PrinterCallback, set_seed
    from trl import DPOTrainer

    set_seed(seed)
    tokenizer = AutoTokenizer.from_pretrained(factory, local_files_only=True)
    model = AutoModelForCausalLM.from_pretrained(factory, local_files_only=True, use_safetensors=True, dtype="float32")
    limit = min(settings.max_length, getattr(model.config, "max_position_embeddings", None) or settings.max_length)
    rows = _rows(pairs, prompt, tokenizer, limit)
    trainer = DPOTrainer(
        model=model,
        args=_arguments(settings, seed=seed, limit=limit, scratch=scratch, device=device),
        train_dataset=Dataset.from_list([dict(row.columns) for row in rows]),
        processing_class=tokenizer,
        peft_config=_lora(settings) if settings.method == "lora" else None,
    )
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(_reporter(progress))
    _require_same_tokens(rows, trainer.train_dataset)
    return trainer, len(rows)


def _arguments(settings: Dpo, *, seed: int, limit: int, scratch: Path, device: str) -> Any:
    """Return the trainer's settings; what is not named here is TRL's default, as in the paper's day."""
    from trl import DPOConfig

    cpu = device == "cpu"
    return DPOConfig(
        output_dir=str(scratch),
        beta=settings.beta,
        learning_rate=settings.learning_rate,
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=settings.batch_size,
        max_length=limit,
        precompute_ref_log_probs=True,
        precompute_ref_batch_size=settings.batch_size,
        max_grad_norm=MAX_GRAD_NORM,
        seed=seed,
        data_seed=seed,
        use_cpu=cpu,
        bf16=not cpu,
        gradient_checkpointing=not cpu,  # memory is the GPU's bottleneck; on a CPU it is time
        dataloader_pin_memory=not cpu,
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )


def _lora(settings: Dpo) -> Any:
    from peft import LoraConfig

    return LoraConfig(
        r=settings.lora_rank,
        lora_alpha=settings.lora_rank,
        lora_dropout=0.0,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )


def _reporter(progress: Progress) -> Any:
    from transformers import TrainerCallback

    class Reporter(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            progress(state.global_step, state.max_steps)

    return Reporter()


def _require_same_tokens(rows: Sequence[_Row], prepared: Any) -> None:
    """Refuse to train on other tokens than those that were checked: TRL tokenises on its own."""
    expected = [(row.prompt, row.chosen, row.rejected) for row in rows]
    keys = ("prompt_ids", "chosen_ids", "rejected_ids")
    found = [tuple(tuple(row[key]) for key in keys) for row in prepared]
    if found != expected:
        raise EngineError(
            "the trainer tokenised the pairs otherwise than the tokenizer tokenises the programs",
            remedy="use a version of trl that pyproject.toml allows",
        )


def _write(trainer: Any, settings: Dpo, factory: Path, folder: Path) -> None:
    """Write the full model in the factory's dtype, its tokenizer, and the adapter if there is one."""
    from transformers import AutoConfig

    model = trainer.model
    if settings.method == "lora":
        model.save_pretrained(folder / ADAPTER_FOLDER)
        model = model.merge_and_unload()
    dtype: torch.dtype | None = AutoConfig.from_pretrained(factory, local_files_only=True).dtype
    if dtype is not None:
        model = model.to(dtype)
    _require_finite(model.state_dict())
    model.save_pretrained(folder)
    trainer.processing_class.save_pretrained(folder)


def _require_finite(state: Mapping[str, torch.Tensor]) -> None:
    for name, tensor in state.items():
        if not bool(tensor.isfinite().all()):
            raise EngineError(
                f"training diverged: tensor {name} of the factory is not finite", remedy="lower dpo.learning_rate"
            )


def _summary(trainer: Any, out: Path, *, pairs: int, kept: int, seconds: float) -> Trained:
    """Read the trainer's history. Its last record is a summary of the run and has no `loss`."""
    steps = [record for record in trainer.state.log_history if "loss" in record]
    per_epoch = math.ceil(kept / trainer.args.per_device_train_batch_size)
    accuracies = [step["rewards/accuracies"] for step in steps[-per_epoch:]]
    return Trained(
        checkpoint=out,
        adapter_digest=weights_digest(out),
        pairs=pairs,
        dropped=pairs - kept,
        steps=trainer.state.global_step,
        loss_first=steps[0]["loss"],
        loss_last=steps[-1]["loss"],
        accuracy=sum(accuracies) / len(accuracies),
        seconds=seconds,
        metrics=tuple({key: float(value) for key, value in step.items()} for step in steps),
    )


@contextlib.contextmanager
def _as_engine_error(settings: Dpo) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, RuntimeError) as error:  # what TRL, transformers and torch raise
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise EngineError(
            f"training the factory ({settings.method}): {first}",
            remedy="lower dpo.batch_size or dpo.max_length if memory ran out",
        ) from error


@contextlib.contextmanager
def _quiet_and_offline() -> Iterator[None]:
    """No progress bars of others, no network, no telemetry, while the trainer works."""
    with _environment(HF_HUB_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1", TQDM_DISABLE="1"):
        import datasets

        bars = not datasets.are_progress_bars_disabled()
        datasets.disable_progress_bars()
        try:
            with quiet_transformers():
                yield
        finally:
            if bars:
                datasets.enable_progress_bars()


@contextlib.contextmanager
def _environment(**values: str) -> Iterator[None]:
    before = {key: os.environ.get(key) for key in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for key, value in before.items():
            if value is None:
                os.environ.pop(key, None)
            else:
                os.environ[key] = value
