"""The factory as a transformers model: samples programs, and adopts trained weights.

Sampling is greedy decoding over logits to which seeded Gumbel noise was added (which is exact sampling from
the softmax), with one noise generator per program. So program i of iteration t depends on (run seed, t, i)
and the weights alone, not on the batch it was sampled in. One limit: matrix kernels round differently for
different batch sizes, so where two noised logits lie within rounding of each other, another batch size may
pick the other token. The same batch size on the same machine and thread count repeats exactly.

Judges nothing: what comes out is text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GenerationConfig,
    LogitsProcessor,
    LogitsProcessorList,
    TemperatureLogitsWarper,
    TopPLogitsWarper,
)

from evals.engines.hf import quiet_transformers
from orchestrator.candidate import Proposed, Sampling, source_digest
from orchestrator.errors import EngineError, UsageError
from orchestrator.models import WEIGHTS, WORDS, folder_digest, weights_digest
from orchestrator.stages.generate.base import Progress
from orchestrator.stages.generate.prompts import Prompt

ADAPTER_CONFIG = "adapter_config.json"


class HfGenerator:
    """Samples programs from a causal language model in Hugging Face layout."""

    def __init__(
        self,
        model_dir: Path,
        *,
        prompt: Prompt,
        seed: int,
        top_p: float,
        max_new_tokens: int,
        batch_size: int,
        device: str = "cpu",
    ) -> None:
        """Load the untrained factory.

        Raises:
            UsageError: the directory holds no model that transformers can load without remote code.
        """
        self._model_dir = model_dir
        self._prompt = prompt
        self._seed = seed
        self._top_p = top_p
        self._max_new_tokens = max_new_tokens
        self._batch_size = batch_size
        self._device = device
        self._adapter = ""
        self._model = _load(model_dir).to(device)
        self._tokenizer: Any = AutoTokenizer.from_pretrained(model_dir)
        self._context = self._prompt_tokens()

    @property
    def origin(self) -> str:
        return folder_digest(self._model_dir, (*WEIGHTS, *WORDS))

    @property
    def adapter(self) -> str:
        return self._adapter

    def propose(self, iteration: int, count: int, *, temperature: float, progress: Progress) -> Sequence[Proposed]:
        """Sample `count` programs at the temperature.

        Raises:
            EngineError: the model failed to generate.
        """
        proposed: list[Proposed] = []
        for start in range(0, count, self._batch_size):
            indices = range(start, min(start + self._batch_size, count))
            seeds = [program_seed(self._seed, iteration, index) for index in indices]
            for index, seed, tokens in zip(indices, seeds, self._sample(seeds, temperature), strict=True):
                proposed.append(self._proposed(iteration, index, seed, tokens, temperature))
            progress(len(proposed), count)
        return proposed

    def adopt(self, checkpoint: Path) -> None:
        """Sample from trained weights: a full model directory, or a peft adapter's.

        An adapter is put on the model directory that it names as its base, if that exists, else on the
        untrained factory.

        Raises:
            UsageError: the checkpoint cannot be loaded.
        """
        is_adapter = (checkpoint / ADAPTER_CONFIG).is_file()
        self._model = (_with_adapter(self._model_dir, checkpoint) if is_adapter else _load(checkpoint)).to(self._device)
        self._adapter = weights_digest(checkpoint)

    @torch.no_grad()
    def _sample(self, seeds: Sequence[int], temperature: float) -> list[list[int]]:
        """Return each row's new tokens, cut before the end-of-text token."""
        context = torch.tensor([self._context] * len(seeds), device=self._device)
        end = self._tokenizer.eos_token_id
        processors = LogitsProcessorList([TemperatureLogitsWarper(temperature)])
        if self._top_p < 1:
            processors.append(TopPLogitsWarper(self._top_p))
        processors.append(SeededGumbel(seeds))
        config = GenerationConfig(
            do_sample=False,
            max_new_tokens=self._max_new_tokens,
            eos_token_id=end,
            pad_token_id=end if self._tokenizer.pad_token_id is None else self._tokenizer.pad_token_id,
        )
        try:
            rows = self._model.generate(
                input_ids=context,
                attention_mask=torch.ones_like(context),
                generation_config=config,
                logits_processor=processors,
            )
        except RuntimeError as error:
            raise EngineError(
                f"factory {self._model_dir}: generation failed: {error}", remedy="lower [generate] batch_size"
            ) from error
        return [_until(row, end) for row in rows[:, context.shape[1] :].tolist()]

    def _proposed(self, iteration: int, index: int, seed: int, tokens: list[int], temperature: float) -> Proposed:
        source = self._prompt.program(self._tokenizer.decode(tokens, skip_special_tokens=True))
        return Proposed(
            id=f"i{iteration}-{index:03d}",
            iteration=iteration,
            index=index,
            source=source,
            digest=source_digest(source),
            sampling=Sampling(
                model=str(self._model_dir),
                prompt_digest=self._prompt.digest,
                temperature=temperature,
                top_p=self._top_p,
                seed=seed,
                tokens=len(tokens),
                adapter=self._adapter,
            ),
        )

    def _prompt_tokens(self) -> list[int]:
        if self._prompt.chat and self._tokenizer.chat_template:
            messages = [{"role": "user", "content": self._prompt.text}]
            text = self._tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
            return list(self._tokenizer.encode(text, add_special_tokens=False))
        return list(self._tokenizer.encode(self._prompt.text))


class SeededGumbel(LogitsProcessor):  # type: ignore[misc]
    """Adds standard Gumbel noise, each row's from its own seeded generator.

    `argmax(logits + Gumbel)` is a sample of `softmax(logits)` (Maddison et al. 2014, "A* Sampling"). The noise
    is drawn on the CPU, so that it is the same on every device.
    """

    def __init__(self, seeds: Sequence[int]) -> None:
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Return noised scores, float32 [batch, vocabulary]."""
        noise = torch.stack([self._row(generator, scores.shape[-1]) for generator in self._generators])
        return scores.float() + noise.to(scores.device)

    @staticmethod
    def _row(generator: torch.Generator, size: int) -> torch.Tensor:
        return -torch.empty(size).exponential_(generator=generator).log_()


def program_seed(run_seed: int, iteration: int, index: int) -> int:
    """Return the sampling seed of one program: 52 bits of sha256, so that every JSON reader holds it exactly."""
    digest = hashlib.sha256(f"assay generate {run_seed} {iteration} {index}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 12


def _load(model_dir: Path) -> Any:
    try:
        with quiet_transformers():
            return AutoModelForCausalLM.from_pretrained(
                model_dir, use_safetensors=True, trust_remote_code=False, local_files_only=True
            ).eval()
    except (OSError, ValueError) as error:
        raise UsageError(
            f"factory {model_dir}: not a causal language model with safetensors weights: {error}",
            remedy="set [generate] model to a directory in Hugging Face layout",
        ) from error


def _with_adapter(model_dir: Path, adapter: Path) -> Any:
    from peft import PeftConfig, PeftModel  # slow to import, and only trained adapters need it

    named = PeftConfig.from_pretrained(str(adapter)).base_model_name_or_path
    base = Path(named) if named and Path(named).is_dir() else model_dir
    return PeftModel.from_pretrained(_load(base), str(adapter)).merge_and_unload().eval()


def _until(tokens: list[int], end: int) -> list[int]:
    return tokens[: tokens.index(end)] if end in tokens else tokens
