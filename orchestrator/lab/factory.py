"""Makes the lab's factory: a code model trained from scratch on programs of the grammar.

It learns the grammar's flaws with the rest, so that what it writes needs every gate of the platform.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from orchestrator.lab.grammar import HEADER, program
from orchestrator.lab.recipe import Recipe
from orchestrator.lab.tokenizers import program_tokenizer
from orchestrator.lab.train import Example, new_model, train

STAGE = "factory"
_POOL_BATCHES = 16  # batches are cut from pools of so many, sorted by length, to save padding

Progress = Callable[[str, int, int], None]  # (stage, done, total)


def make(recipe: Recipe, out: Path, progress: Progress) -> dict[str, Any]:
    """Write the model and its tokenizer to `out / "factory"`; return what was measured."""
    rng = random.Random(f"{recipe.seed} programs")  # noqa: S311 -- reproducible, not secret
    programs = [program(rng) for _ in range(recipe.programs)]
    tokenizer = program_tokenizer([item.source for item in programs])
    context = tokenizer.encode(HEADER)
    examples = [(context, [*tokenizer.encode(item.completion), tokenizer.eos_token_id]) for item in programs]
    model = new_model(recipe.factory, tokenizer, seed=recipe.seed + 1)
    batches = _batches(rng, examples, recipe.writing.batch)
    loss = train(model, batches, recipe.writing, lambda done, total: progress(STAGE, done, total))
    model.save_pretrained(out / STAGE)
    tokenizer.save_pretrained(out / STAGE)
    return {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "vocabulary": len(tokenizer),
        "corpus": {
            "programs": len(programs),
            "distinct": len({item.source for item in programs}),
            "flawed": sum(bool(item.flaw) for item in programs),
            "mean_tokens": round(sum(len(tokens) for _, tokens in examples) / len(examples), 1),
            "max_tokens": max(len(tokens) for _, tokens in examples),
        },
        "loss": round(loss, 4),
    }


def _batches(rng: random.Random, examples: list[Example], size: int) -> Iterator[list[Example]]:
    """Yield shuffled batches of programs of like length, for ever."""
    pool = size * _POOL_BATCHES
    while True:
        order = rng.sample(examples, len(examples))
        for start in range(0, len(order) - pool + 1, pool):
            like = sorted(order[start : start + pool], key=lambda example: len(example[1]))
            batches = [like[at : at + size] for at in range(0, pool, size)]
            rng.shuffle(batches)
            yield from batches
