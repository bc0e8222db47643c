"""One resident transformer: merged tensors are copied into it in place, answers are decoded greedily.

It knows nothing of tasks or scores. Importing this module is cheap; torch and transformers are
imported when an engine is made.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.engines.base import InferenceError

if TYPE_CHECKING:
    import torch

_TAIL_TOKENS_MARGIN = 4  # decoded beyond the stop string's own length, for tokens of several characters


class HfEngine:
    """Keeps a causal language model loaded and replaces parameters by name.

    Results are in the order of the prompts, and the same prompts give the same answers: batches are cut
    from the prompts sorted by their tokens, so the caller's order plays no part. Which prompts share a
    batch can still move a logit by a rounding error; compare scores on equal sets of prompts.
    """

    def __init__(self, model_dir: Path, *, device: str = "cpu", batch_size: int, threads: int | None = None) -> None:
        """Load the model in the dtype of its files.

        Args:
            model_dir: Hugging Face layout with safetensors and a tokenizer; nothing is downloaded.
            device: a torch device.
            batch_size: prompts decoded at once.
            threads: torch's threads for the whole process; None leaves them as they are.

        Raises:
            InferenceError: the directory cannot be loaded.
        """
        import torch

        if threads is not None:
            torch.set_num_threads(threads)
        self._device = torch.device(device)
        self._batch_size = batch_size
        self._model, self._tokenizer = _load(model_dir, self._device)
        self._parameters: dict[str, torch.Tensor] = self._model.state_dict(keep_vars=True)
        self._prefix: str = self._model.base_model_prefix
        self._seed: dict[str, torch.Tensor] = {}  # seed values of whatever was ever swapped, by canonical name

    def swap(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Copy tensors into the named parameters; parameters that are not named return to the seed's values.

        Names are those of the safetensors files. Tied parameters are one: where a file stores both names,
        the value of the first in the model's own order counts, as when the model is loaded.

        Raises:
            InferenceError: an unknown name, or another shape than the parameter's. Nothing is changed then.
        """
        import torch

        wanted = self._resolve(tensors)
        with torch.no_grad():
            for name in self._seed.keys() - wanted.keys():
                self._parameters[name].copy_(self._seed[name])
            for name, tensor in wanted.items():
                if name not in self._seed:
                    self._seed[name] = self._parameters[name].detach().clone()
                self._parameters[name].copy_(tensor)

    def generate(self, prompts: Sequence[str], *, max_new_tokens: int, stop: Sequence[str]) -> list[str]:
        """Decode greedily until the end-of-text token, a stop string (left out) or `max_new_tokens`.

        Raises:
            InferenceError: a prompt is empty, or does not fit into the model's context with its answer.
        """
        if not prompts:
            return []
        encoded = self._tokenizer(list(prompts))["input_ids"]
        self._require_fit(encoded, max_new_tokens)
        order = sorted(range(len(encoded)), key=lambda index: (len(encoded[index]), encoded[index]))
        answers = [""] * len(encoded)
        for start in range(0, len(order), self._batch_size):
            batch = order[start : start + self._batch_size]
            texts = self._decode_batch([encoded[index] for index in batch], max_new_tokens, stop)
            for index, text in zip(batch, texts, strict=True):
                answers[index] = _cut(text, stop)
        return answers

    def _resolve(self, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return canonical name -> tensor, one entry per parameter, after checking every name and shape."""
        found = {self._model_name(name): (name, tensor) for name, tensor in tensors.items()}
        canonical: dict[int, str] = {}
        wanted: dict[str, torch.Tensor] = {}
        for own_name, parameter in self._parameters.items():
            first = canonical.setdefault(id(parameter), own_name)
            if own_name not in found or first in wanted:
                continue
            name, tensor = found[own_name]
            if tensor.shape != parameter.shape:
                raise InferenceError(
                    f"tensor {name}: expected shape {list(parameter.shape)}, found {list(tensor.shape)}"
                )
            wanted[first] = tensor
        return wanted

    def _model_name(self, name: str) -> str:
        """Return the model's own name for a stored one: files may leave out the base model's prefix."""
        for candidate in (name, f"{self._prefix}.{name}", name.removeprefix(f"{self._prefix}.")):
            if candidate in self._parameters:
                return candidate
        raise InferenceError(f"tensor {name}: the loaded model {type(self._model).__name__} has no parameter of it")

    def _require_fit(self, encoded: Sequence[Sequence[int]], max_new_tokens: int) -> None:
        context = getattr(self._model.config, "max_position_embeddings", None)
        for tokens in encoded:
            if not tokens:
                raise InferenceError("a prompt holds no token: expected at least one")
            if context is not None and len(tokens) + max_new_tokens > context:
                raise InferenceError(
                    f"a prompt of {len(tokens)} tokens and an answer of {max_new_tokens}: expected at most "
                    f"{context} together, the model's context; use fewer shots or shorter answers"
                )

    def _decode_batch(self, rows: Sequence[Sequence[int]], max_new_tokens: int, stop: Sequence[str]) -> list[str]:
        import torch

        width = max(len(row) for row in rows)
        pad = self._tokenizer.pad_token_id
        tokens = torch.tensor([[pad] * (width - len(row)) + list(row) for row in rows], device=self._device)
        mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows], device=self._device)
        criteria = [_StopStrings(self._tokenizer, stop, width)] if stop else []
        with torch.inference_mode():
            output = self._model.generate(
                input_ids=tokens, attention_mask=mask, max_new_tokens=max_new_tokens, stopping_criteria=criteria
            )
        decoded: list[str] = self._tokenizer.batch_decode(
            output[:, width:], skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return decoded


class _StopStrings:
    """Ends a row as soon as its text holds a stop string. Looks at the last tokens only."""

    def __init__(self, tokenizer: Any, stop: Sequence[str], start: int) -> None:
        self._tokenizer = tokenizer
        self._stop = stop
        self._start = start
        self._tail = max(len(text.encode()) for text in stop) + _TAIL_TOKENS_MARGIN
        self._done: torch.Tensor | None = None

    def __call__(self, tokens: torch.Tensor, scores: object, **_: object) -> torch.Tensor:
        import torch

        if self._done is None:
            self._done = torch.zeros(len(tokens), dtype=torch.bool, device=tokens.device)
        tails = self._tokenizer.batch_decode(tokens[:, max(self._start, tokens.shape[1] - self._tail) :])
        hit = [any(text in tail for text in self._stop) for tail in tails]
        self._done |= torch.tensor(hit, device=tokens.device)
        return self._done


def _cut(text: str, stop: Sequence[str]) -> str:
    ends = [position for position in (text.find(string) for string in stop) if position >= 0]
    return text[: min(ends)] if ends else text


def _load(model_dir: Path, device: torch.device) -> tuple[Any, Any]:
    """Load model and tokenizer, with greedy decoding whatever the directory's generation settings say."""
    from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

    try:
        with quiet_transformers():
            tokenizer = AutoTokenizer.from_pretrained(model_dir, local_files_only=True)
            model = AutoModelForCausalLM.from_pretrained(
                model_dir, local_files_only=True, use_safetensors=True, dtype="auto"
            )
    except (OSError, ValueError) as error:
        raise InferenceError(f"{model_dir}: cannot be loaded: {str(error).splitlines()[0]}") from error
    ends = model.generation_config.eos_token_id or tokenizer.eos_token_id
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    model.generation_config = GenerationConfig(
        do_sample=False, eos_token_id=ends, pad_token_id=tokenizer.pad_token_id, use_cache=True
    )
    return model.to(device).eval(), tokenizer


@contextlib.contextmanager
def quiet_transformers() -> Iterator[None]:
    """Silence transformers' progress bars and advice for a while; its errors are exceptions anyway."""
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
