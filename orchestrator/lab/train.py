"""Training a small Llama on (context, completion) token pairs; loss on the completion alone.

One optimiser recipe for every model of the lab: AdamW, linear warm-up, cosine decay, clipped gradients.
Deterministic for a given seed, thread count and machine; knows nothing of what the tokens mean.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from orchestrator.lab.recipe import Schedule, Shape

IGNORED = -100  # label of positions without loss, as torch's cross entropy has it
CLIP_NORM = 1.0
BETAS = (0.9, 0.98)
WEIGHT_DECAY = 0.01

Example = tuple[list[int], list[int]]  # context tokens, completion tokens
Progress = Callable[[int, int], None]  # (done, total)


def new_model(shape: Shape, tokenizer: Any, *, seed: int) -> Any:
    """Return a freshly initialised model for the tokenizer's vocabulary."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        intermediate_size=shape.intermediate,
        num_attention_heads=shape.heads,
        max_position_embeddings=shape.positions,
        tie_word_embeddings=True,
        initializer_range=shape.initial_std,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
    )
    return LlamaForCausalLM(config)


def train(model: Any, examples: Iterable[Sequence[Example]], schedule: Schedule, progress: Progress) -> float:
    """Train in place on one batch per step; return the mean loss of the last tenth of the steps."""
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=schedule.learning_rate, betas=BETAS, weight_decay=WEIGHT_DECAY, foreach=True
    )
    factor = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _cosine(step, schedule))
    model.train()
    losses: list[float] = []
    for step, batch in zip(range(schedule.steps), examples, strict=False):
        loss = _loss(model, *collate(batch))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP_NORM, foreach=True)
        optimizer.step()
        factor.step()
        losses.append(float(loss.detach()))
        progress(step + 1, schedule.steps)
    model.eval()
    tail = losses[-max(1, schedule.steps // 10) :]
    return sum(tail) / len(tail)


def collate(batch: Sequence[Example]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return right-padded tokens and labels, both int64 [batch, longest].

    No attention mask is needed: padding lies to the right, attention is causal, and padding has no loss.
    """
    longest = max(len(context) + len(completion) for context, completion in batch)
    tokens = torch.zeros(len(batch), longest, dtype=torch.int64)
    labels = torch.full((len(batch), longest), IGNORED, dtype=torch.int64)
    for row, (context, completion) in enumerate(batch):
        end = len(context) + len(completion)
        tokens[row, :end] = torch.tensor(context + completion)
        labels[row, len(context) : end] = torch.tensor(completion)
    return tokens, labels


def _loss(model: Any, tokens: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross entropy, computing logits only where there is a label."""
    hidden = model.model(input_ids=tokens, use_cache=False).last_hidden_state[:, :-1]
    wanted = labels[:, 1:]
    where = wanted != IGNORED
    return torch.nn.functional.cross_entropy(model.lm_head(hidden[where]), wanted[where])


def _cosine(step: int, schedule: Schedule) -> float:
    if step < schedule.warmup:
        return (step + 1) / schedule.warmup
    done = (step - schedule.warmup) / max(1, schedule.steps - schedule.warmup)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
